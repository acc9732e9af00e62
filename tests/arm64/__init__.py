"""The device's locked wheels on aarch64: they resolve, and work under emulation. `make test-arm64`."""
