"""Just enough of the byte stream of H.264 (ITU-T H.264, Annex B) and H.265 to find its parameter sets."""

from collections.abc import Iterator
from typing import Final

from edge.core.access_unit import Coding

_START: Final = b"\x00\x00\x01"
_H264_SETS: Final = frozenset({7, 8, 13, 15})
_H264_PICTURE: Final = frozenset(range(1, 6))
_H265_SETS: Final = frozenset({32, 33, 34})
_H265_PICTURE: Final = frozenset(range(32))


def is_byte_stream(data: bytes) -> bool:
    """Whether `data` begins with a start code."""
    return data.startswith((_START, b"\x00" + _START))


def parameter_sets(data: bytes, coding: Coding) -> bytes:
    """The parameter sets before the first slice of a picture, each with a start code; empty if there are none."""
    wanted, ends = (_H264_SETS, _H264_PICTURE) if coding == "h264" else (_H265_SETS, _H265_PICTURE)
    found = []
    for nal in _nal_units(data):
        kind = nal[0] & 0x1F if coding == "h264" else nal[0] >> 1 & 0x3F
        if kind in ends:
            break
        if kind in wanted:
            found.append(b"\x00" + _START + nal)
    return b"".join(found)


def _nal_units(data: bytes) -> Iterator[bytes]:
    """What lies between start codes, without the zeros that may trail it; an empty one is passed over."""
    at = data.find(_START)
    while at >= 0:
        begin = at + len(_START)
        at = data.find(_START, begin)
        nal = (data[begin:at] if at >= 0 else data[begin:]).rstrip(b"\x00")
        if nal:
            yield nal
