"""The device on aarch64: its locked wheels resolve and work under emulation, and its bundle installs itself.

`make test-arm64`."""
