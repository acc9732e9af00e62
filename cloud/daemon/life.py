"""How a process of the cloud lives: it starts its parts, tells systemd, and ends all of them at a signal."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

from cloud.store.clock import Clock

_log = logging.getLogger(__name__)
_WATCHDOG_S: Final = 5.0
Part = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled; what it did not expect escapes, and ends the process."""


async def until_signalled(parts: dict[str, Part]) -> None:
    """Run all parts, by name, until SIGTERM or SIGINT."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part(), name=name) for name, part in parts.items()]
        await stop.wait()
        notify("STOPPING=1")
        for task in tasks:
            task.cancel()
    _log.info("stopped")


def tell_ready(what: str) -> None:
    """Say to systemd and in the log that it runs; what is away is waited for by the part that needs it."""
    _log.info("READY %s", what)
    notify("READY=1", f"STATUS={what}")


async def watchdog(clock: Clock) -> None:
    """Tell systemd that the event loop turns, twice as often as it wants to hear it."""
    asked = os.environ.get("WATCHDOG_USEC", "")
    every_s = min(_WATCHDOG_S, int(asked) / 2e6) if asked.isdigit() and int(asked) else _WATCHDOG_S
    while True:
        notify("WATCHDOG=1")
        await clock.sleep(every_s)


def notify(*lines: str) -> None:
    """One datagram by the protocol of sd_notify(3); nothing without systemd, which notices by itself what it misses."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with (
        contextlib.suppress(ConnectionError, FileNotFoundError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link,
    ):
        link.connect("\0" + address[1:] if address.startswith("@") else address)
        link.sendall("\n".join(lines).encode())
