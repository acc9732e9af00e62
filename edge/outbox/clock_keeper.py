"""Watches the wall clock against the monotonic one, and has times put right once it is known what they were."""

import random
from typing import Final

from contract.messages import ClockFix
from edge.core.backoff import Backoff
from edge.core.clock import Clock, Stamp, offset_ms
from edge.core.errors import StoreDelayedError, StoreError
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.outbox.store import Outbox

PART: Final = "clock"
LEAP_MS: Final = 1000
"""A clock that is kept is slewed, at most 500 ppm; what moves it by more than this within a look is a leap."""
_LOOK_S: Final = 1.0
_MEND_EVERY_NS: Final = 10_000_000_000
"""A record may be stamped before the clock was trusted and come after: what is to be mended is looked for again."""


class ClockKeeper:
    """A `Service`. Health part: `clock`. What it decides is written in docs/decisions/0013."""

    def __init__(self, *, outbox: Outbox, clock: Clock, health: Health, rng: random.Random) -> None:
        self.name = "clock-keeper"
        self.pulse = Pulse(clock)
        self.leaps_total = 0
        self.fixes_total = 0
        self._outbox = outbox
        self._clock = clock
        self._health = health
        self._backoff = Backoff(rng, first_s=1.0, limit_s=5.0)
        self._before: Stamp | None = None
        self._drifted_ms = 0
        self._mended_ns: int | None = None
        self._went_on = False

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self.pulse.beat()
            try:
                await self.look()
            except StoreError:
                await self._clock.sleep(self._backoff.next())  # the store says so itself; nothing is forgotten
            else:
                self._backoff.reset()
                await self._clock.sleep(_LOOK_S)

    async def look(self) -> None:
        """Compare the clocks once and do what follows; raise `StoreError` if it must be done again."""
        now, before = self._clock.now(), self._before
        leap_ms = offset_ms(now) - offset_ms(before) if before else 0
        leapt = abs(leap_ms) >= LEAP_MS
        self._before = now
        self._drifted_ms += leap_ms if leapt else 0
        self.leaps_total += leapt
        self._say(now)
        await self._go_on()
        if not now.trusted:
            self._mended_ns = None
            return
        if leapt and before and before.trusted:
            await self._tell_leap(now, leap_ms)
        if self._mended_ns is None or now.mono_ns - self._mended_ns >= _MEND_EVERY_NS:
            await self._mend(now)
            self._mended_ns, self._drifted_ms = now.mono_ns, 0

    def _say(self, now: Stamp) -> None:
        """An untrusted clock stops nothing, but whoever looks at times must know."""
        if now.trusted:
            self._health.set(PART, State.OK, "kept by a time server")
        else:
            self._health.set(PART, State.DEGRADED, "not kept by a time server: times are put right once it is")

    async def _tell_leap(self, now: Stamp, leap_ms: int) -> None:
        """Records that had a trusted clock keep their times: nobody knows since when it was wrong."""
        fix = self._fix(self._outbox.boot, now, reason="jumped", jump_ms=leap_ms)
        await self._outbox.append(fix)

    async def _go_on(self) -> None:
        """Once: with what a kill left half done. Of an earlier boot of the host nothing more will ever be known."""
        restamper = self._outbox.restamper
        for run in await restamper.doubted_runs() if not self._went_on else []:
            await restamper.mend(run)
        self._went_on = True

    async def _mend(self, now: Stamp) -> None:
        restamper = self._outbox.restamper
        for run in await restamper.doubted_runs():
            if not restamper.shares_clock(run):
                continue
            fix = self._fix(run.boot, now, jump_ms=self._drifted_ms) if await restamper.is_mendable(run) else None
            try:
                await restamper.mend(run, fix)
            except StoreDelayedError:
                return  # it stands in line; the next look goes on
            self.fixes_total += fix is not None

    def _fix(self, boot: str, now: Stamp, *, jump_ms: int, reason: str = "synchronised") -> ClockFix:
        return ClockFix(
            of_boot=boot,
            at_mono_ms=now.mono_ns // 1_000_000,
            wall_ms=now.wall_ms,
            reason="jumped" if reason == "jumped" else "synchronised",
            jump_ms=jump_ms,
        )
