"""The daemon's life: take the state folder, put everything together, run until told to stop, stop in order."""

import asyncio
import contextlib
import fcntl
import importlib.metadata
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from edge.config import EdgeConfig
from edge.core.clock import SystemClock
from edge.core.errors import EdgeError
from edge.core.notify import sd_notify
from edge.core.service import supervise
from edge.daemon.assembly import Appliance, assemble
from edge.daemon.remote.begin import begin, blamed_rightly
from edge.daemon.remote.restart import EXIT_AGAIN
from edge.daemon.room import wait_for_room

_CLOSE_WITHIN_S: Final = 3.0
_log = logging.getLogger(__name__)


class StateFolderError(EdgeError):
    """The state folder cannot be used: it cannot be written, or another daemon has it."""


async def run_daemon(own: EdgeConfig) -> int:
    """Run the appliance until SIGTERM or SIGINT, or until it is to be started anew; return the exit code.

    `own` are the device's own settings; what is desired from afar is laid over them. Raise `StateFolderError` if the
    state folder cannot be had.
    """
    with _own(own.state):
        _log.info("afferent %s, device %s, state in %s", _version(), own.device, own.state)
        clock = SystemClock()
        await wait_for_room(own.state, clock)  # first: a start that waits for the disk is none that is tried
        beginning = await asyncio.to_thread(begin, own)
        with blamed_rightly(beginning):
            async with AsyncExitStack() as stack:
                appliance = await assemble(beginning, clock, _version(), stack)
                await _run_until_stopped(appliance)
    again = appliance.again.is_set()
    _log.info("stopped, to be started anew" if again else "stopped")
    return EXIT_AGAIN if again else 0


async def _run_until_stopped(appliance: Appliance) -> None:
    """The services run as one task; a signal, or a restart that is due, first ends what is being recorded, then cancels
    them all."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(supervise(appliance.services), name="services")
    stopping = asyncio.create_task(stop.wait(), name="signal")
    due = asyncio.create_task(appliance.again.wait(), name="restart")
    try:
        await asyncio.wait({running, stopping, due}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            sd_notify("STOPPING=1")
            await _close(appliance)
    finally:
        for task in (running, stopping, due):
            task.cancel()
        await asyncio.wait({running, stopping, due})
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    if not running.cancelled():
        running.result()


async def _close(appliance: Appliance) -> None:
    try:
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await appliance.close()
    except TimeoutError:
        _log.warning("recordings were not finished in %.0f s: their last pictures are left out", _CLOSE_WITHIN_S)


@contextlib.contextmanager
def _own(folder: Path) -> Iterator[None]:
    """Make the folder, private, and hold it alone: two daemons on one store would double what they say."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateFolderError(
            f"state folder {folder}: {error.strerror}; set state_dir to one that can be written"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateFolderError(
                f"another afferent runs on the state folder {folder}: stop it, or set another state_dir"
            ) from error
        yield
    finally:
        os.close(lock)


def _version() -> str:
    return importlib.metadata.version("afferent")
