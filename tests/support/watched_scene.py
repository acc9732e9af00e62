"""A drawn scene in front of the room of the unusual alone: what moves is known, so no motion model is needed."""

import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.messages import Event
from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.findings import Finding
from edge.vision.pixels.luma import Plane
from edge.vision.unusual.learning import Learning
from edge.vision.unusual.reading import Reading
from edge.vision.unusual.settings import UnusualSettings
from edge.vision.unusual.watch import Unusual
from tests.support.clock import START_MS

SIZE = (160, 120)
FRAMES, ACTIVE = 300, 100
SECOND_NS = 1_000_000_000
_STEPS = 1.7
"""A second: nobody glides."""


@dataclass(frozen=True)
class Walker:
    """A figure that begins at `x` and walks to the right, `speed` px a second, at height `y`, round and round."""

    x: float
    y: int
    speed: float
    w: int = 14
    h: int = 30


@dataclass
class Watched:
    """One camera's `Unusual` and the time that passes before it."""

    kept: Path
    sensitivity: float = 1.0
    settings: UnusualSettings = field(default_factory=UnusualSettings)
    at_s: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self.unusual = self.restarted()
        self._rng = np.random.default_rng(self.seed)
        self._background = self._texture(SIZE[1], SIZE[0], 60, 140, 12.0)
        self._cloth = self._texture(40, 40, 120, 255, 2.5)

    def restarted(self) -> Unusual:
        """A new `Unusual` that reads what was kept."""
        learning = Learning(frames=FRAMES, active_frames=ACTIVE, sensitivity=self.sensitivity)
        self.unusual = Unusual(
            anomaly_model(),
            SIZE,
            learning=learning,
            consecutive=5,
            kept=self.kept,
            settings=self.settings,
        )
        return self.unusual

    def watch(
        self, seconds: float, *walkers: Walker, fps: float = 15.0, hour: int | None = 12, bonus: float = 0.0
    ) -> list[tuple[Reading, Finding | None]]:
        """So long, with these walkers, each beginning at its own x: a row of its own."""
        seen = []
        self.unusual.cut()
        for at in range(round(seconds * fps)):
            self.at_s += 1 / fps
            luma, mask = self.picture(at / fps, *walkers)
            seen.append(self.unusual.step(luma, mask, usable=True, hour=hour, score_bonus=bonus, **self.moment()))
        return seen

    def moment(self) -> dict[str, Any]:
        """Now, by both clocks."""
        return {"at_ns": round(self.at_s * SECOND_NS), "t_ms": START_MS + round(self.at_s * 1000)}

    def picture(self, after_s: float, *walkers: Walker) -> tuple[Plane, Plane]:
        """Brightness and motion mask, so long after the walkers began."""
        luma = self._background.copy()
        mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        for walker in walkers:
            x = (walker.x + walker.speed * after_s) % (SIZE[0] + walker.w) - walker.w
            gait = math.sin(_STEPS * 2 * math.pi * after_s + walker.x)
            place = np.array([[1, 0, x + 0.04 * walker.speed * gait], [0, 1, walker.y + gait]], np.float32)
            figure = np.ascontiguousarray(self._cloth[: walker.h, : walker.w])
            drawn = cv2.warpAffine(figure, place, SIZE)
            there = cv2.warpAffine(np.full_like(figure, 255), place, SIZE) > 127
            luma[there] = drawn[there]
            mask[there] = 255
        luma += self._rng.normal(0, 1, luma.shape).astype(np.float32)
        return np.clip(luma, 0, 255).astype(np.uint8), mask

    def event(self, finding: Finding, event_id: str, phase: Literal["open", "close"] = "open") -> Event:
        """The event that the book would make of a finding now."""
        start_ms = START_MS + round(finding.since_ns / 1e6)
        end_ms = START_MS + round(self.at_s * 1000) if phase == "close" else None
        return Event(
            event_id=event_id, phase=phase, camera="front", type=finding.type, start_ms=start_ms, end_ms=end_ms
        )

    def _texture(self, height: int, width: int, low: float, high: float, grain: float) -> NDArray[np.float32]:
        noise = np.random.default_rng(1).normal(size=(height, width)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), grain)
        spread = (smooth - smooth.min()) / (smooth.max() - smooth.min())
        return np.asarray(low + (high - low) * spread, np.float32)


@cache
def anomaly_model() -> Model:
    """The bundled model, loaded once."""
    return ModelStore().load("anomaly")


WALKERS = (Walker(0, 30, 18.0), Walker(80, 70, 15.0))
"""What is normal here."""
RUNNER = Walker(0, 50, 70.0)


def alarms(seen: list[tuple[Reading, Finding | None]]) -> list[Finding]:
    """The findings of each frame that has one."""
    return [finding for _, finding in seen if finding]
