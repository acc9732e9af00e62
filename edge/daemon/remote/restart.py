"""Ends this run of the daemon for another one, at a moment when nobody loses anything by it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NoReturn

from edge.core.clock import Clock
from edge.sync.remote.handler import Call, Outcome

EXIT_AGAIN: Final = 75
"""The unit starts the daemon again after this exit code (`RestartForceExitStatus=75`); sysexits' EX_TEMPFAIL."""
_LOOK_EVERY_S: Final = 1.0


class RestartDesk:
    """`due` is set when the daemon is to end with `EXIT_AGAIN`. `busy` says why it must not be restarted now, such as
    `session s-1 is being recorded`; empty if it may."""

    def __init__(self, busy: Callable[[], Sequence[str]], clock: Clock) -> None:
        self.due = asyncio.Event()
        self.busy = busy
        self._clock = clock

    async def restart(self, tell: Callable[[str], Awaitable[None]] | None = None) -> NoReturn:
        """Wait until nothing is in the way, telling once what is, and restart. Never returns: it is cancelled."""
        await self.idle(tell)
        self.due.set()
        while True:
            await asyncio.Event().wait()

    async def idle(self, tell: Callable[[str], Awaitable[None]] | None = None) -> None:
        """Return when nothing is in the way, having told once what was."""
        reasons = self.busy()
        if reasons and tell:
            await tell(f"waits: {'; '.join(reasons)}")
        while self.busy():
            await self._clock.sleep(_LOOK_EVERY_S)


class RestartHandler:
    """`restart`: a new run of the daemon. It has succeeded when there is another one than that told to end."""

    def __init__(self, desk: RestartDesk) -> None:
        self._desk = desk

    async def run(self, call: Call) -> Outcome:
        """Restart."""
        await self._desk.restart(call.tell)

    async def resume(self, call: Call) -> Outcome:
        """If this is the run that was to end, end it; else it is done, whoever ended it."""
        if call.began_in == call.boot:
            await self._desk.restart(call.tell)
        return {"boot": call.boot}
