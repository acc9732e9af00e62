"""Motion: runs the model of the task `motion` on one plane after the other and reads what moves out of its mask.

Before the model sees a plane, a shake of the camera is taken out of it, and so is what its own exposure made of the
light; after it, what changed by the light alone is taken out of the mask.
"""

import math
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from edge.core.errors import ModelError
from edge.models.session import Model
from edge.vision.pixels.contrast import FairThreshold
from edge.vision.pixels.exposure import relight
from edge.vision.pixels.jolt import JoltWatch, drop_explained
from edge.vision.pixels.light import LightWatch, find_relit
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.memory import Arrays, Memory
from edge.vision.pixels.shake import Pose, PoseFinder, shift, straighten

_SETTLED: Final = 0.05
_LONGEST_RELEARNING: Final = 6
"""When all is learned anew, that goes on until no more than this share moves, for at most so many times the samples."""
_PATIENCE: Final = 64
"""Frames after which a pose that lasts is taken for the new home."""
_LASTS: Final = 0.5, 0.5, 0.02, 2.0
"""A pose (right, down, gain, offset) lasts if it is usually nearer than this to its middle."""
_BETWEEN: Final = 1.3
"""A straightened plane is a guess between pixels: the threshold is so many times as high."""
_ASTRAY: Final = 0.4
"""If the pose finder's reference fits no better for so long as it takes to lose patience, while hardly anything moves,
it is the reference that is wrong."""
_LARGELY: Final = 0.3
"""If so much of the picture is in another light, all of it is learned anew."""
_MARGIN: Final = 32
_BANK: Final = 4
_DRAWN: Final = 64
_ALL: Final = 65536
"""Chances are so many; the last is never drawn, so that a rate one below it takes every pixel."""


class MotionDetector:
    """Finds moving pixels in planes of one size. Belongs to one thread; all randomness comes from `rng`."""

    def __init__(
        self, model: Model, size: tuple[int, int], rng: np.random.Generator, *, threshold: float, age_limit: float
    ) -> None:
        """`size` is (width, height); `age_limit` the frames after which what stands still becomes background.

        `shown` is 0 where the view is painted over, None if nowhere; it may be set between two steps.
        """
        self.shown: Plane | None = None
        self._shape = size[1], size[0]
        self._rng = rng
        self._parameters = model.manifest.parameters
        self._samples = int(self._number("samples"))
        self._rate, self._start_rate = self._number("rate", 1.0), self._number("start_rate", 1.0)
        self._fading, self._fading_frames = self._number("fading"), self._number("fading_frames")
        self._blind_frames = self._number("blind_frames")
        drawn = rng.random((_BANK, self._shape[0] + _MARGIN, self._shape[1] + _MARGIN), dtype=np.float32)
        self._bank = np.minimum(drawn * _ALL, _ALL - 2).astype(np.uint16)
        self._windows = self._draw_windows()
        self._chance = np.zeros((1, 1, *self._shape), np.uint16)
        self._luma = np.zeros((1, 1, *self._shape), np.uint8)
        self._mask = np.zeros((1, 1, *self._shape), np.uint8)
        self._knobs = {name: np.zeros(1, np.float32) for name in ("threshold", "age_limit")}
        self._rates = {name: np.zeros(1, np.uint16) for name in ("rate", "blind")}
        self._threshold = FairThreshold(threshold)
        self._knobs["age_limit"][0] = age_limit
        inputs: Arrays = {"luma": self._luma, "chance": self._chance, **self._knobs, **self._rates}
        self._memory = Memory(model, self._shape, self._samples, inputs, {"mask": self._mask})
        self._finder = PoseFinder()
        self._light = LightWatch()
        self._jolt = JoltWatch()
        self._pose = Pose()
        self._strayed: list[Pose] = []
        self._seen = self._mask[0, 0]
        self._share = 0.0
        self._known = self._relearning = self._relearned = self._dazzled = self._astray = 0

    @property
    def moving_share(self) -> float:
        """The share of pixels that moved in the last frame."""
        return self._share

    @property
    def learning(self) -> bool:
        """Whether the background is still being learned, after the start or a change of the light."""
        return self._known <= self._blind_frames or self._relearning > 0

    @property
    def threshold(self) -> float:
        """The luma by which a pixel must differ from its background, fair to the contrast of the view, as of the last
        frame."""
        return self._threshold.luma

    @property
    def pose(self) -> Pose:
        """How the last frame differed from the remembered view as a whole."""
        return self._pose

    @property
    def age_limit(self) -> float:
        """The frames after which what stands still becomes background; may be set between two steps."""
        return float(self._knobs["age_limit"][0])

    @age_limit.setter
    def age_limit(self, frames: float) -> None:
        self._knobs["age_limit"][0] = frames

    def step(self, luma: Plane) -> Plane:
        """The mask of `luma` (255 moving, 0 not), valid until the next call.

        Raise `ModelError` if the model fails. While all of the light changes, nothing is said to move.
        """
        if not self._known:
            self._memory.begin(luma, self._rng, self._number("noise_start"))
        self._known += 1
        self._pose = Pose() if self._relearning else self._finder.find(luma)
        self._show(luma)
        self._draw_chances()
        self._set_rates()
        self._memory.run()
        if self._jolt.jolted(self._pose):
            drop_explained(self._mask[0, 0], self._luma[0, 0], self._memory.newest, self._threshold.luma)
        self._watch_light()
        self._threshold.measure(self._luma[0, 0], self._memory.newest, self._mask[0, 0], self.shown)
        self._seen = self._mask[0, 0]
        if self._pose.shifted:
            self._seen = np.asarray(shift(self._seen, self._pose.right, self._pose.down))
        self._settle(luma)
        return np.asarray(self._seen)

    @property
    def background(self) -> Plane:
        """The newest remembered sample of the background, [height, width], in the place and the light of then; valid
        until the next step."""
        return self._memory.newest

    def absorb(self, window: tuple[slice, slice]) -> None:
        """Let what is foreground in `window` (rows, columns) become background within the next frames."""
        there = np.zeros(self._shape, np.uint8)
        there[window] = self._seen[window]
        if self._pose.shifted:
            there = shift(there, -self._pose.right, -self._pose.down)
        self._memory.age[there > 0] = self._knobs["age_limit"][0] + 1

    def reset(self) -> None:
        """Forget the background; the next plane begins a new one."""
        self._known = self._relearning = self._relearned = self._dazzled = self._astray = 0
        self._share = 0.0
        self._finder.forget()
        self._light.forget()
        self._jolt.forget()
        self._threshold.forget()
        self._strayed.clear()
        self._pose = Pose()

    def _show(self, luma: Plane) -> None:
        """Give the model the plane as the remembered view has it, in its light."""
        pose = self._pose
        if pose.shifted:
            luma = straighten(luma, pose, relight(self._memory.newest, pose.gain, pose.offset))
        if pose.relit:
            luma = relight(luma, 1 / pose.gain, -pose.offset / pose.gain)
        self._luma[0, 0] = luma
        self._knobs["threshold"][0] = self._threshold.luma * (_BETWEEN if pose.shifted else 1.0)

    def _set_rates(self) -> None:
        """Learn all when all is new; then what moves ever less, so that what the start took for background fades."""
        blind, rate = 0.0, self._rate
        if self._relearning:
            blind, rate = 1.0, 1.0
        elif self._known <= self._fading_frames:
            blind, rate = min(self._fading / self._known, 1.0), self._start_rate
        self._rates["rate"][0] = min(round(rate * _ALL), _ALL - 1)
        self._rates["blind"][0] = min(round(blind * rate * _ALL), _ALL - 1)

    def _watch_light(self) -> None:
        mask = self._mask[0, 0]
        if self._light.jumped(self._pose) and self._known > self._samples:
            self._dazzled = self._known = self._samples
        if self._dazzled:
            self._dazzled -= 1
            mask[:] = 0
        share = cv2.countNonZero(mask) / mask.size
        relit = 0.0
        if not self._relearning and self._light.grew(share):
            relit = self._forgive()
            share = cv2.countNonZero(mask) / mask.size
        changed = self._light.changed(share) or relit > _LARGELY
        if changed and not self._relearning and self._known > 1:
            self._relearning, self._relearned = self._samples, 0
            self._finder.forget()
        if self._relearning:
            self._relearn(share)
            share = 0.0
        self._share = share

    def _forgive(self) -> float:
        """What only the light changed does not move, and is remembered at once. Returns the share that it fills."""
        mask, luma = self._mask[0, 0], self._luma[0, 0]
        relit = find_relit(mask, luma, self._memory.newest.astype(np.float32))
        if relit is None:
            return 0.0
        self._memory.learn(relit, luma)
        mask[relit] = 0
        return float(relit.mean())

    def _relearn(self, share: float) -> None:
        self._mask[:] = 0
        self._relearning -= 1
        self._relearned += 1
        if not self._relearning:
            if share > _SETTLED and self._relearned < _LONGEST_RELEARNING * self._samples:
                self._relearning = self._samples
            else:
                self._light.forget()
                self._known = self._samples

    def _settle(self, luma: Plane) -> None:
        """Let a pose that lasts become home: the memory moves there."""
        if not (self._pose.shifted or self._pose.relit):
            self._strayed.clear()
            self._astray = self._astray + 1 if self._pose.fits < _ASTRAY and self._share < _SETTLED else 0
            if self._astray >= _PATIENCE:
                self._finder.forget()
                self._light.rebase()
            return
        self._strayed.append(self._pose)
        if len(self._strayed) < _PATIENCE:
            return
        poses = np.array([(pose.right, pose.down, pose.gain, pose.offset) for pose in self._strayed])
        self._strayed.clear()
        middle = np.median(poses, axis=0)
        if (np.median(np.abs(poses - middle), axis=0) > _LASTS).any():
            return
        home = Pose(*middle.tolist())
        self._memory.move(home, luma)
        self._finder.move(home, luma)
        self._light.rebase()

    def _draw_chances(self) -> None:
        """Fresh-looking random numbers at the price of a copy: a random window of a bank drawn once."""
        at, right = divmod(next(self._windows), _MARGIN)
        which, down = divmod(at, _MARGIN)
        height, width = self._shape
        self._chance[0, 0] = self._bank[which, down : down + height, right : right + width]

    def _draw_windows(self) -> Iterator[int]:
        """Random numbers of windows without end, drawn many at a time: one by one they are dear."""
        while True:
            yield from self._rng.integers(_BANK * _MARGIN * _MARGIN, size=_DRAWN).tolist()

    def _number(self, name: str, most: float = math.inf) -> float:
        value = self._parameters.get(name)
        if not isinstance(value, int | float):
            raise ModelError(f"the motion model's manifest has no number {name!r} among its parameters")
        if not 0 <= value <= most:
            raise ModelError(f"the motion model's manifest has {value} for {name!r}, which must be from 0 to {most:g}")
        return float(value)
