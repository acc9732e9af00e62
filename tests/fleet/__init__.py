"""Booted hosts on one machine, and the tests of the whole that need them: what a unit really may do, how long a start
and a deployment take, and what is left after a pulled cable, is seen only where systemd, sshd and a network are real.
Run by `make test-fleet`, or by hand with `python -m tests.fleet`."""
