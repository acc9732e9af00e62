"""The service that lets optional detectors look at what moves in front of one camera: seldom, and never in the way."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from contract.messages import Box
from edge.core.backoff import Backoff
from edge.core.clock import Clock, wall_ms_of
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.core.slot import Slot
from edge.models.store import ModelStore
from edge.vision.detect.detections import Expression, Label
from edge.vision.detect.eyes import Eyes, Look, wanted_tasks
from edge.vision.detect.matching import LabelBook
from edge.vision.detect.settings import DetectSettings
from edge.vision.findings import Thing
from edge.vision.pixels.luma import FrameUndecodableError

_IDLE_S: Final = 1.0
_FACES_KEPT_NS: Final = 3_000_000_000
_RETRY_LIMIT_S: Final = 60.0
_UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class DetectStats:
    """Counters since the service began, and the cost of the newest look."""

    looks: int = 0
    failures: int = 0
    """Models that failed, at loading or at work."""
    objects: int = 0
    faces: int = 0
    expressions: int = 0
    look_ms: float = 0.0


class DetectorService:
    """A `Service` for one camera; health part `detect.<camera>`.

    Without an installed detector it costs nothing. If a model fails, health says so (degraded), the stream and the
    analysis go on, and it is tried again. A model that is installed or removed meanwhile is noticed within seconds.
    """

    def __init__(
        self,
        camera_id: str,
        *,
        models: ModelStore,
        settings: DetectSettings,
        health: Health,
        clock: Clock,
        on_expression: Callable[[Expression], None] | None = None,
    ) -> None:
        """`on_expression` is called on the event loop and must not wait."""
        self.name = f"detect.{camera_id}"
        self.pulse = Pulse(clock)
        self._camera = camera_id
        self._models = models
        self._settings = settings
        self._health = health
        self._clock = clock
        self._on_expression = on_expression
        self._backoff = Backoff(random.Random(camera_id), first_s=1.0, limit_s=_RETRY_LIMIT_S)  # noqa: S311 - no secret
        self._eyes = Eyes(models, settings)
        self._book = LabelBook(settings.label_half_life_s)
        self._slot: Slot[tuple[Frame, tuple[Thing, ...]]] = Slot()
        self._seen = 0
        self._due_ns = 0
        self._loaded_ns = _UNKNOWN
        self._retry_ns: int | None = None
        self._labels: Mapping[int, Label] = {}
        self._faces: tuple[tuple[Box, ...], int] = (), 0
        self._stats = DetectStats()

    @property
    def stats(self) -> DetectStats:
        """How it is doing."""
        return self._stats

    def load_models(self) -> None:
        """Load what is installed; `run` does this too. Call it before the daemon is ready: it holds the interpreter."""
        self._loaded_ns = self._models.changed_ns
        self._tell(self._eyes.load(self._installed()))

    def offer(self, frame: Frame, things: Sequence[Thing]) -> None:
        """Take a frame and what is tracked in it, in the event loop; costs microseconds, and newer wins over older."""
        if not self._eyes.open or self._clock.mono_ns() < self._due_ns:
            return
        if any(not thing.still for thing in things):
            self._slot.put((frame, tuple(things)))

    def labels(self) -> Mapping[int, Label]:
        """The class of each track that has one, by its number (`Thing.box.track`). May be asked in any thread."""
        return self._labels

    def faces(self) -> tuple[Box, ...]:
        """The faces of the last look, in shares of the picture; empty once that is old. May be asked in any thread."""
        boxes, at_ns = self._faces
        return boxes if self._clock.mono_ns() - at_ns <= _FACES_KEPT_NS else ()

    async def run(self) -> None:
        """Look until cancelled."""
        with ThreadPoolExecutor(1, thread_name_prefix=self.name) as thread:
            try:
                while True:
                    self.pulse.beat()
                    await self._refresh(thread)
                    await self._turn(thread)
            finally:
                self._health.set(self.name, State.STOPPED)

    async def _refresh(self, thread: ThreadPoolExecutor) -> None:
        """Load what was installed meanwhile, or what failed some time ago."""
        changed_ns = self._models.changed_ns
        retry = self._retry_ns is not None and self._clock.mono_ns() >= self._retry_ns
        if changed_ns == self._loaded_ns and not retry:
            return
        self._loaded_ns = changed_ns
        tasks = self._installed()
        loading = asyncio.get_running_loop().run_in_executor(thread, self._eyes.load, tasks) if tasks else None
        self._tell(await loading if loading else self._eyes.load(()))

    async def _turn(self, thread: ThreadPoolExecutor) -> None:
        """The next frame that was offered, or a second without any."""
        try:
            async with asyncio.timeout(_IDLE_S):
                self._seen, (frame, things) = await self._slot.next(self._seen)
        except TimeoutError:
            self._labels = self._book.labels(self._clock.mono_ns())
            return
        began_ns = self._clock.mono_ns()
        self._due_ns = began_ns + round(1e9 / self._settings.max_hz)
        look = await asyncio.get_running_loop().run_in_executor(thread, self._look, frame, things)
        ended_ns = self._clock.mono_ns()
        self._due_ns = max(self._due_ns, ended_ns + (ended_ns - began_ns))
        self._slot.clear()
        self._take_in(look, frame, ended_ns - began_ns)

    def _look(self, frame: Frame, things: tuple[Thing, ...]) -> Look:
        """In the thread: one look."""
        try:
            look = self._eyes.look(frame, things, self.faces())
        except FrameUndecodableError:
            return Look()  # analysis has told so
        self._book.step(look.objects, things, frame.mono_ns)
        return look

    def _take_in(self, look: Look, frame: Frame, took_ns: int) -> None:
        before = self._stats
        self._stats = replace(
            before,
            looks=before.looks + 1,
            objects=before.objects + len(look.objects),
            faces=before.faces + len(look.faces),
            expressions=before.expressions + (look.expression is not None),
            look_ms=round(took_ns / 1e6, 3),
        )
        self._labels = self._book.labels(self._clock.mono_ns())
        self._faces = tuple(face.box for face in look.faces), self._clock.mono_ns()
        if look.failed:
            self._tell(look.failed)
        elif self._retry_ns is None:
            self._backoff.reset()
        self._express(look, frame)

    def _express(self, look: Look, frame: Frame) -> None:
        if look.expression is None or self._on_expression is None:
            return
        probabilities, confidence = look.expression
        t_ms = wall_ms_of(frame.mono_ns, self._clock.now())
        self._on_expression(
            Expression(
                camera=self._camera,
                mono_ns=frame.mono_ns,
                t_ms=t_ms,
                probabilities=probabilities,
                confidence=confidence,
            )
        )

    def _installed(self) -> list[str]:
        return [task for task in wanted_tasks(self._settings) if self._models.has(task)]

    def _tell(self, failed: Mapping[str, str]) -> None:
        """After a loading or a failure: how it is, and when to try again."""
        self._retry_ns = None
        if failed:
            self._stats = replace(self._stats, failures=self._stats.failures + len(failed))
            self._retry_ns = self._clock.mono_ns() + round(self._backoff.next() * 1e9)
            words = "; ".join(f"{task}: {why}" for task, why in sorted(failed.items()))
            self._health.set(self.name, State.DEGRADED, f"a detector does not work and is tried again: {words}")
        elif self._eyes.open:
            self._health.set(self.name, State.OK, self._eyes.describe())
        else:
            self._health.set(self.name, State.STOPPED, _why_closed(self._settings))


def _why_closed(settings: DetectSettings) -> str:
    return "no detector is installed" if settings.enabled else "switched off in the settings"
