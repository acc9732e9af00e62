"""Who judges a segment: the model of the body and the pool of voices, loaded, tried again and replaced together."""

import asyncio
import random
from concurrent.futures import Executor
from functools import partial
from typing import Final, Protocol

from contract.manifest import Manifest
from edge.affect.estimator import TASK, Estimate, Estimator
from edge.affect.pooling import TASK as VOICES
from edge.affect.pooling import Heard, Pooled, VoicesPool, Wanted
from edge.affect.window import Grid, SignalWindow
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import ModelError
from edge.models.session import Model

_FAILURES_TO_RELOAD: Final = 3
_NOTHING: Final = Estimate(None, 0.0, {}, None, None, 0.0, 0.0, heard=False)


class ModelSource(Protocol):
    """Where the models come from; `edge.models.store.ModelStore` is the real one."""

    def load(self, task: str) -> Model:
        """A verified model; raise `ModelError` if there is none that works."""
        ...


class Judge:
    """The models of one sensor. Belongs to the event loop; inference runs in the executor that it is given."""

    def __init__(self, models: ModelSource, *, clock: Clock, min_quality: float, seed: str) -> None:
        """`seed` tells one judge's retries from another's."""
        self.problem = ""
        """Why there is no judgement now; empty if there is."""
        self.failures = 0
        """Segments that a model failed at."""
        self._models = models
        self._clock = clock
        self._min_quality = min_quality
        self._backoff = Backoff(random.Random(seed))  # noqa: S311 - apart by sensor, alike in every run
        self._estimator: Estimator | None = None
        self._pool: VoicesPool | None = None
        self._load_after_ns = 0
        self._failed_in_row = 0
        self._onset = False

    @property
    def manifest(self) -> Manifest | None:
        """Of the model of the body; None while none is loaded."""
        return self._estimator.manifest if self._estimator else None

    @property
    def wanted(self) -> Wanted | None:
        """What the pool of voices wants to be told of others' means; None for nothing, or while none is loaded."""
        return self._pool.wanted if self._pool else None

    def load(self) -> bool:
        """Load the models unless they are; False if there are none that work. Tried again after a growing while."""
        if self._estimator:
            return True
        if self._clock.mono_ns() < self._load_after_ns:
            return False
        try:
            self._pool = VoicesPool(self._models.load(VOICES))
            model = self._models.load(TASK)
            self._estimator = Estimator(model, now_ns=self._clock.mono_ns, min_quality=self._min_quality)
        except ModelError as error:
            self._load_after_ns = self._clock.mono_ns() + round(self._backoff.next() * 1e9)
            self.problem = str(error)
            return False
        self.problem = ""
        return True

    def window(self, old: SignalWindow | None) -> SignalWindow | None:
        """What the model wants its signals in: `old` where that fits."""
        estimator = self._estimator
        if estimator is None:
            return old
        fresh = SignalWindow(estimator.channels, rate_hz=estimator.rate_hz, cells=estimator.cells)
        return old if old and old.layout == fresh.layout else fresh

    def cells_in(self, seconds: float) -> int:
        """How many cells of the grid that many seconds fill, at least one."""
        return max(1, round(seconds * self._estimator.rate_hz)) if self._estimator else 1

    def forget(self) -> None:
        """Somebody else wears the sensor now."""
        if self._estimator:
            self._estimator.forget()

    async def judge(
        self, grid: Grid, heard: Heard, *, onset: bool, rest: bool, executor: Executor
    ) -> tuple[Estimate, Pooled | None]:
        """The models' word: the body's alone if the pool of voices fails, nothing if the body's model does; that one
        is loaded afresh after it failed a few times.

        An onset that a model failed at is told to it with the next segment.
        """
        self._onset = self._onset or onset
        work = partial(self._judge, grid, heard, onset=self._onset, rest=rest)
        try:
            estimate, pooled, problem = await asyncio.get_running_loop().run_in_executor(executor, work)
        except ModelError as error:
            self.failures += 1
            self._failed_in_row += 1
            self.problem = str(error)
            if self._failed_in_row >= _FAILURES_TO_RELOAD:
                self._estimator, self._failed_in_row = None, 0
            return _NOTHING, None
        self._failed_in_row, self._onset, self.problem = 0, False, problem
        self.failures += bool(problem)
        self._backoff.reset()
        return estimate, pooled

    def _judge(self, grid: Grid, heard: Heard, *, onset: bool, rest: bool) -> tuple[Estimate, Pooled | None, str]:
        """In the thread: the body's word, then everybody's, and why that could not be had."""
        if self._estimator is None or self._pool is None:
            raise ModelError("no model is loaded")
        estimate = self._estimator.estimate(grid, onset=onset, rest=rest)
        try:
            return estimate, self._pool.pool(estimate, heard), ""
        except ModelError as error:
            return estimate, None, str(error)
