"""Telling systemd how the daemon is, by the protocol of sd_notify(3): one datagram to `$NOTIFY_SOCKET`."""

import os
import socket


def sd_notify(*lines: str) -> bool:
    """Send e.g. `READY=1` or `WATCHDOG=1`; return whether somebody listens. Without systemd this does nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.connect(address)
        link.sendall("\n".join(lines).encode())
    return True


def watchdog_interval_s() -> float | None:
    """Half of the time within which systemd wants to hear `WATCHDOG=1`; None where it does not ask."""
    asked = os.environ.get("WATCHDOG_USEC", "")
    return int(asked) / 2e6 if asked.isdigit() and int(asked) > 0 else None
