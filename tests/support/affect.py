"""What the tests of emotion share: a model that says what it is told, a sink that can fail, a clock that steps."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest, Provenance, Tensor
from contract.messages import AnyBody, Prediction, Record
from edge.core.clock import Stamp
from edge.core.errors import ModelError, StoreError
from edge.models.session import Model
from edge.models.store import ModelStore
from tests.support.clock import FakeClock

CELLS = 240
CLASSES = ["HH", "HL", "LH", "LL"]


class ScriptedModel(Model):
    """An emotion model without a graph: fixed probabilities, quality 1 if there is any sample, a counter as state."""

    def __init__(self, *, rate_hz: float | None = 4.0, label_set: str = "quadrant", channels: str = "gsr_us") -> None:
        self.manifest = _manifest(rate_hz, label_set, channels)
        self.probabilities = [0.7, 0.1, 0.1, 0.1]
        self.seen: list[Mapping[str, NDArray[Any]]] = []
        self.failing = 0

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Answer; raise `ModelError` while `failing` is above 0, which each call lowers."""
        if self.failing:
            self.failing -= 1
            raise ModelError("told to fail")
        self.seen.append(inputs)
        return {
            "probabilities": np.array(self.probabilities, np.float32),
            "valence": np.array([0.25], np.float32),
            "arousal": np.array([-0.5], np.float32),
            "quality": inputs["valid"].any(keepdims=True).astype(np.float32).ravel(),
            "memory_next": inputs["memory"] + 1,
        }


class ScriptedModels:
    """A model store that hands out one model, or fails `failing` times first."""

    def __init__(self, model: Model, *, failing: int = 0) -> None:
        self.model = model
        self.failing = failing
        self.loads = 0

    def load(self, task: str) -> Model:
        """The model of emotion, or the real pool of voices; raise `ModelError` while `failing` is above 0."""
        if task == "voices":
            return ModelStore().load(task)
        assert task == "emotion"
        self.loads += 1
        if self.failing:
            self.failing -= 1
            raise ModelError("no model here")
        return self.model


class ListSink:
    """Keeps bodies in a list; refuses while `full`. `enough` is set once `wanted` predictions are here."""

    def __init__(self, wanted: int = 0) -> None:
        self.bodies: list[AnyBody] = []
        self.stamps: list[Stamp | None] = []
        self.full = False
        self.wanted = wanted
        self.enough = asyncio.Event()

    @property
    def predictions(self) -> list[Prediction]:
        """The predictions among the bodies."""
        return [body for body in self.bodies if isinstance(body, Prediction)]

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep `body`; raise `StoreError` while full."""
        if self.full:
            raise StoreError("the disk is full")
        self.bodies.append(body)
        self.stamps.append(at)
        if len(self.predictions) >= self.wanted:
            self.enough.set()
        seq = len(self.bodies)
        boot, wire = "00000001-00000000", "2026-11-21T08:00:00.000Z"
        return Record(id=f"{boot}:{seq}", seq=seq, boot=boot, t=wire, mono_ms=0, clock="trusted", body=body)


class SteppingClock(FakeClock):
    """Sleeping moves time in steps, and `on_step` is told of each: whatever should happen meanwhile happens there."""

    def __init__(self, on_step: Callable[[], None] = lambda: None, step_s: float = 0.25) -> None:
        super().__init__()
        self.on_step = on_step
        self._step_s = step_s

    async def sleep(self, seconds: float) -> None:
        """Move on by `seconds` in steps; gives up the rest when cancelled."""
        left = seconds
        while left > 0:
            self.advance(min(self._step_s, left))
            left -= self._step_s
            self.on_step()
            await asyncio.sleep(0)


def _manifest(rate_hz: float | None, label_set: str, channels: str) -> Manifest:
    grid: list[int | str] = [CELLS, len(channels.split(","))]
    outputs = ("probabilities", "valence", "arousal", "quality")
    return Manifest(
        name="scripted",
        version="0.0.1",
        task="emotion",
        file="scripted.onnx",
        sha256="0" * 64,
        inputs=[
            Tensor(name="signals", dtype="float32", shape=grid),
            Tensor(name="valid", dtype="float32", shape=grid),
            Tensor(name="onset", dtype="float32", shape=[1]),
            Tensor(name="memory", dtype="float32", shape=[1], state=True),
        ],
        outputs=[Tensor(name=name, dtype="float32", shape=[4 if name == "probabilities" else 1]) for name in outputs]
        + [Tensor(name="memory_next", dtype="float32", shape=[1], state=True)],
        classes=CLASSES,
        label_set=label_set,
        rate_hz=rate_hz,
        provenance=Provenance(built_by="a test", recipe="none"),
        parameters={"channels": channels, "decide_above": 0.5, "least_quality": 0.4},
    )
