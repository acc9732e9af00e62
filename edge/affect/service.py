"""Emotion of whoever wears one sensor: samples in, one durable prediction for every 5 s out.

A segment is closed by time, not by samples. In a viewing each segment yields a prediction, if need be an abstention
with quality 0, so that the timeline of a video has no holes. In the device's own run a segment in which the sensor said
nothing yields none: a sensor that lies in a drawer over night would else fill the outbox with silence.
"""

import asyncio
import contextlib
import random
from collections import deque
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from contract.messages import Prediction
from edge.affect.delivery import Delivery
from edge.affect.estimator import TASK, Estimate, Estimator
from edge.affect.prediction import prediction_of
from edge.affect.runs import Closed, Runs
from edge.affect.segments import SEGMENT_MS
from edge.affect.session import Viewings
from edge.affect.settings import AffectSettings
from edge.affect.voices import Voices, weights_of
from edge.affect.window import Grid, SignalWindow
from edge.core.backoff import Backoff
from edge.core.clock import Clock, Stamp, wall_ms_of
from edge.core.errors import ModelError, StoreError
from edge.core.health import Health, State
from edge.core.records import RecordSink
from edge.core.sample import Sample
from edge.core.service import Pulse
from edge.models.session import Model

_LONGEST_WAIT_S: Final = 5.0
_FAILURES_TO_RELOAD: Final = 3
_NOTHING: Final = Estimate(None, 0.0, {}, None, None, 0.0, 0.0)


class ModelSource(Protocol):
    """Where the model comes from; `edge.models.store.ModelStore` is the real one."""

    def load(self, task: str) -> Model:
        """A verified model; raise `ModelError` if there is none that works."""
        ...


@dataclass(frozen=True, slots=True)
class AffectStats:
    """Counters since the service began, and the cost of the newest inference."""

    segments: int
    """Segments that were judged."""
    undecided: int
    """Of these, abstentions."""
    failures: int
    """Of these, abstentions because the model failed."""
    silent: int
    """Segments of the device's own run without a sample, or without a model: nothing was said of them."""
    waiting: int
    lost: int
    inference_ms: float


class AffectService:
    """A `Service` for one sensor. Everything but inference happens in the event loop.

    Health part: `part`, with the sensor's id in its detail; give each service a part of its own if there are several.
    """

    def __init__(
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
    ) -> None:
        self.name = f"affect.{sensor_id}"
        self.pulse = Pulse(clock)
        self.voices = Voices()
        """What others say of whoever wears this sensor, such as a camera that sees the face: let them be heard here."""
        self._sensor_id = sensor_id
        self._models = model_store
        self._settings = settings
        self._viewings = viewings
        self._health = health
        self._clock = clock
        self._backoff = Backoff(random.Random(sensor_id))  # noqa: S311 - apart by sensor, alike in every run
        self._part = part
        self._delivery = Delivery(sink)
        self._recent: deque[Prediction] = deque(maxlen=settings.recent_segments)
        self._estimator: Estimator | None = None
        self._window: SignalWindow | None = None
        self._load_after_ns = 0
        self._failed_in_row = 0
        self._model_problem = ""
        self._user: str | None = None
        self._onset = False
        self._wake = asyncio.Event()
        self._segments = self._undecided = self._failures = self._silent = 0
        self._inference_ms = 0.0

    @property
    def stats(self) -> AffectStats:
        """How it is doing."""
        return AffectStats(
            segments=self._segments,
            undecided=self._undecided,
            failures=self._failures,
            silent=self._silent,
            waiting=self._delivery.waiting,
            lost=self._delivery.lost,
            inference_ms=self._inference_ms,
        )

    def recent(self, limit: int = 720) -> list[Prediction]:
        """The newest predictions, oldest first, durable or about to be."""
        return list(self._recent)[-limit:] if limit > 0 else []

    def offer(self, sample: Sample) -> None:
        """Take a sample of this sensor, in the event loop; costs microseconds."""
        if self._window:
            self._window.add(sample)

    def load_model(self) -> bool:
        """Load the model unless it is loaded; False, with health `degraded`, if there is none that works.

        `run` does this too; call it before the daemon is ready, for it holds the interpreter.
        """
        if self._estimator:
            return True
        try:
            model = self._models.load(TASK)
            self._adopt(Estimator(model, now_ns=self._clock.mono_ns, min_quality=self._settings.min_quality))
        except ModelError as error:
            self._load_after_ns = self._clock.mono_ns() + round(self._backoff.next() * 1e9)
            self._model_problem = str(error)
            self._tell_health()
            return False
        return True

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
        if self._clock.mono_ns() >= self._load_after_ns:
            self.load_model()
        horizon_ns = self._clock.mono_ns() - self._settings.settle_ms * 1_000_000
        for closed in runs.closed_by(horizon_ns, self._clock.now()):
            await self._judge(closed, executor)
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

    async def _judge(self, closed: Closed, executor: Executor) -> None:
        self._onset = self._onset or closed.onset
        estimator = self._estimator
        grid = self._window.until(closed.segment.end_ns) if self._window else None
        if estimator is None or grid is None or (closed.viewing is None and self._silent_in(grid)):
            self._silent += 1
            return
        self._meet(closed, estimator)
        estimate = await self._estimate(estimator, grid, executor)
        estimate, weights = self._hear_others(closed, estimator, estimate)
        self._count(estimate)
        prediction = prediction_of(
            closed,
            estimate,
            estimator.manifest,
            sensor_id=self._sensor_id,
            user=self._user_of(closed),
            voices=weights,
        )
        self._recent.append(prediction)
        self._delivery.put(prediction, self._stamp(closed.segment.end_ns))

    async def _estimate(self, estimator: Estimator, grid: Grid, executor: Executor) -> Estimate:
        """The model's word, or nothing if it fails; then it is tried again, and loaded afresh after a few times."""
        judge = partial(estimator.estimate, grid, onset=self._onset)
        try:
            estimate = await asyncio.get_running_loop().run_in_executor(executor, judge)
        except ModelError as error:
            self._failures += 1
            self._failed_in_row += 1
            self._model_problem = str(error)
            if self._failed_in_row >= _FAILURES_TO_RELOAD:
                self._estimator, self._failed_in_row = None, 0
            return _NOTHING
        self._failed_in_row, self._onset, self._model_problem = 0, False, ""
        self._backoff.reset()
        return estimate

    def _hear_others(
        self, closed: Closed, estimator: Estimator, estimate: Estimate
    ) -> tuple[Estimate, dict[str, float]]:
        """The estimate after every voice that spoke in this segment, and the weights of those."""
        spoken = self.voices.between(closed.segment.start_ns, closed.segment.end_ns)
        weights = weights_of(spoken, self._settings.voice_weight)
        if not weights or not estimate.probabilities:
            return estimate, {}
        return estimator.reconsider(estimate, spoken, weights), weights

    def _adopt(self, estimator: Estimator) -> None:
        self._estimator, self._model_problem = estimator, ""
        fresh = SignalWindow(estimator.channels, rate_hz=estimator.rate_hz, cells=estimator.cells)
        if self._window is None or self._window.layout != fresh.layout:
            self._window = fresh

    def _meet(self, closed: Closed, estimator: Estimator) -> None:
        """Forget the person if another one, known by name, is here now."""
        user = self._user_of(closed)
        if user is None:
            return
        if self._user is not None and user != self._user:
            estimator.forget()
        self._user = user

    def _silent_in(self, grid: Grid) -> bool:
        """Whether the last five seconds of a grid are empty."""
        rate_hz = self._estimator.rate_hz if self._estimator else 0.0
        return not grid.valid[-max(1, round(SEGMENT_MS / 1000 * rate_hz)) :].any()

    def _count(self, estimate: Estimate) -> None:
        self._segments += 1
        self._undecided += estimate.probe is None
        self._inference_ms = estimate.inference_ms

    def _user_of(self, closed: Closed) -> str | None:
        return closed.viewing.user_id if closed.viewing else self._viewings.participant(self._sensor_id)

    def _stamp(self, mono_ns: int) -> Stamp:
        now = self._clock.now()
        return Stamp(mono_ns, wall_ms_of(mono_ns, now), now.trusted)

    def _tell_health(self) -> None:
        """Once a turn, so that two causes never make the state flap."""
        waiting = self._delivery.waiting
        problems = [self._model_problem, f"{waiting} predictions wait for the store" if waiting else ""]
        said = "; ".join(problem for problem in problems if problem)
        version = self._estimator.manifest.version if self._estimator else "none"
        state = State.DEGRADED if said else State.OK
        self._health.set(self._part, state, f"sensor {self._sensor_id}: {said or f'model {version}'}")
