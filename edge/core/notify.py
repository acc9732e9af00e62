"""Telling systemd how the daemon is, by the protocol of sd_notify(3): one datagram to `$NOTIFY_SOCKET`."""

import logging
import os
import socket

_log = logging.getLogger(__name__)


def sd_notify(*lines: str) -> bool:
    """Send e.g. `READY=1` or `WATCHDOG=1`; return whether it was taken. Without systemd this does nothing.

    What cannot be sent is not sent: systemd hears nothing and does what it does then.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.connect(address)
            link.sendall("\n".join(lines).encode())
    except OSError as error:
        _log.warning("systemd cannot be told %s: %s", lines[0], error)
        return False
    return True


def watchdog_interval_s() -> float | None:
    """Half of the time within which systemd wants to hear `WATCHDOG=1`; None where it does not ask."""
    asked = os.environ.get("WATCHDOG_USEC", "")
    return int(asked) / 2e6 if asked.isdigit() and int(asked) > 0 else None
