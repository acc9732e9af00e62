"""A camera in a drawn place: picture after picture, each with the sensor's noise, the same for the same seed."""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np

from tests.support.rendered_movers import Mover
from tests.support.rendered_place import MARGIN, Pixels, RenderedPlace
from tests.support.rendered_weather import Night, Optics, Output, Scenery, Stand

SIZE: Final = (320, 240)
FPS: Final = 15.0
_NOISES: Final = 8
_SLACK: Final = 24
Weather = Scenery | Stand | Optics | Output


class RenderedCamera:
    """Sees movers and weather in a place that is fixed by `seed`; `noise` is the sensor's, in luma."""

    def __init__(
        self,
        movers: Sequence[Mover] = (),
        weather: Sequence[Weather] = (),
        *,
        size: tuple[int, int] = SIZE,
        seed: int = 1,
        noise: float = 2.5,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._place = RenderedPlace(size, self._rng)
        self._movers = tuple(movers)
        self._weather = tuple(weather)
        self._size = size
        shape = _NOISES, size[1] + _SLACK, size[0] + _SLACK
        self._noise = self._rng.normal(0, noise, shape).astype(np.float32)

    def pictures(self, seconds: float, fps: float = FPS) -> Iterator[tuple[float, Pixels]]:
        """(seconds since the start, brightness [height, width]) of every picture."""
        for number in range(round(seconds * fps)):
            at_s = number / fps
            yield at_s, self.picture(at_s)

    def picture(self, at_s: float) -> Pixels:
        """What is seen at a moment; moments are asked for in order."""
        canvas = self._canvas(at_s)
        for scenery in self._weather:
            if hasattr(scenery, "paint"):
                scenery.paint(canvas, self._size, at_s)
        for mover in self._movers:
            mover.draw(canvas, self._size, at_s)
        light = self._view(canvas, at_s).astype(np.float32)
        for optics in self._weather:
            if hasattr(optics, "expose"):
                light = optics.expose(light, at_s, self._rng)
        picture: Pixels = np.clip(light + self._grain(), 0, 255).astype(np.uint8)
        for output in self._weather:
            if hasattr(output, "give"):
                picture = output.give(picture, at_s)
        return picture

    def _canvas(self, at_s: float) -> Pixels:
        night = any(isinstance(one, Night) and one.is_on(at_s) for one in self._weather)
        return (self._place.night if night else self._place.day).copy()

    def _view(self, canvas: Pixels, at_s: float) -> Pixels:
        shifts = [one.shift(at_s, self._rng) for one in self._weather if hasattr(one, "shift")]
        right, down = (sum(axis) for axis in zip((0.0, 0.0), *shifts, strict=True))
        if not right and not down:
            return canvas[MARGIN : MARGIN + self._size[1], MARGIN : MARGIN + self._size[0]]
        middle = MARGIN + right + (self._size[0] - 1) / 2, MARGIN + down + (self._size[1] - 1) / 2
        return np.asarray(cv2.getRectSubPix(canvas, self._size, middle), np.uint8)

    def _grain(self) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        which, down, right = self._rng.integers(0, (_NOISES, _SLACK, _SLACK))
        found = self._noise[which, down : down + self._size[1], right : right + self._size[0]]
        return found
