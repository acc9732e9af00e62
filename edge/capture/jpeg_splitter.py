"""Cuts a stream of JPEGs, one after the other, into pictures; reads no clock and no socket, so it can be proved."""

import re
from typing import Final

from edge.capture.jpeg import SOI

MAX_PICTURE_BYTES: Final = 16 * 1024 * 1024
"""Nothing longer is taken for a picture: an 8K frame of the best quality has room."""

_END_OF_DATA: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Within entropy-coded data: any marker but stuffing, restart and fill (T.81, B.1.1.5)."""
_MARK, _SOI, _EOI, _SOS = 0xFF, 0xD8, 0xD9, 0xDA
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})


class JpegSplitter:
    """Feed it bytes as they come; it gives whole JPEGs, from start of image to end of image, byte for byte.

    It walks segments by their length, so a thumbnail within a segment is no picture of its own. What lies between
    pictures is skipped; a picture that is cut off, damaged or longer than `max_bytes` is dropped and counted.
    """

    def __init__(self, max_bytes: int = MAX_PICTURE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._at = 0
        """Where the walk goes on; 0 means that no start was found yet."""
        self._in_data = False
        self.damaged = 0

    @property
    def held_bytes(self) -> int:
        """How much it keeps of a picture that is not whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take `data`; return the pictures that became whole."""
        self._buffer += data
        pictures: list[bytes] = []
        while self._advance(pictures):
            pass
        if len(self._buffer) > self._max_bytes:
            self._drop(2)
        return pictures

    def _advance(self, pictures: list[bytes]) -> bool:
        """One step of the walk; whether another one can follow without more data."""
        if not self._at:
            return self._find_start()
        return self._walk_data() if self._in_data else self._walk_segment(pictures)

    def _find_start(self) -> bool:
        start = self._buffer.find(SOI)
        if start < 0:
            del self._buffer[: max(0, len(self._buffer) - 1)]
            return False
        del self._buffer[:start]
        self._at = 2
        return True

    def _walk_data(self) -> bool:
        found = _END_OF_DATA.search(self._buffer, self._at)
        if not found:
            self._at = max(self._at, len(self._buffer) - 1)
            return False
        self._at, self._in_data = found.start(), False
        return True

    def _walk_segment(self, pictures: list[bytes]) -> bool:
        """Step over one marker segment, or end the picture."""
        buffer, at = self._buffer, self._at
        if at + 2 > len(buffer):
            return False
        marker = buffer[at + 1]
        if buffer[at] != _MARK or marker == 0:
            return self._drop(2)
        if marker == _MARK:
            self._at += 1
        elif marker in _STANDALONE:
            self._at += 2
        elif marker == _SOI:
            return self._drop(at)
        elif marker == _EOI:
            pictures.append(bytes(buffer[: at + 2]))
            self._restart(at + 2)
        else:
            return self._step_over(marker)
        return True

    def _step_over(self, marker: int) -> bool:
        at = self._at
        if at + 4 > len(self._buffer):
            return False
        end = at + 2 + max(2, int.from_bytes(self._buffer[at + 2 : at + 4], "big"))
        if end > len(self._buffer):
            return False
        self._at, self._in_data = end, marker == _SOS
        return True

    def _drop(self, until: int) -> bool:
        """Give this picture up; look for the next start from `until` on."""
        self.damaged += 1
        self._restart(until)
        return True

    def _restart(self, at: int) -> None:
        del self._buffer[:at]
        self._at, self._in_data = 0, False
