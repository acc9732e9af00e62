"""How a sensor node's frames are cut out of a stream of bytes: COBS between zeros, and a CRC-16 that must fit.

This is the lower half of the protocol in docs/sensor-protocol.md; `edge.sensing.frames` says what the frames mean.
"""

import binascii
from typing import Final

DELIMITER: Final = b"\0"
LONGEST_FRAME: Final = 64
"""Bytes from type to CRC, both included. Protocol 1 needs 30 at most, for a HELLO of eight channels."""
_LONGEST_CODED: Final = LONGEST_FRAME + 1
_CRC_BYTES: Final = 2
_FULL_BLOCK: Final = 255


class CobsError(ValueError):
    """These bytes are not what COBS makes of anything."""


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, starts at 0xFFFF, not reflected; 0x29B1 for b"123456789"."""
    return binascii.crc_hqx(data, 0xFFFF)


def cobs_encode(data: bytes) -> bytes:
    """`data` without a zero in it (Cheshire and Baker, Consistent Overhead Byte Stuffing, 1999)."""
    coded = bytearray()
    for run in data.split(DELIMITER):
        rest = run
        while len(rest) >= _FULL_BLOCK - 1:
            coded += bytes([_FULL_BLOCK]) + rest[: _FULL_BLOCK - 1]
            rest = rest[_FULL_BLOCK - 1 :]
        coded += bytes([len(rest) + 1]) + rest
    return bytes(coded)


def cobs_decode(coded: bytes) -> bytes:
    """What `cobs_encode` made `coded` of; raise `CobsError` where it cannot have."""
    data = bytearray()
    at = 0
    while at < len(coded):
        code = coded[at]
        end = at + code
        if code == 0 or end > len(coded) or 0 in coded[at + 1 : end]:
            raise CobsError("a block ends outside of the frame, or a zero stands in it")
        data += coded[at + 1 : end]
        if code < _FULL_BLOCK and end < len(coded):
            data.append(0)
        at = end
    return bytes(data)


def wrap(content: bytes) -> bytes:
    """`content` as it goes down the line: with its CRC, coded, and closed by a zero."""
    return cobs_encode(content + crc16(content).to_bytes(_CRC_BYTES, "little")) + DELIMITER


class FrameSplitter:
    """Cuts the content of frames, checked and without the CRC, out of the bytes of one connection.

    What stands before the first zero may be the torn end of a frame that began before we listened: if it cannot be
    read it is dropped and not an error. Holds no more than `LONGEST_FRAME` + 1 bytes between calls.
    """

    def __init__(self) -> None:
        self.bad_crc = 0
        self.malformed = 0
        self.too_long = 0
        self._rest = b""
        self._too_long = False
        self._torn = True

    def feed(self, data: bytes) -> list[bytes]:
        """The contents that `data` completes. Any bytes are welcome, in pieces of any size."""
        *coded, rest = (self._rest + data).split(DELIMITER)
        found = []
        for piece in coded:
            content = self._content(piece)
            self._torn = self._too_long = False
            if content is not None:
                found.append(content)
        self._too_long |= len(rest) > _LONGEST_CODED
        self._rest = b"" if self._too_long else rest
        return found

    def _content(self, coded: bytes) -> bytes | None:
        if not coded and not self._too_long:
            return None
        if self._too_long or len(coded) > _LONGEST_CODED:
            self.too_long += not self._torn
            return None
        try:
            frame = cobs_decode(coded)
        except CobsError:
            self.malformed += not self._torn
            return None
        content, crc = frame[:-_CRC_BYTES], frame[-_CRC_BYTES:]
        if not content or crc16(content) != int.from_bytes(crc, "little"):
            self.bad_crc += not self._torn
            return None
        return content
