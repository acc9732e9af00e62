"""The appliance's unit on a machine of its own: a real kernel, control groups of today, and V4L2 cameras in it.

Needs no virtualisation of the processor: qemu plays it, which takes some minutes. `make test-v4l2`, docs/v4l2-tests.md.
"""
