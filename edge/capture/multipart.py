"""Cuts an MJPEG response body (multipart/x-mixed-replace) into JPEGs; no I/O, tolerant of what cameras really send."""

import re
from typing import Final

from edge.capture.jpeg import SOI
from edge.capture.jpeg_splitter import MAX_PICTURE_BYTES, JpegSplitter

_MAX_HEAD_BYTES: Final = 8192
_BLANK: Final = re.compile(rb"[\r\n]+")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"^content-length[ \t]*:[ \t]*([0-9]{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class MultipartParser:
    """Feed it the body of the response as it comes; it gives the JPEGs in it.

    While parts state a `Content-Length` and it holds, the bytes are taken without being looked at. A camera that states
    none, or a wrong one, is read by the shape of its JPEGs from there on, so that no picture waits for the next one's
    boundary. Never keeps more than `max_bytes` and a head.
    """

    def __init__(self, max_bytes: int = MAX_PICTURE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._body_bytes: int | None = None
        self._splitter: JpegSplitter | None = None

    @property
    def by_length(self) -> bool:
        """Whether the stream still is read by the lengths that it states."""
        return self._splitter is None

    @property
    def held_bytes(self) -> int:
        """How much it keeps of what is not whole yet."""
        return self._splitter.held_bytes if self._splitter else len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take `data`; return the pictures that became whole."""
        if self._splitter:
            return self._splitter.feed(data)
        self._buffer += data
        pictures: list[bytes] = []
        while self._splitter is None and (self._take_head() if self._body_bytes is None else self._take_body(pictures)):
            pass
        return pictures + self._hand_over()

    def _take_head(self) -> bool:
        buffer = self._buffer
        if begins := _BLANK.match(buffer):
            del buffer[: begins.end()]
        head = _END_OF_HEAD.search(buffer, 0, _MAX_HEAD_BYTES)
        if not head:
            if len(buffer) >= _MAX_HEAD_BYTES:
                self._distrust()
            return False
        length = _LENGTH.search(buffer, 0, head.start())
        if not length or not 0 < int(length[1]) <= self._max_bytes:
            self._distrust()
            return False
        self._body_bytes = int(length[1])
        del buffer[: head.end()]
        return True

    def _take_body(self, pictures: list[bytes]) -> bool:
        length = self._body_bytes or 0
        if len(self._buffer) < length:
            return False
        with memoryview(self._buffer) as view:
            body = bytes(view[:length])
        if not _looks_whole(body):
            self._distrust()
            return False
        pictures.append(body)
        del self._buffer[:length]
        self._body_bytes = None
        return True

    def _distrust(self) -> None:
        self._splitter = JpegSplitter(self._max_bytes)

    def _hand_over(self) -> list[bytes]:
        if not self._splitter:
            return []
        rest = bytes(self._buffer)
        self._buffer.clear()
        return self._splitter.feed(rest)


def _looks_whole(body: bytes) -> bool:
    """Whether a stated length was right: a JPEG begins and ends there, give or take a little padding."""
    return body.startswith(SOI) and body.rstrip(b"\x00\r\n").endswith(b"\xff\xd9")
