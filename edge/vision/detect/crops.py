"""Which parts of the picture a detector looks at: where something moves, in few cuts, each the size of its input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.messages import Box

_MARGIN: Final = 0.4
"""Of a box's sides, on each side: what moves is often only a part of the thing."""
_GRID: Final = (6, 4)
"""Hundreds of things are first taken together by cells of such a grid."""
_SPARING: Final = 1.15
"""Two cuts become one if that has at most so many times the area of both."""
Bgr = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the picture, in shares of it: left, top, right, bottom, inside 0..1."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Share of the picture."""
        return (self.right - self.left) * (self.bottom - self.top)

    def union(self, other: "Window") -> "Window":
        """The smallest window that holds both."""
        return Window(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


WHOLE: Final = Window(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Cut:
    """A window as a model's input: uint8 [height, width, 3], of which the picture fills `used` (shares of width and
    height, from the upper left corner)."""

    image: Bgr
    window: Window
    used: tuple[float, float]

    def place(self, box: Sequence[float], label: str) -> Box:
        """Left, top, right, bottom in shares of the input as a box in shares of the picture, cut to the window."""
        x1, x2 = (self._across(value) for value in box[::2])
        y1, y2 = (self._down(value) for value in box[1::2])
        return Box(x=x1, y=y1, w=max(x2 - x1, 0.0), h=max(y2 - y1, 0.0), label=label)

    def _across(self, x: float) -> float:
        return self.window.left + min(x / self.used[0], 1.0) * (self.window.right - self.window.left)

    def _down(self, y: float) -> float:
        return self.window.top + min(y / self.used[1], 1.0) * (self.window.bottom - self.window.top)


def windows_of(boxes: Sequence[Box], picture: tuple[int, int], size: tuple[int, int], limit: int) -> list[Window]:
    """At most `limit` windows that hold all `boxes` with some room around them.

    `picture` and `size` are width and height in pixels of the picture and of the model's input. A window has the shape
    of the input and no fewer pixels, where the picture allows it: enlarged, things show no more, and lose their
    surroundings, by which a detector knows them.
    """
    windows = [_with_room(box) for box in boxes]
    if len(windows) > _GRID[0] * _GRID[1]:
        windows = _by_cells(windows)
    windows = [_shaped(window, picture, size) for window in _joined(windows, limit)]
    return [_shaped(window, picture, size) for window in _joined(windows, limit)]


def cut(bgr: Bgr, window: Window, size: tuple[int, int], *, letterbox: bool, pad: int) -> Cut:
    """`window` of a picture at `size` (width, height): stretched to it, or kept in shape and padded right or below."""
    height, width = bgr.shape[:2]
    left, top = int(window.left * width), int(window.top * height)
    right, bottom = max(round(window.right * width), left + 1), max(round(window.bottom * height), top + 1)
    part = bgr[top:bottom, left:right]
    exact = Window(left / width, top / height, (left + part.shape[1]) / width, (top + part.shape[0]) / height)
    if not letterbox:
        return Cut(_resized(part, size), exact, (1.0, 1.0))
    scale = min(size[0] / part.shape[1], size[1] / part.shape[0])
    filled = max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1)
    image = np.full((size[1], size[0], 3), pad, np.uint8)
    image[: filled[1], : filled[0]] = _resized(part, filled)
    return Cut(image, exact, (filled[0] / size[0], filled[1] / size[1]))


def _resized(part: Bgr, size: tuple[int, int]) -> Bgr:
    if (part.shape[1], part.shape[0]) == size:
        return part
    shrinks = part.shape[1] > size[0]
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)


def _with_room(box: Box) -> Window:
    across, down = box.w * _MARGIN, box.h * _MARGIN
    return _inside(box.x - across, box.y - down, box.x + box.w + across, box.y + box.h + down)


def _inside(left: float, top: float, right: float, bottom: float) -> Window:
    return Window(*(min(max(value, 0.0), 1.0) for value in (left, top, right, bottom)))


def _by_cells(windows: list[Window]) -> list[Window]:
    cells: dict[tuple[int, int], Window] = {}
    for window in windows:
        cell = int((window.left + window.right) / 2 * _GRID[0]), int((window.top + window.bottom) / 2 * _GRID[1])
        cells[cell] = cells[cell].union(window) if cell in cells else window
    return list(cells.values())


def _joined(windows: list[Window], limit: int) -> list[Window]:
    """Join the two that cost least area more, as long as that spares a cut or there are too many."""
    windows = list(windows)
    while len(windows) > 1:
        pairs = ((one, other) for index, one in enumerate(windows) for other in windows[index + 1 :])
        one, other = min(pairs, key=lambda pair: pair[0].union(pair[1]).area - pair[0].area - pair[1].area)
        union = one.union(other)
        if len(windows) <= limit and union.area > _SPARING * (one.area + other.area):
            break
        windows.remove(one)
        windows.remove(other)
        windows.append(union)
    return windows


def _shaped(window: Window, picture: tuple[int, int], size: tuple[int, int]) -> Window:
    """Grown around its middle to the shape of `size`, as far as the picture goes."""
    width = max((window.right - window.left) * picture[0], float(size[0]))
    height = max((window.bottom - window.top) * picture[1], float(size[1]))
    width, height = max(width, height * size[0] / size[1]), max(height, width * size[1] / size[0])
    left, right = _span((window.left + window.right) / 2, width / picture[0])
    top, bottom = _span((window.top + window.bottom) / 2, height / picture[1])
    return Window(left, top, right, bottom)


def _span(middle: float, length: float) -> tuple[float, float]:
    """`length` around `middle`, moved so that it lies inside 0..1."""
    length = min(length, 1.0)
    start = min(max(middle - length / 2, 0.0), 1.0 - length)
    return start, start + length
