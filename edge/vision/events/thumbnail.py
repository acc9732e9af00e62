"""The small picture of an event: what it is about with some of its surroundings, and a note for the album inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.messages import Box, Severity

QUALITY: Final = 80
_AROUND: Final = 1.5
"""A crop is so many times as large as what it is about."""
_LEAST_SHARE: Final = 0.3
"""A crop is at least this share of the picture's width and height: enough to tell where it is."""
_REDUCED: Final = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_SOI, _APP, _COM = b"\xff\xd8", b"\xff\xe0", b"\xff\xfe"
_WORD: Final = b"afferent-event"
_NOTE_WITHIN: Final = 256


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture in normalised coordinates, of the picture's own shape: `share` of its width and height."""

    x: float
    y: float
    share: float


@dataclass(frozen=True, slots=True)
class Note:
    """What the album has to know of a picture after a restart."""

    wall_ms: int
    severity: Severity


def crop_around(boxes: Sequence[Box]) -> Crop:
    """The crop that shows all boxes and half as much again around them; the whole picture if there are none."""
    inside = [visible for box in boxes if (visible := _visible(box))]
    if not inside:
        return Crop(0.0, 0.0, 1.0)
    left, top = min(one[0] for one in inside), min(one[1] for one in inside)
    right, bottom = max(one[2] for one in inside), max(one[3] for one in inside)
    share = min(1.0, max(_LEAST_SHARE, _AROUND * max(right - left, bottom - top)))
    return Crop(_placed((left + right) / 2, share), _placed((top + bottom) / 2, share), share)


def make_thumbnail(jpeg: bytes, boxes: Sequence[Box], *, source_px: int, width_px: int, note: Note) -> bytes | None:
    """A JPEG at most `width_px` wide of what is in the boxes, with `note` in it; None if `jpeg` cannot be decoded.

    `source_px` is the width of `jpeg`: no more of it is decoded than needed.
    """
    crop = crop_around(boxes)
    reduction = max(by for by in _REDUCED if by == 1 or source_px * crop.share / by >= width_px)
    picture = _decoded(jpeg, _REDUCED[reduction])
    if picture is None:
        return None
    height, width = picture.shape[:2]
    x, y = round(crop.x * width), round(crop.y * height)
    part = picture[y : y + max(1, round(crop.share * height)), x : x + max(1, round(crop.share * width))]
    if part.shape[1] > width_px:
        size = width_px, max(1, round(part.shape[0] * width_px / part.shape[1]))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, encoded = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return _with_note(encoded.tobytes(), note)


def read_note(head: bytes) -> Note | None:
    """The note in the first bytes of a thumbnail; None if it has none that is ours."""
    at = head.find(_COM + b"\x00", 0, _NOTE_WITHIN)
    if not head.startswith(_SOI) or at < 0:
        return None
    words = head[at + 4 : at + 2 + int.from_bytes(head[at + 2 : at + 4], "big")].split()
    if len(words) != len(("word", "time", "severity")) or words[0] != _WORD or not words[1].isdigit():
        return None
    severity = words[2].decode("ascii", "replace")
    return Note(int(words[1]), cast(Severity, severity)) if severity in get_args(Severity) else None


def _decoded(jpeg: bytes, flag: int) -> NDArray[np.uint8] | None:
    try:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), flag)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def _with_note(jpeg: bytes, note: Note) -> bytes:
    """The JPEG with a comment segment (ITU-T T.81, B.2.4.5) behind its first application segment, if it has one."""
    text = b"%s %d %s" % (_WORD, note.wall_ms, note.severity.encode())
    at = len(_SOI)
    if jpeg.startswith(_APP, at):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + _COM + (len(text) + 2).to_bytes(2, "big") + text + jpeg[at:]


def _visible(box: Box) -> tuple[float, float, float, float] | None:
    """The part of a box that is inside the picture: left, top, right, bottom."""
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(1.0, box.x + box.w), min(1.0, box.y + box.h)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _placed(centre: float, share: float) -> float:
    return min(max(0.0, centre - share / 2), 1.0 - share)
