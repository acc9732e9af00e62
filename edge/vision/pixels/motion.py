"""Motion: runs the model of the task `motion` on one plane after the other and reads what moves out of its mask.

The model's memory lives here in buffers that are never copied: two that alternate for each state, and for the queue of
N samples a ring of N + 1 planes, of which each frame writes one (see `cloud/training/graphs/motion.py`).
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.models.session import Model
from edge.vision.pixels.luma import Plane

_STATES: Final = ("noise", "age")
_FLASH_FROM, _FLASH_TO, _FLASH_FRAMES = 0.3, 0.7, 10
"""The light changed if from one frame to the next the moving share leaps so; then all is learned anew in 10 frames."""
_MARGIN: Final = 32
_BANK: Final = 4
Floats = NDArray[np.float32]


class MotionDetector:
    """Finds moving pixels in planes of one size. Belongs to one thread; all randomness comes from `rng`."""

    def __init__(
        self, model: Model, size: tuple[int, int], rng: np.random.Generator, *, threshold: float, age_limit: float
    ) -> None:
        """`size` is (width, height); `age_limit` the frames after which what stands still becomes background."""
        self._shape = size[1], size[0]
        self._rng = rng
        self._parameters = model.manifest.parameters
        samples = _number(self._parameters, "samples")
        self._ring = [self._plane() for _ in range(int(samples) + 1)]
        self._states = {name: (self._plane(), self._plane()) for name in _STATES}
        self._bank = rng.random((_BANK, self._shape[0] + _MARGIN, self._shape[1] + _MARGIN), dtype=np.float32)
        self._chance = self._plane()
        self._luma = np.zeros((1, 1, *self._shape), np.uint8)
        self._mask = np.zeros((1, 1, *self._shape), np.uint8)
        self._knobs = {name: np.zeros(1, np.float32) for name in ("threshold", "rate", "blind", "age_limit")}
        self._knobs["threshold"][0] = threshold
        self._knobs["age_limit"][0] = age_limit
        turns = math.lcm(len(self._ring), 2)
        self._turns = [model.bind(self._inputs(turn), self._outputs(turn)) for turn in range(turns)]
        self._turn = 0
        self._flash = 0
        self._share = 0.0
        self._frames = 0

    @property
    def moving_share(self) -> float:
        """The share of pixels that moved in the last frame."""
        return self._share

    @property
    def learning(self) -> bool:
        """Whether the background is still being learned, after the start or a change of the light."""
        return self._frames <= _number(self._parameters, "blind_frames") or self._flash > 0

    def step(self, luma: Plane) -> Plane:
        """The mask of `luma` (255 moving, 0 not), valid until the next call.

        Raise `ModelError` if the model fails. While the light changes, nothing is said to move.
        """
        if not self._frames:
            self._begin(luma)
        self._frames += 1
        self._luma[0, 0] = luma
        self._draw_chances()
        self._knobs["blind"][0] = self.learning
        self._knobs["rate"][0] = 1.0 if self._flash else _number(self._parameters, "rate")
        self._turns[self._turn].run()
        self._turn = (self._turn + 1) % len(self._turns)
        self._watch_light()
        return np.asarray(self._mask[0, 0])

    def background(self) -> Floats:
        """The newest remembered sample of the background, [height, width]; valid until the next step."""
        newest = self._ring[(self._turn - 2) % len(self._ring)]
        return np.asarray(newest[0, 0])

    def absorb(self, window: tuple[slice, slice]) -> None:
        """Let what is foreground in `window` (rows, columns) become background within the next frames."""
        age = self._states["age"][self._turn % 2][0, 0]
        age[window][self._mask[0, 0][window] > 0] = self._knobs["age_limit"][0] + 1

    def reset(self) -> None:
        """Forget the background; the next plane begins a new one."""
        self._frames = self._flash = 0
        self._share = 0.0

    def _watch_light(self) -> None:
        before, self._share = self._share, cv2.countNonZero(self._mask[0, 0]) / self._mask.size
        if before < _FLASH_FROM and self._share > _FLASH_TO and self._frames > 1:
            self._flash = _FLASH_FRAMES
        if self._flash:
            self._flash -= 1
            self._share = 0.0
            self._mask[:] = 0

    def _begin(self, luma: Plane) -> None:
        """Fill every sample with the first picture, each shifted by up to a pixel."""
        padded = np.pad(luma, 1, mode="edge")
        height, width = self._shape
        for plane in self._ring:
            down, right = self._rng.integers(0, 3, 2)
            plane[0, 0] = padded[down : down + height, right : right + width]
        for pair, start in zip(self._states.values(), (_number(self._parameters, "noise_start"), 0.0), strict=True):
            for plane in pair:
                plane[:] = start

    def _draw_chances(self) -> None:
        """Fresh-looking random numbers at the price of a copy: a random window of a bank drawn once."""
        which, down, right = self._rng.integers(0, (_BANK, _MARGIN, _MARGIN))
        height, width = self._shape
        self._chance[0, 0] = self._bank[which, down : down + height, right : right + width]

    def _inputs(self, turn: int) -> dict[str, NDArray[Any]]:
        queue = {f"sample_{at}": self._ring[(turn + at) % len(self._ring)] for at in range(len(self._ring) - 1)}
        states = {name: pair[turn % 2] for name, pair in self._states.items()}
        return {"luma": self._luma, "chance": self._chance, **self._knobs, **states, **queue}

    def _outputs(self, turn: int) -> dict[str, NDArray[Any]]:
        states = {f"{name}_next": pair[1 - turn % 2] for name, pair in self._states.items()}
        return {"mask": self._mask, "sample_next": self._ring[(turn - 1) % len(self._ring)], **states}

    def _plane(self) -> Floats:
        return np.zeros((1, 1, *self._shape), np.float32)


def _number(parameters: Mapping[str, float | int | str | list[float]], name: str) -> float:
    value = parameters.get(name)
    if not isinstance(value, int | float):
        raise ModelError(f"the motion model's manifest has no number {name!r} among its parameters")
    return float(value)
