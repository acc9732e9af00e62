"""The service that watches one camera: newest frame in, state to the hub, events to the store."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import numpy as np

from contract.messages import Event
from edge.core.backoff import Backoff
from edge.core.clock import Clock, Stamp
from edge.core.errors import ModelError
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.records import RecordSink
from edge.core.service import Pulse
from edge.core.slot import Slot
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis, Seen
from edge.vision.events.book import EventBook
from edge.vision.events.journal import EventJournal
from edge.vision.findings import MOTION
from edge.vision.live import LiveState
from edge.vision.pace import FramePace
from edge.vision.pixels.luma import FrameUndecodableError
from edge.vision.settings import VisionSettings
from edge.vision.state import VisionState
from edge.vision.stats import VisionStats

_RETRY_LIMIT_S: Final = 10.0
_SAVE_EVERY_NS: Final = 300_000_000_000
_BAD_FRAMES: Final = 10
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class VisionOutlets:
    """Where a camera's analysis puts what it finds.

    The callables, for the recorder, are called on the event loop and must not wait.
    """

    sink: RecordSink
    hub: Hub
    health: Health
    on_event_opened: Callable[[Event], None] | None = None
    on_event_closed: Callable[[Event], None] | None = None


class VisionService:
    """Analyses the newest frame of a camera's slot, one after the other, in a thread of its own (X.9).

    If a model fails the stream goes on: health `vision.<camera>` says so and the models are tried again (S1.17).
    """

    def __init__(
        self,
        camera_id: str,
        *,
        slot: Slot[Frame],
        models: ModelStore,
        settings: VisionSettings,
        outlets: VisionOutlets,
        clock: Clock,
        rng: np.random.Generator,
        state_dir: Path,
    ) -> None:
        """`state_dir` is where what the camera learned is kept; it is made when first needed."""
        self._name = f"vision.{camera_id}"
        self._pulse = Pulse(clock)
        self._camera = camera_id
        self._pace = FramePace(slot, clock, every_nth=settings.every_nth, max_fps=settings.max_fps)
        self._models = models
        self._settings = settings
        self._outlets = outlets
        self._clock = clock
        self._rng = rng
        self._kept = state_dir / f"vision-{camera_id}.learned"
        self._jitter = Random(int(rng.integers(2**32)))  # noqa: S311 - spreads retries, guards nothing
        self._journal = EventJournal(outlets.sink, clock, Backoff(self._jitter))
        self._book = EventBook(camera_id, settings)
        self._live = LiveState(camera_id, outlets.hub)
        self._stats = VisionStats()
        self._analysis: FrameAnalysis | None = None
        self._reset_asked = False
        self._saved_ns = clock.mono_ns()
        self._bad_in_a_row = 0

    @property
    def name(self) -> str:
        """`vision.<camera>`, which is also its part of the health."""
        return self._name

    @property
    def pulse(self) -> Pulse:
        """Beats with each frame, and every second without."""
        return self._pulse

    @property
    def state(self) -> VisionState:
        """What the camera shows now."""
        return self._live.state

    @property
    def stats(self) -> VisionStats:
        """Counts for metrics."""
        return replace(self._stats, frames_skipped=self._pace.skipped, records_dropped=self._journal.dropped)

    def reset(self) -> None:
        """Forget what goes on and the background, end open events, count from zero (S1.10).

        What was learned to be normal stays (X.10).
        """
        now = self._clock.now()
        self._tell(self._book.close_all(now), now)
        self._live.reset(now)
        self._reset_asked = True

    async def run(self) -> None:
        """Analyse for ever; on cancellation end what is open and keep what was learned."""
        if not self._settings.enabled:
            await self._rest()
        with ThreadPoolExecutor(1, thread_name_prefix=self._name) as thread:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._journal.run(), name=f"{self._name}.journal")
                    group.create_task(self._watch(thread), name=f"{self._name}.watch")
            finally:
                await self._end(thread)

    async def _rest(self) -> None:
        self._outlets.health.set(self._name, State.STOPPED, "switched off in the settings")
        while True:
            self._pulse.beat()
            await self._clock.sleep(_RETRY_LIMIT_S)

    async def _watch(self, thread: ThreadPoolExecutor) -> None:
        backoff = Backoff(self._jitter, limit_s=_RETRY_LIMIT_S)
        while True:
            try:
                await self._in(thread, self._load)
                self._outlets.health.set(self._name, State.OK)
                await self._follow(thread, backoff)
            except ModelError as error:
                self._stats = replace(self._stats, model_failures=self._stats.model_failures + 1)
                self._outlets.health.set(self._name, State.FAILED, f"no analysis: {error}")
                self._idle()
                await self._clock.sleep(backoff.next())

    def _load(self) -> None:
        motion = self._models.load("motion")
        anomaly = self._models.load("anomaly") if self._settings.anomaly else None
        self._analysis = FrameAnalysis(motion, anomaly, self._settings, self._rng, self._kept)

    async def _follow(self, thread: ThreadPoolExecutor, backoff: Backoff) -> None:
        """Every frame that is due, until a model fails."""
        while True:
            frame = await self._pace.next_due()
            if frame is None:
                self._idle()
                continue
            await self._analyse(thread, frame)
            backoff.reset()
            await self._save_sometimes(thread)

    async def _analyse(self, thread: ThreadPoolExecutor, frame: Frame) -> None:
        began_ns = self._clock.mono_ns()
        try:
            seen = await self._in(thread, lambda: self._look(frame))
        except FrameUndecodableError as error:
            self._note_bad(error)
            return
        took_ns = self._clock.mono_ns() - began_ns
        self._note_good(took_ns)
        now = self._clock.now()
        self._tell(self._book.step(seen.findings, now, frame.mono_ns), now)
        self._live.show(seen, self._book.alert, frame.seq, now, took_ns / 1e6)
        self._pulse.beat()

    def _look(self, frame: Frame) -> Seen:
        """In the thread: one frame."""
        if self._analysis is None:
            raise ModelError("no model is loaded")
        if self._reset_asked:
            self._reset_asked = False
            self._analysis.reset()
        return self._analysis.step(frame)

    def _idle(self) -> None:
        now = self._clock.now()
        self._tell(self._book.step((), now, now.mono_ns), now)
        self._live.idle(self._book.alert, now)
        self._pulse.beat()

    def _tell(self, events: list[Event], now: Stamp) -> None:
        for event in events:
            self._journal.put(event, now)
            if event.phase == "open":
                self._note_opened(event)
            elif event.phase == "close" and self._outlets.on_event_closed:
                self._outlets.on_event_closed(event)

    def _note_opened(self, event: Event) -> None:
        self._stats = replace(self._stats, events_opened=self._stats.events_opened + 1)
        if event.type != MOTION:
            self._live.count_anomaly()
        if self._outlets.on_event_opened:
            self._outlets.on_event_opened(event)

    def _note_good(self, took_ns: int) -> None:
        before = self._stats
        self._stats = replace(
            before, frames_analysed=before.frames_analysed + 1, analysis_s=before.analysis_s + took_ns / 1e9
        )
        if self._bad_in_a_row >= _BAD_FRAMES:
            self._outlets.health.set(self._name, State.OK)
        self._bad_in_a_row = 0

    def _note_bad(self, error: FrameUndecodableError) -> None:
        self._stats = replace(self._stats, frames_undecodable=self._stats.frames_undecodable + 1)
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= _BAD_FRAMES:
            self._outlets.health.set(self._name, State.DEGRADED, f"{error}, nor could the {_BAD_FRAMES - 1} before")
        self._pulse.beat()

    async def _save_sometimes(self, thread: ThreadPoolExecutor) -> None:
        now_ns = self._clock.mono_ns()
        if now_ns - self._saved_ns >= _SAVE_EVERY_NS:
            self._saved_ns = now_ns
            await self._in(thread, self._save)

    def _save(self) -> None:
        try:
            if self._analysis:
                self._analysis.save()
        except OSError as error:
            _log.warning("%s: what was learned cannot be kept: %s", self._name, error)

    async def _end(self, thread: ThreadPoolExecutor) -> None:
        now = self._clock.now()
        self._tell(self._book.close_all(now), now)
        await self._journal.finish()
        await self._in(thread, self._save)
        self._outlets.health.set(self._name, State.STOPPED)

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
