"""Names H.265 in a file as players of Apple want it: they take `hvc1`, and the muxer writes `hev1` unless it is told.

ISO/IEC 14496-15, 8.3 and 8.4: the two differ in where parameter sets may be. With `hvc1` the header has all of them; a
camera that changes its sets gets a new file, so it has.
"""

from typing import Final

_COMPLETE: Final = 0x80
_ARRAYS: Final = 4 + 22
"""From the name of the `hvcC` box to the number of its arrays of parameter sets."""


def as_hvc1(data: bytes) -> bytes:
    """What the muxer wrote, of the same length; anything but a header of H.265 is given back as it is."""
    table = data.find(b"stsd")
    entry = data.find(b"hev1", table) if table >= 0 else -1
    config = data.find(b"hvcC", entry) if entry >= 0 else -1
    if config < 0:
        return data
    named = bytearray(data)
    named[entry : entry + 4] = b"hvc1"
    at = config + _ARRAYS + 1
    for _ in range(_number(named, at - 1, 1)):
        named[at : at + 1] = bytes([_number(named, at, 1) | _COMPLETE])
        sets, at = _number(named, at + 1, 2), at + 3
        for _ in range(sets):
            at += 2 + _number(named, at, 2)
    return bytes(named[: len(data)])


def _number(data: bytearray, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
