"""The desk's rounds: what it does again and again beside what it is asked, with proof that it gets on."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from edge.affect.sessions.needs import DeskNeeds
from edge.affect.sessions.room import PART
from edge.core.backoff import Backoff
from edge.core.errors import StoreError
from edge.core.health import State
from edge.core.service import Pulse

KEEP_TIME_S: Final = 30.0
"""How often it is written down that a session runs: so much of its end can be uncertain after a crash."""
_BUSY_S, _IDLE_S = 1.0, 5.0


@dataclass(frozen=True, kw_only=True)
class Chores:
    """What is done in each round; all but `close_asks` and `busy` may raise `StoreError`, and are tried again."""

    close_asks: Callable[[], None]
    """Close the questions whose time is up."""
    keep: Callable[[], Coroutine[Any, Any, None]]
    """Write down that sessions run, end what nobody stopped, go on with erasing; every `KEEP_TIME_S`."""
    tell: Callable[[], Coroutine[Any, Any, None]]
    """Hand over what the store did not take."""
    count: Callable[[], Awaitable[None]]
    """Look how many segments there are."""
    busy: Callable[[], bool]
    """Whether a session runs."""
    wake: asyncio.Event
    """Something waits for the store."""


class Rounds:
    """Belongs to the event loop. Health part: `sessions`."""

    def __init__(self, needs: DeskNeeds, pulse: Pulse) -> None:
        self._needs = needs
        self._pulse = pulse
        self._backoff = Backoff(random.Random(PART), first_s=1.0, limit_s=8.0)  # noqa: S311 - jitter
        self._failing = ""

    async def run(self, chores: Chores) -> None:
        """Until cancelled."""
        looked_ns: int | None = None
        while True:
            self._pulse.beat()
            chores.close_asks()
            try:
                if looked_ns is None or self._needs.clock.mono_ns() - looked_ns >= KEEP_TIME_S * 1e9:
                    looked_ns = self._needs.clock.mono_ns()
                    await self._patiently(chores.keep())
                await self._patiently(chores.tell())
                await chores.count()
            except StoreError as error:
                self._failed(str(error))
                await self._needs.clock.sleep(self._backoff.next())
            else:
                self._worked()
                await self._rest(chores)

    async def _rest(self, chores: Chores) -> None:
        """Until something waits for the store, or a question's time may be up."""
        waking = asyncio.ensure_future(chores.wake.wait())
        try:
            await self._first_of(waking, _BUSY_S if chores.busy() else _IDLE_S)
        finally:
            waking.cancel()
            await asyncio.gather(waking, return_exceptions=True)

    async def _patiently(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to the end, with proof of progress: a large store is erased for minutes."""
        working = asyncio.ensure_future(work)
        try:
            while not working.done():
                self._pulse.beat()
                await self._first_of(working, _IDLE_S)
            await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _first_of(self, awaited: "asyncio.Future[Any]", seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._needs.clock.sleep(seconds))
        try:
            await asyncio.wait({sleeping, awaited}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            await asyncio.gather(sleeping, return_exceptions=True)

    def _failed(self, problem: str) -> None:
        self._failing = problem
        self._needs.health.set(PART, State.DEGRADED, problem)

    def _worked(self) -> None:
        self._backoff.reset()
        if self._failing:
            self._failing = ""
            self._needs.health.set(PART, State.OK)
