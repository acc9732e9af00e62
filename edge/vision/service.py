"""The service that watches one camera: newest frame in, state to the hub, events to the store."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import numpy as np

from contract.messages import Event
from contract.plan import Plan
from edge.core.backoff import Backoff
from edge.core.clock import Clock, wall_ms_of
from edge.core.errors import ModelError, StoreError
from edge.core.frame import Frame
from edge.core.health import State
from edge.core.service import Pulse
from edge.core.slot import Slot
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis, Moment, Seen
from edge.vision.detect.service import DetectorService
from edge.vision.events.book import EventBook, Kept
from edge.vision.events.journal import EventJournal
from edge.vision.orders import Orders
from edge.vision.pace import FramePace
from edge.vision.pixels.luma import FrameUndecodableError
from edge.vision.settings import VisionSettings
from edge.vision.state import Pace, VisionState
from edge.vision.stats import Tally, VisionStats
from edge.vision.telling import Telling, VisionOutlets
from edge.vision.unusual.view import AnomalyView
from edge.vision.unusual.watch import Unusual

_RETRY_LIMIT_S: Final = 10.0
_SAVE_EVERY_NS: Final = 300_000_000_000
_BAD_FRAMES: Final = 10
_CALM_AFTER_NS: Final = 1_500_000_000
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class VisionService:
    """Analyses the newest frame of a camera's slot, one after the other, in a thread of its own (X.9).

    If a model fails the stream goes on: health `vision.<camera>` says so and the models are tried again (S1.17). If
    analysis falls behind it takes the newest frame, skips the others and says so there too.
    """

    def __init__(  # noqa: PLR0913 - the composition root's
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
        detector: DetectorService | None = None,
        turns: asyncio.Semaphore | None = None,
    ) -> None:
        """`state_dir` is where what the camera learned is kept; it is made when first needed. `turns`, shared by all
        cameras, lets as many analyse at once as there are cores, first come first served."""
        self._name = f"vision.{camera_id}"
        self._pulse = Pulse(clock)
        self._pace = FramePace(
            slot, clock, every_nth=settings.every_nth, max_fps=settings.max_fps, calm_fps=settings.calm_fps
        )
        self._models = models
        self._settings = settings
        self._health = outlets.health
        self._clock = clock
        self._rng = rng
        self._kept = state_dir / f"vision-{camera_id}.learned"
        self._detector = detector
        self._turns = turns or contextlib.nullcontext()
        self._jitter = Random(int(rng.integers(2**32)))  # noqa: S311 - spreads retries, guards nothing
        self._telling = _telling(camera_id, settings, outlets, clock, self._jitter)
        self._orders = Orders()
        self._tally = Tally()
        self._analysis: FrameAnalysis | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._saved_ns = clock.mono_ns()
        self._lively_until_ns = 0

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
        return self._telling.state

    @property
    def stats(self) -> VisionStats:
        """Counts for metrics."""
        tally = self._tally
        return VisionStats(
            frames_analysed=tally.analysed,
            frames_skipped=self._pace.skipped,
            frames_undecodable=tally.undecodable,
            model_failures=tally.failures,
            analysis_s=tally.seconds,
            events_opened=self._telling.events_opened,
            records_dropped=self._telling.journal.dropped,
        )

    @property
    def resting(self) -> bool:
        """Whether fewer frames are looked at, because nothing goes on."""
        return self._pace.calm

    def adopt(self, plan: Plan) -> None:
        """Let `plan` hold from the next frame on."""
        self._orders.adopt(plan)

    def reset(self) -> None:
        """Forget what goes on and the background, end open events, count from zero (S1.10).

        What was learned to be normal stays (X.10).
        """
        self._telling.reset(self._clock.now())
        self._orders.reset()

    def anomaly(self) -> AnomalyView | None:
        """What was learned to be normal and how the last hour was; None while nothing unusual is looked for."""
        unusual = self._unusual
        return unusual.view() if unusual else None

    async def forget_normal(self) -> None:
        """Learn what is normal from nothing. Raise `StoreError` if that cannot be made durable."""
        await self._ask(lambda unusual: unusual.forget())

    async def feedback(self, event_id: str, *, normal: bool) -> bool:
        """Somebody says that what raised an alarm was normal, or was not; whether anything is known of that alarm.

        Raise `StoreError` if it cannot be kept.
        """
        heard = await self._ask(
            lambda unusual: unusual.teach_normal(event_id) if normal else unusual.teach_unusual(event_id)
        )
        return bool(heard)

    async def run(self) -> None:
        """Analyse for ever; on cancellation end what is open and keep what was learned."""
        if not self._settings.enabled:
            await self._rest()
        with ThreadPoolExecutor(1, thread_name_prefix=self._name) as thread:
            self._thread = thread
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._telling.journal.run(), name=f"{self._name}.journal")
                    group.create_task(self._watch(), name=f"{self._name}.watch")
            finally:
                await self._end()

    @property
    def _unusual(self) -> Unusual | None:
        return self._analysis.unusual if self._analysis else None

    async def _ask(self, question: Callable[[Unusual], _T]) -> _T | None:
        """Ask in the analysis thread; None where nobody is there to answer."""
        unusual = self._unusual
        if unusual is None or self._thread is None:
            return None
        try:
            return await self._in_thread(lambda: question(unusual))
        except OSError as error:
            raise StoreError(f"what was learned cannot be kept: {error.strerror or error}") from error

    async def _rest(self) -> None:
        self._health.set(self._name, State.STOPPED, "switched off in the settings")
        while True:
            self._pulse.beat()
            await self._clock.sleep(_RETRY_LIMIT_S)

    async def _watch(self) -> None:
        backoff = Backoff(self._jitter, limit_s=_RETRY_LIMIT_S)
        while True:
            try:
                await self._in_thread(self._load)
                self._tell_health()
                await self._follow(backoff)
            except ModelError as error:
                self._tally.failures += 1
                self._health.set(self._name, State.FAILED, f"no analysis: {error}")
                self._idle()
                await self._clock.sleep(backoff.next())

    def _load(self) -> None:
        self._save()  # of the analysis whose model failed
        motion = self._models.load("motion")
        anomaly = self._models.load("anomaly") if self._settings.anomaly else None
        self._analysis = FrameAnalysis(motion, anomaly, self._settings, self._rng, self._kept, plan=self._orders.plan)

    async def _follow(self, backoff: Backoff) -> None:
        """Every frame that is due, until a model fails."""
        while True:
            frame = await self._pace.next_due()
            if frame is None:
                self._idle()
                self._tell_health()
                continue
            epoch = self._orders.epoch
            async with self._turns:
                if epoch == self._orders.epoch:
                    await self._analyse(frame, epoch)
            backoff.reset()
            self._tell_health()
            await self._save_sometimes()

    async def _analyse(self, frame: Frame, epoch: int) -> None:
        now, began_ns = self._clock.now(), self._clock.mono_ns()
        moment = Moment(frame.mono_ns, wall_ms_of(frame.mono_ns, now), self._orders.local(now))
        try:
            seen = await self._in_thread(lambda: self._look(frame, moment))
        except FrameUndecodableError:
            self._tally.note_bad()
            self._pulse.beat()
            return
        took_ns = self._clock.mono_ns() - began_ns
        self._tally.note(took_ns)
        self._pulse.beat()
        if epoch != self._orders.epoch:
            return  # it was taken before somebody stopped the camera or made something private: nothing of it is told
        self._follow_calm(seen, frame.mono_ns)
        self._note(self._telling.show(seen, frame, self._clock.now(), self._pace_now(), took_ns / 1e6))
        if self._detector:
            self._detector.offer(frame, seen.things)

    def _follow_calm(self, seen: Seen, at_ns: int) -> None:
        """Where nothing is, and the picture is well, fewer looks will do."""
        moves = seen.reading is not None and seen.reading.moving
        if moves or seen.things or seen.findings or seen.condition.kind != "ok":
            self._lively_until_ns = at_ns + _CALM_AFTER_NS
        self._pace.calm = at_ns >= self._lively_until_ns

    def _look(self, frame: Frame, moment: Moment) -> Seen:
        """In the thread: one frame."""
        analysis = self._analysis
        if analysis is None:
            raise ModelError("no model is loaded")
        self._orders.carry_out(analysis)
        return analysis.step(frame, moment, self._detector.labels() if self._detector else {})

    def _note(self, events: list[Event]) -> None:
        """Let what judged the unusual know by which id its alarms are known."""
        if unusual := self._unusual:
            for event in events:
                unusual.note(event)

    def _idle(self) -> None:
        self._telling.idle(self._clock.now(), self._pace_now())
        self._pulse.beat()

    def _pace_now(self) -> Pace:
        return Pace(fps=round(self._pace.fps, 1), skipped=self._pace.skipped, behind=self._pace.behind)

    def _tell_health(self) -> None:
        bad = self._tally.bad_in_a_row
        if bad >= _BAD_FRAMES:
            self._health.set(self._name, State.DEGRADED, f"the last {bad} pictures could not be decoded")
        elif self._pace.behind:
            words = f"falls behind: {self._pace.fps:.1f} pictures a second are analysed, more were due; "
            words += "a smaller picture of the camera or fewer analysed a second help"
            self._health.set(self._name, State.DEGRADED, words)
        else:
            self._health.set(self._name, State.OK)

    async def _save_sometimes(self) -> None:
        now_ns = self._clock.mono_ns()
        if now_ns - self._saved_ns >= _SAVE_EVERY_NS:
            self._saved_ns = now_ns
            await self._in_thread(self._save)

    def _save(self) -> None:
        try:
            if self._analysis:
                self._analysis.save()
        except OSError as error:
            _log.warning("%s: what was learned cannot be kept: %s", self._name, error)

    async def _end(self) -> None:
        self._telling.close(self._clock.now())
        await self._telling.journal.finish()
        await self._in_thread(self._save)
        self._thread = None
        self._telling.stopped()
        self._health.set(self._name, State.STOPPED)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _telling(camera: str, settings: VisionSettings, outlets: VisionOutlets, clock: Clock, jitter: Random) -> Telling:
    kept = Kept(
        picture=outlets.album.promised if outlets.album else lambda _event_id: False, recording=outlets.recording_of
    )
    book = EventBook(camera, settings, settings.events, kept=kept)
    return Telling(camera, outlets, book, EventJournal(outlets.sink, clock, Backoff(jitter)))
