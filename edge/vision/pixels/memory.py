"""The memory of the motion model, in buffers that are never copied: two that alternate for each state, and for the
queue of N samples a ring of N + 1 planes, of which each frame writes one (see `cloud/training/graphs/motion.py`)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.models.session import Model
from edge.vision.pixels.exposure import relight
from edge.vision.pixels.luma import Floats, Plane
from edge.vision.pixels.shake import Pose, carry

_NOISE, _AGE = "noise", "age"
Arrays = Mapping[str, NDArray[Any]]


class Memory:
    """What one camera's motion model remembers; runs the model on it. Belongs to one thread."""

    def __init__(self, model: Model, shape: tuple[int, int], samples: int, inputs: Arrays, outputs: Arrays) -> None:
        """`shape` is (height, width); `inputs` and `outputs` are the tensors that are no memory, bound for good."""
        self._shape = shape
        whole = 1, 1, *shape
        self._ring: list[Plane] = [np.zeros(whole, np.uint8) for _ in range(samples + 1)]
        self._states: dict[str, tuple[Floats, Floats]] = {
            name: (np.zeros(whole, np.float32), np.zeros(whole, np.float32)) for name in (_NOISE, _AGE)
        }
        turns = math.lcm(len(self._ring), 2)
        self._turns = [
            model.bind({**inputs, **self._before(turn)}, {**outputs, **self._after(turn)}) for turn in range(turns)
        ]
        self._turn = 0

    def begin(self, luma: Plane, rng: np.random.Generator, noise: float) -> None:
        """Fill every sample with the first picture, each shifted by up to a pixel."""
        padded = np.pad(luma, 1, mode="edge")
        height, width = self._shape
        for plane in self._ring:
            down, right = rng.integers(0, 3, 2)
            plane[0, 0] = padded[down : down + height, right : right + width]
        for name, start in ((_NOISE, noise), (_AGE, 0.0)):
            for state in self._states[name]:
                state[:] = start

    def run(self) -> None:
        """Let the model look once, and go on. Raise `ModelError` if it fails."""
        self._turns[self._turn].run()
        self._turn = (self._turn + 1) % len(self._turns)

    @property
    def newest(self) -> Plane:
        """The newest remembered sample, [height, width]; valid until the next run."""
        return np.asarray(self._ring[(self._turn - 2) % len(self._ring)][0, 0])

    @property
    def age(self) -> Floats:
        """For how many frames each pixel has been foreground, [height, width], to be changed in place."""
        return np.asarray(self._states[_AGE][self._turn % 2][0, 0])

    def learn(self, where: NDArray[np.bool_], luma: Plane) -> None:
        """Remember `luma` at once where `where` is true, beside what was there before: in every second sample."""
        for plane in self._ring[::2]:
            np.copyto(plane[0, 0], luma, where=where)
        self.age[where] = 0

    def move(self, pose: Pose, luma: Plane) -> None:
        """Become what a camera in `pose` would have remembered: in its place and in its light.

        What comes into view at the edges is as in `luma`, a picture taken in that pose.
        """
        for plane in self._ring:
            plane[0, 0] = carry(relight(plane[0, 0], pose.gain, pose.offset), pose, luma.copy())
        for pair in self._states.values():
            for state in pair:
                state[0, 0] = carry(state[0, 0], pose, np.zeros_like(state[0, 0]))

    def _before(self, turn: int) -> dict[str, NDArray[Any]]:
        queue = {f"sample_{at}": self._ring[(turn + at) % len(self._ring)] for at in range(len(self._ring) - 1)}
        return {**{name: pair[turn % 2] for name, pair in self._states.items()}, **queue}

    def _after(self, turn: int) -> dict[str, NDArray[Any]]:
        states = {f"{name}_next": pair[1 - turn % 2] for name, pair in self._states.items()}
        return {"sample_next": self._ring[(turn - 1) % len(self._ring)], **states}
