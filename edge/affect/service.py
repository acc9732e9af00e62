"""Emotion of whoever wears one sensor: samples in, one durable prediction for every 5 s out.

A segment is closed by time, not by samples. In a viewing each segment yields a prediction, if need be an abstention
with quality 0, so that the timeline of a video has no holes. In the device's own run a segment in which the sensor said
nothing yields none: a sensor that lies in a drawer over night would else fill the outbox with silence.
"""

import asyncio
import contextlib
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from edge.affect.asking.disagreement import disagreement
from edge.affect.delivery import Delivery
from edge.affect.estimator import Estimate
from edge.affect.judging import Judge, ModelSource
from edge.affect.knowledge import Knowledge, NothingKnown, Signals
from edge.affect.listening import Listener
from edge.affect.pooling import Heard, Pooled
from edge.affect.prediction import Judged, prediction_of
from edge.affect.questions import Questions
from edge.affect.runs import Closed, Runs
from edge.affect.segments import SEGMENT_MS
from edge.affect.session import Viewing, Viewings
from edge.affect.settings import AffectSettings
from edge.affect.signals.summary import SegmentSignals
from edge.affect.voices import Voices
from edge.affect.wearer import Wearer
from edge.affect.window import Grid, SignalWindow
from edge.core.clock import Clock, Stamp, wall_ms_of
from edge.core.errors import StoreError
from edge.core.health import Health, State
from edge.core.records import RecordSink
from edge.core.sample import Sample
from edge.core.service import Pulse

_LONGEST_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class AffectStats:
    """Counters since the service began, and the cost of the newest inference."""

    segments: int
    """Segments that were judged."""
    undecided: int
    """Of these, abstentions."""
    failures: int
    """Of these, those at which a model failed: abstentions, or the body's word alone."""
    silent: int
    """Segments of which nothing was said: of the device's own run without a sample, without a model, or of somebody who
    did not agree."""
    waiting: int
    lost: int
    inference_ms: float


class AffectService:
    """A `Service` for one sensor. Everything but inference happens in the event loop.

    Health part: `part`, with the sensor's id in its detail; give each service a part of its own if there are several.
    """

    def __init__(  # noqa: PLR0913 - the composition root's
        self,
        sensor_id: str,
        *,
        model_store: ModelSource,
        settings: AffectSettings,
        viewings: Viewings,
        sink: RecordSink,
        health: Health,
        clock: Clock,
        part: str = "affect",
        signals: Signals | None = None,
        knowledge: Knowledge | None = None,
    ) -> None:
        """`signals` are those of the same sensor, `knowledge` is what sessions know of the participant."""
        self.name = f"affect.{sensor_id}"
        self.pulse = Pulse(clock)
        self.voices = Voices()
        """What others say of whoever wears this sensor, such as a camera that sees the face: let them be heard here."""
        self._sensor_id = sensor_id
        self._settings = settings
        self._viewings = viewings
        self._health = health
        self._clock = clock
        self._part = part
        self._signals = signals
        knowledge = knowledge or NothingKnown()
        self._judge = Judge(model_store, clock=clock, min_quality=settings.min_quality, seed=sensor_id)
        self._listener = Listener(self.voices, knowledge, face_weight=settings.voice_weight)
        self._questions = Questions(settings.asking, knowledge)
        self._delivery = Delivery(sink)
        self._window: SignalWindow | None = None
        self._wearer = Wearer(sensor_id, viewings)
        self._onset = False
        self._wake = asyncio.Event()
        self._segments = self._undecided = self._silent = 0
        self._inference_ms = 0.0

    @property
    def stats(self) -> AffectStats:
        """How it is doing."""
        return AffectStats(
            segments=self._segments,
            undecided=self._undecided,
            failures=self._judge.failures,
            silent=self._silent,
            waiting=self._delivery.waiting,
            lost=self._delivery.lost,
            inference_ms=self._inference_ms,
        )

    @property
    def problem(self) -> str:
        """Why there is no estimate now; empty if there is."""
        return self._judge.problem

    def offer(self, sample: Sample) -> None:
        """Take a sample of this sensor, in the event loop; costs microseconds."""
        if self._window:
            self._window.add(sample)

    def load_model(self) -> bool:
        """Load the models unless they are loaded; False, with health `degraded`, if there are none that work.

        `run` does this too; call it before the daemon is ready, for it holds the interpreter.
        """
        loaded = self._judge.load()
        self._window = self._judge.window(self._window)
        if not loaded:
            self._tell_health()
        return loaded

    def forget(self, user: str) -> None:
        """Keep nothing in memory of a person who was erased."""
        self._delivery.forget(user)
        if self._wearer.erase(user):
            self._forget_person(self._clock.mono_ns())

    async def run(self) -> None:
        """Work until cancelled."""
        self._health.set(self._part, State.STARTING, f"sensor {self._sensor_id}")
        runs = Runs(self._sensor_id, self._viewings, self._clock.now())
        end_listening = self._viewings.on_change(self._wake.set)
        try:
            with ThreadPoolExecutor(1, thread_name_prefix=self.name) as executor:
                while True:
                    self.pulse.beat()
                    await self._turn(runs, executor)
                    await self._wait(runs)
        finally:
            end_listening()

    async def _turn(self, runs: Runs, executor: Executor) -> None:
        """Judge and hand over all that closed."""
        self.load_model()
        horizon_ns = self._clock.mono_ns() - self._settings.settle_ms * 1_000_000
        for closed in runs.closed_by(horizon_ns, self._clock.now()):
            self.pulse.beat()
            await self._close(closed, executor)
        self._meet(runs.viewing, self._clock.mono_ns())
        with contextlib.suppress(StoreError):  # told by how many wait; the store itself says why
            await self._delivery.flush()
        self._tell_health()

    async def _wait(self, runs: Runs) -> None:
        """Until something is due, or a viewing starts or stops."""
        due_ns = runs.next_due_ns() + self._settings.settle_ms * 1_000_000
        seconds = min(max((due_ns - self._clock.mono_ns()) / 1e9, 0.0), _LONGEST_WAIT_S)
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
            await asyncio.gather(sleeping, waking, return_exceptions=True)
            self._wake.clear()

    async def _close(self, closed: Closed, executor: Executor) -> None:
        """A segment is over: judge it, tell of it, and see whether it is time for a question."""
        self._onset = self._onset or closed.onset
        self._take_derived()
        self._meet(closed.viewing, closed.segment.start_ns)
        grid = self._window.until(closed.segment.end_ns) if self._window else None
        manifest = self._judge.manifest
        withheld, silent = self._wearer.unwilling, grid is not None and self._silent_in(grid)
        if withheld and silent:
            self._wearer.take_off()
            self._forget_person(closed.segment.end_ns)
        if manifest is None or grid is None or withheld or (closed.viewing is None and silent):
            self._silent += 1
            return
        heard = self._listener.listen(closed, self._judge.wanted)
        estimate, pooled = await self._judge.judge(
            grid, heard, onset=self._onset, rest=self._listener.rests(closed), executor=executor
        )
        self._onset = False
        self._count(estimate, pooled)
        judged = Judged(closed=closed, estimate=estimate, pooled=pooled, signals=self._summary(closed))
        prediction = prediction_of(judged, manifest, sensor_id=self._sensor_id, user=self._wearer.named(closed.viewing))
        self._delivery.put(prediction, self._stamp(closed.segment.end_ns))
        self._consider_asking(judged, heard, manifest.classes)

    def _take_derived(self) -> None:
        """What was found in the pulse since last asked, such as heart rate, for the model."""
        for sample in self._signals.derived() if self._signals else ():
            self.offer(sample)

    def _summary(self, closed: Closed) -> SegmentSignals:
        segment = closed.segment
        return self._signals.summary(segment.start_ns, segment.end_ns) if self._signals else SegmentSignals()

    def _consider_asking(self, judged: Judged, heard: Heard, classes: list[str]) -> None:
        estimate, believed = judged.estimate, judged.pooled or judged.estimate
        body = [[estimate.probabilities[name] for name in classes]] if estimate.heard and estimate.probabilities else []
        self._questions.consider(
            judged.closed,
            change_score=estimate.change_score,
            confidence=believed.confidence,
            disagreement=disagreement([*body, *heard.opinions(classes)]),
        )

    def _meet(self, viewing: Viewing | None, since_ns: int) -> None:
        """Forget the person if another one is here now, whose run goes on since that moment at the latest."""
        if self._wearer.meet(viewing):
            self._forget_person(viewing.started.mono_ns if viewing else since_ns)

    def _forget_person(self, before_ns: int) -> None:
        self._judge.forget()
        if self._window:
            self._window.forget(before_ns=before_ns)
        if self._signals:
            self._signals.forget()

    def _silent_in(self, grid: Grid) -> bool:
        """Whether the last five seconds of a grid are empty."""
        return not grid.valid[-self._judge.cells_in(SEGMENT_MS / 1000) :].any()

    def _count(self, estimate: Estimate, pooled: Pooled | None) -> None:
        self._segments += 1
        self._undecided += (pooled or estimate).probe is None
        self._inference_ms = estimate.inference_ms

    def _stamp(self, mono_ns: int) -> Stamp:
        now = self._clock.now()
        return Stamp(mono_ns, wall_ms_of(mono_ns, now), now.trusted)

    def _tell_health(self) -> None:
        """Once a turn, so that two causes never make the state flap."""
        waiting = self._delivery.waiting
        problems = [self._judge.problem, f"{waiting} predictions wait for the store" if waiting else ""]
        said = "; ".join(problem for problem in problems if problem)
        manifest = self._judge.manifest
        state = State.DEGRADED if said else State.OK
        version = manifest.version if manifest else "none"
        self._health.set(self._part, state, f"sensor {self._sensor_id}: {said or f'model {version}'}")
