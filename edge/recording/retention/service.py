"""Keeps everything that was recorded within its budgets and the disk from filling: what is worth least goes first."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.service import Pulse
from edge.core.sizes import said_bytes
from edge.core.stash import Stash, Worth
from edge.core.storage_view import EvictionView, StorageView, WearView
from edge.recording.retention.pace import TOTAL, Pace
from edge.recording.retention.policy import Survey, Victim, choose, short_bytes, sizes_of
from edge.recording.retention.settings import RetentionSettings
from edge.recording.retention.view import Figures, view_of

_TICK_S: Final = 5.0
_TELL_S: Final = 60.0
_MARGIN: Final = 8
_MOST_MARGIN_BYTES: Final = 16 * 2**20
_WORRIED_NS: Final = 600 * 1_000_000_000


class Ballast(Protocol):
    """Disk space that is held ready, and given up when nothing else is left to write with."""

    @property
    def held_bytes(self) -> int:
        """How much is held now."""
        ...

    def release(self) -> bool:
        """Give it up; whether there was any. Blocks."""
        ...

    def take(self, free_bytes: int) -> None:
        """Hold it again, if that leaves enough of the `free_bytes` of the disk. Blocks."""
        ...


class NoBallast:
    """Holds nothing."""

    held_bytes = 0

    def release(self) -> bool:
        """There was none."""
        return False

    def take(self, free_bytes: int) -> None:
        """Nothing is held."""


class RetentionService:
    """A `Service` over all stashes. Health part: `disk`.

    `free_bytes` tells what the disk has left for us. `reconcile` may be set to what is to be done once before the first
    sweep, `wear` to what tells what the disk bears; `settings.ballast_bytes` is for who makes the `ballast`.
    """

    def __init__(
        self,
        stashes: Sequence[Stash],
        *,
        settings: RetentionSettings,
        free_bytes: Callable[[], int],
        clock: Clock,
        health: Health,
        hub: Hub | None = None,
        ballast: Ballast | None = None,
    ) -> None:
        self.name = "retention"
        self.pulse = Pulse(clock)
        self.evicted = 0
        self.evicted_bytes = 0
        self.lost = 0
        self.used_bytes = 0
        self.reconcile: Callable[[Callable[[], None]], Awaitable[None]] | None = None
        self.wear: Callable[[], WearView] | None = None
        self._stashes = list(stashes)
        self._settings = settings
        self._free_bytes = free_bytes
        self._clock = clock
        self._health = health
        self._hub = hub
        self._ballast = ballast or NoBallast()
        self._sweeping = asyncio.Lock()
        self._survey = Survey()
        self._pace = Pace()
        self._taken: dict[str, EvictionView] = {}
        self._short = 0
        self._swept_ns = clock.mono_ns()
        self._lost_ns: int | None = None
        self._told: tuple[int, int, bool] | None = None
        self._told_ns = 0

    def watch(self, stash: Stash) -> None:
        """Let one more stash be swept, from the next sweep on."""
        self._stashes.append(stash)

    def has_room(self) -> bool:
        """Whether recordings may grow now."""
        return self._short == 0

    def view(self) -> StorageView:
        """How it was at the last sweep."""
        figures = Figures(
            short=self._short,
            ballast=self._ballast.held_bytes,
            lost=self.lost,
            taken=list(self._taken.values()),
            wear=self.wear() if self.wear else None,
        )
        names = [stash.name for stash in self._stashes]
        return view_of(names, self._survey, self._settings, self._pace, now=self._clock.now(), figures=figures)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self.pulse.beat()
            try:
                await self.sweep()
            except (StoreError, OSError) as error:
                self._health.set("disk", State.DEGRADED, f"nothing can be evicted: {error}")
            self._tell()
            await self._clock.sleep(_TICK_S)

    async def sweep(self) -> None:
        """Evict until every rule holds, or nothing is left that may go.

        What the disk refuses is tried once more with the ballast given up. Raise `StoreError` or `OSError` if it is
        refused then too.
        """
        async with self._sweeping:
            try:
                await self._sweep()
            except (StoreError, OSError):
                if not await asyncio.to_thread(self._ballast.release):
                    raise
                await self._sweep()

    async def _sweep(self) -> None:
        if self.reconcile:
            await self.reconcile(self.pulse.beat)
            self.reconcile = None
        await self._look()
        margin = self._margin()
        now = self._clock.now()
        victims = await asyncio.to_thread(choose, self._survey, self._settings, now, margin_bytes=margin)
        refused = await self._evict_all(victims)
        if victims:
            await self._look()
        self._short = short_bytes(self._survey, self._settings, margin)
        if refused:
            raise refused
        self._judge()
        await asyncio.to_thread(self._ballast.take, self._survey.free)

    async def _evict_all(self, victims: Sequence[Victim]) -> OSError | None:
        """Evict each; what the disk does not let go of keeps no other from going. Return the first refusal."""
        refused = None
        for victim in victims:
            self.pulse.beat()
            try:
                await self._evict(victim)
            except OSError as error:
                refused = refused or error
        return refused

    def _margin(self) -> int:
        """More than is missed goes once recording has stopped, so that it does not stutter."""
        return 0 if self.has_room() else min(self._settings.reserve_bytes // _MARGIN, _MOST_MARGIN_BYTES)

    async def _look(self) -> None:
        self._survey, sizes = await asyncio.to_thread(self._read)
        self.used_bytes = sizes[TOTAL]
        now_ns = self._clock.mono_ns()
        self._pace.look(sizes, max(0.0, (now_ns - self._swept_ns) / 1e9))
        self._swept_ns = now_ns

    def _read(self) -> tuple[Survey, dict[str, int]]:
        """What lies on the disk, and how much of each class and in all."""
        stashes = list(self._stashes)
        holdings, used = [stash.holdings() for stash in stashes], [stash.used_bytes() for stash in stashes]
        survey = Survey(holdings, used, self._free_bytes())
        return survey, sizes_of(survey) | {TOTAL: sum(used)}

    async def _evict(self, victim: Victim) -> None:
        holding = victim.holding
        await self._stashes[victim.stash].evict(holding)
        unsent = holding.worth is not Worth.UPLOADED
        self.evicted += 1
        self.evicted_bytes += holding.size_bytes
        self._pace.gone(holding.kind, holding.size_bytes)
        if unsent:
            self.lost += 1
            self._lost_ns = self._clock.mono_ns()
        before = self._taken.get(holding.why) or EvictionView(reason=holding.why, count=0, lost=0, size_bytes=0)
        self._taken[holding.why] = EvictionView(
            reason=holding.why,
            count=before.count + 1,
            lost=before.lost + unsent,
            size_bytes=before.size_bytes + holding.size_bytes,
        )

    def _judge(self) -> None:
        if self._short:
            detail = f"{said_bytes(self._short)} short, and nothing left that may be deleted: recording waits"
            self._health.set("disk", State.DEGRADED, detail)
        elif self._lost_ns is not None and self._clock.mono_ns() - self._lost_ns < _WORRIED_NS:
            self._health.set("disk", State.DEGRADED, f"{self.lost} recordings were deleted before their upload")
        else:
            self._health.set("disk", State.OK, f"recordings take {said_bytes(self.used_bytes)}")

    def _tell(self) -> None:
        """Publish the view when something happened, and once a minute."""
        state = self.evicted, self.lost, self.has_room()
        now_ns = self._clock.mono_ns()
        if self._hub is None or (state == self._told and now_ns - self._told_ns < _TELL_S * 1e9):
            return
        self._told, self._told_ns = state, now_ns
        self._hub.publish("storage", msgspec.to_builtins(self.view()), key="device")
