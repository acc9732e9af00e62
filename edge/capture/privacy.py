"""What nobody may see is painted over before a picture leaves this room: viewers, recordings and analysis never had it.

It costs a full decode and an encode of each picture (6 to 7 ms at 1280x720 on one x86 core), and only where a plan asks
for it; every other picture passes untouched. When in doubt nothing leaves: a picture that cannot be painted is dropped,
and a camera whose plan cannot be read, or whose faces cannot be found, gives no pictures and says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.messages import Box
from contract.plan import Plan, Point
from edge.capture.camera import Camera, Picture
from edge.capture.encode import encode_bgr
from edge.core.errors import EdgeError, SourceUnavailableError

_QUALITY: Final = 90
_BAD_LIMIT: Final = 25
_FACE_MARGIN: Final = 0.25
"""A detector's box ends at the chin and the brows; hair and ears tell a person too."""
_FACE_CELLS: Final = 6
"""A face becomes so many flat cells across: nobody is known by them, and that somebody is there can still be seen."""
Bgr = NDArray[np.uint8]
FaceFinder = Callable[[Bgr], Sequence[Box]]
"""Finds the faces of a picture, uint8 [height, width, 3]; belongs to one thread."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked for now; replaced as a whole, so that another thread sees the old one or the new."""

    polygons: tuple[tuple[Point, ...], ...] = ()
    faces: bool = False
    withheld: str = ""
    number: int = 0


class PrivacyPainter:
    """Paints the pictures of one camera. `adopt`, `withhold` and `is_current` belong to the event loop, `prepare` and
    `paint` to the camera's thread."""

    def __init__(self, make_finder: Callable[[], FaceFinder]) -> None:
        """`make_finder` raises `EdgeError` if faces cannot be found here. It is asked in the camera's thread when a
        plan wants it, for to load a model takes its time, and again for each picture until it can."""
        self._make_finder = make_finder
        self._finder: FaceFinder | None = None
        self._order = _Order()

    @property
    def at_work(self) -> bool:
        """Whether pictures are changed or withheld now."""
        order = self._order
        return bool(order.polygons or order.faces or order.withheld)

    @property
    def order(self) -> int:
        """The number of the order that holds now."""
        return self._order.number

    def adopt(self, plan: Plan) -> bool:
        """Paint by `plan` from the next picture on; whether that is another order than before."""
        polygons = tuple(zone.points for zone in plan.zones if zone.kind == "privacy")
        return self._ask(_Order(polygons, plan.face_blur))

    def withhold(self, reason: str) -> None:
        """Let no picture leave until a plan is adopted."""
        self._ask(_Order(withheld=reason))

    def is_current(self, picture: Picture) -> bool:
        """Whether `picture` was painted by the order that holds now, and not just before it changed."""
        return picture.order == self._order.number

    def prepare(self) -> None:
        """Raise `SourceUnavailableError` with the reason if no picture could leave now."""
        self._finder_of(self._order)

    def paint(self, picture: Picture) -> Picture | None:
        """The picture as it may be seen, or None if it cannot be decoded and so must not be."""
        order = self._order
        finder = self._finder_of(order)
        if not order.polygons and finder is None:
            return picture if picture.order == order.number else replace(picture, order=order.number)
        image = _decode(picture.jpeg)
        if image is None:
            return None
        if finder:
            for box in finder(image):
                _coarsen(image, box)
        _fill(image, order.polygons)
        return replace(encode_bgr(image, _QUALITY), order=order.number)

    def _ask(self, wanted: _Order) -> bool:
        """Let another order hold, with a number of its own."""
        before = self._order
        if replace(wanted, number=before.number) == before:
            return False
        self._order = replace(wanted, number=before.number + 1)
        return True

    def _finder_of(self, order: _Order) -> FaceFinder | None:
        """What finds faces, where they are to be found; refuse where they cannot be, or nothing may leave."""
        if order.withheld:
            raise SourceUnavailableError(f"no picture leaves the camera: {order.withheld}")
        if not order.faces:
            self._finder = None
            return None
        try:
            self._finder = self._finder or self._make_finder()
        except EdgeError as error:
            raise SourceUnavailableError(
                f"no picture leaves the camera: faces are to be made unrecognisable, and cannot be found: {error}"
            ) from error
        return self._finder


class PrivateCamera:
    """A camera whose pictures are painted in its own thread, before anybody else has them."""

    def __init__(self, camera: Camera, painter: PrivacyPainter) -> None:
        self._camera = camera
        self._painter = painter
        self._order = painter.order

    def open(self) -> None:
        """See `Camera`; refused while no picture may leave."""
        self._order = self._painter.order
        self._painter.prepare()
        self._camera.open()

    def read(self) -> Picture:
        """See `Camera`; a picture that cannot be painted is passed over, too many in a row end the source."""
        for _ in range(_BAD_LIMIT):
            painted = self._painter.paint(self._camera.read())
            if painted is not None:
                return self._without_older(painted)
        raise SourceUnavailableError(
            f"{_BAD_LIMIT} pictures in a row could not be decoded to paint over what is private"
        )

    def _without_older(self, picture: Picture) -> Picture:
        """What the source compressed before another order held, with pictures of it, does not leave under the new."""
        changed = picture.order != self._order
        self._order = picture.order
        return replace(picture, units=()) if changed and picture.units else picture

    def close(self) -> None:
        """See `Camera`."""
        self._camera.close()

    def describe(self) -> str:
        """See `Camera`."""
        return self._camera.describe()


def _decode(jpeg: bytes) -> Bgr | None:
    try:
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _fill(image: Bgr, polygons: tuple[tuple[Point, ...], ...]) -> None:
    """Black, one pixel wider than drawn, so that no edge of what is private shows through rounding."""
    height, width = image.shape[:2]
    for points in polygons:
        cv2.fillPoly(image, _outlines(points, width, height), (0, 0, 0))


@lru_cache(maxsize=256)
def _outlines(points: tuple[Point, ...], width: int, height: int) -> list[NDArray[np.int32]]:
    """What a polygon encloses in a picture of this size. Where its edges cross, what lies between them is inside: a
    slip of the hand hides too much rather than too little."""
    mask = np.zeros((height, width), np.uint8)
    corners = np.array([[round(x * width), round(y * height)] for x, y in points], np.int32)
    cv2.fillPoly(mask, [corners], 255)
    cv2.polylines(mask, [corners], isClosed=True, color=255, thickness=3)
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(outline, np.int32) for outline in found]


def _coarsen(image: Bgr, box: Box) -> None:
    """Replace a box, and a margin around it, by a few flat cells."""
    height, width = image.shape[:2]
    across, down = box.w * _FACE_MARGIN, box.h * _FACE_MARGIN
    left, right = max(int((box.x - across) * width), 0), min(round((box.x + box.w + across) * width), width)
    top, bottom = max(int((box.y - down) * height), 0), min(round((box.y + box.h + down) * height), height)
    if right <= left or bottom <= top:
        return
    region = image[top:bottom, left:right]
    few = cv2.resize(region, (_FACE_CELLS, _FACE_CELLS), interpolation=cv2.INTER_AREA)
    image[top:bottom, left:right] = cv2.resize(few, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
