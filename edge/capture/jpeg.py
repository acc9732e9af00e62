"""Just enough of JPEG (ITU-T T.81) to know a picture's size and make an abbreviated one whole, without decoding it."""

import functools
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from edge.capture.camera import Picture
from edge.core.errors import SourceUnavailableError

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"
_SOS: Final = 0xDA
_DHT: Final = 0xC4
_SIZE_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_TAIL: Final = 64
"""Some cameras pad a picture after its end to a multiple of this many bytes."""
_BAD_LIMIT: Final = 25
"""So many damaged pictures in a row, and the source counts as lost."""
_SMALLEST: Final = 16
_LARGEST: Final = 16_384
"""Sides in pixels: less is nothing to see or to encode, more is memory that a small machine does not have."""
_FILL: Final = re.compile(rb"\xff+")


class BadJpegError(ValueError):
    """The bytes are no whole JPEG."""


def picture_of(data: bytes) -> Picture:
    """The JPEG `data` as a picture, its bytes untouched if it can be shown as it is.

    Motion-JPEG of many USB cameras leaves out the Huffman tables that every decoder of Motion-JPEG knows (T.81, Annex
    K.3); they are put in, because a browser or a stored file wants them. Raise `BadJpegError` if it is none or is cut.
    """
    width, height, whole, insert_at = 0, 0, False, 0
    for marker, start, body in _segments(data):
        if marker in _SIZE_MARKERS:
            width, height = _size(data, body)
        elif marker == _DHT:
            whole = True
        elif marker == _SOS:
            insert_at = start
    if not insert_at or not width or not height:
        raise BadJpegError("a picture without size or content")
    if min(width, height) < _SMALLEST or max(width, height) > _LARGEST:
        raise BadJpegError(f"a picture of {width}x{height} pixels")
    if EOI not in data[-_TAIL:]:
        raise BadJpegError("a picture that is cut off")
    return Picture(data if whole else data[:insert_at] + _standard_tables() + data[insert_at:], width, height)


def head_of(data: bytes) -> bytes:
    """All of a JPEG before its first scan: what size it has and with which tables it is read."""
    return data[: next((start for marker, start, _ in _segments(data) if marker == _SOS), 0)]


class PictureQueue:
    """Pictures that arrived together and are read one by one; so many damaged ones in a row end the source.

    A camera sends the same head with every picture: it is read once, and again when another one comes.
    """

    def __init__(self) -> None:
        self._pictures: deque[Picture] = deque()
        self._bad = 0
        self._head = b""
        self._size = 0, 0

    def put(self, jpegs: Iterable[bytes]) -> None:
        """Take JPEGs as they came; raise `SourceUnavailableError` when too many in a row are damaged."""
        for jpeg in jpegs:
            try:
                self._pictures.append(self._picture_of(jpeg))
                self._bad = 0
            except BadJpegError as error:
                self._bad += 1
                if self._bad >= _BAD_LIMIT:
                    raise SourceUnavailableError(f"{self._bad} damaged pictures in a row: {error}") from error

    def take(self) -> Picture | None:
        """The oldest picture, or None."""
        return self._pictures.popleft() if self._pictures else None

    def _picture_of(self, jpeg: bytes) -> Picture:
        if self._head and jpeg.startswith(self._head) and EOI in jpeg[-_TAIL:]:
            return Picture(jpeg, *self._size)
        picture = picture_of(jpeg)
        self._head = head_of(jpeg) if picture.jpeg is jpeg else b""
        self._size = picture.width, picture.height
        return picture


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, its place and the place of its content, up to and with the first start of scan."""
    if not data.startswith(SOI):
        raise BadJpegError("no JPEG")
    at = 2
    while at + 4 <= len(data):
        fill = _FILL.match(data, at)
        if not fill or fill.end() + 3 > len(data):
            raise BadJpegError("a damaged header")
        marker, body = data[fill.end()], fill.end() + 3
        if marker in _STANDALONE:
            at = fill.end() + 1
            continue
        yield marker, at, body
        if marker == _SOS:
            return
        at = fill.end() + 1 + max(2, int.from_bytes(data[body - 2 : body], "big"))


def _size(data: bytes, body: int) -> tuple[int, int]:
    """Width and height of a frame header: precision (1 byte), lines (2), samples per line (2)."""
    height, width = data[body + 1 : body + 3], data[body + 3 : body + 5]
    return int.from_bytes(width, "big"), int.from_bytes(height, "big")


@functools.cache
def _standard_tables() -> bytes:
    """The tables of Annex K.3, as the encoder at hand writes them into every baseline picture."""
    import cv2
    import numpy as np

    _, encoded = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))
    data = encoded.tobytes()
    tables = [data[start : body - 2 + int.from_bytes(data[body - 2 : body], "big")]
              for marker, start, body in _segments(data) if marker == _DHT]  # fmt: skip
    return b"".join(tables)
