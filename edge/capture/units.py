"""Takes what a camera compressed out of its stream, in the form in which a recorder can keep it as it is."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, cast

import av
from av.bitstream import BitStreamFilterContext

from edge.capture.nal import is_byte_stream, parameter_sets
from edge.core.access_unit import AccessUnit, Coding

if TYPE_CHECKING:
    Packet = av.Packet[av.VideoStream]
_CODINGS: Final[dict[str, Coding]] = {"h264": "h264", "hevc": "h265"}
_NAMES: Final[dict[Coding, str]] = {coding: name for name, coding in _CODINGS.items()}
_TO_BYTE_STREAM: Final[dict[Coding, str]] = {"h264": "h264_mp4toannexb", "h265": "hevc_mp4toannexb"}
_MOST_BYTES: Final = 16 * 2**20
"""Seconds of the richest stream: nobody took them for so long, and they are let go of."""
_USUAL_STEP_NS: Final = 40_000_000
_LEAST_STEP_NS: Final = 1000
"""A file's times are in microseconds and must grow."""


class UnitTap:
    """Collects the units of one stream from one picture to the next; none of a stream that cannot be kept as it is.

    `at_ns` gives the monotonic moment of a time of the stream, in ticks of its time base; `numbers` the `seq` of each.
    """

    def __init__(self, stream: av.VideoStream, *, at_ns: Callable[[int], int], numbers: Iterator[int]) -> None:
        self._coding = _CODINGS.get(stream.codec_context.name)
        self._size = stream.codec_context.width, stream.codec_context.height
        self._ahead = stream.codec_context.has_b_frames
        self._at_ns = at_ns
        self._numbers = numbers
        self._filter: BitStreamFilterContext | None = None
        self._sets = b""
        self._waiting: list[AccessUnit] = []
        self._bytes = 0
        self._last_ns: int | None = None
        extra = stream.codec_context.extradata or b""
        if self._coding and is_byte_stream(extra):
            self._sets = parameter_sets(extra, self._coding)
        elif self._coding and extra:
            self._filter = BitStreamFilterContext(_TO_BYTE_STREAM[self._coding], stream)

    def add(self, packet: "Packet") -> None:
        """Take a packet as it was demuxed; it stays what it is."""
        if self._coding is None or not packet.size:
            return
        data = bytes(packet)
        if self._filter:
            data = b"".join(bytes(part) for part in self._filter.filter(_copy_of(packet, data)))
        if packet.is_keyframe:
            data = self._with_sets(data, self._coding)
        self._keep(packet, data, self._coding)

    @property
    def running(self) -> bool:
        """Whether units come, so that a recorder has them in place of pictures."""
        return self._last_ns is not None

    def take(self) -> tuple[AccessUnit, ...]:
        """What came since the last time, in the order of decoding."""
        units, self._waiting, self._bytes = tuple(self._waiting), [], 0
        return units

    def _with_sets(self, data: bytes, coding: Coding) -> bytes:
        """The data of a key with its parameter sets before it, whether or not the camera sent them again."""
        sets = parameter_sets(data, coding)
        if not sets:
            return self._sets + data
        if sets != self._sets:
            self._sets, self._size = sets, _size_of(data, coding) or self._size
        return data

    def _keep(self, packet: "Packet", data: bytes, coding: Coding) -> None:
        times = self._times(packet)
        if times is None or not self._sets:
            self._break_off()
            return
        if self._last_ns is None and not packet.is_keyframe:
            return
        shown_ns, self._last_ns = times
        number = next(self._numbers)
        self._waiting.append(
            AccessUnit(coding, data, packet.is_keyframe, number, shown_ns, self._last_ns, *self._size, self._sets)
        )
        self._bytes += len(data)
        if self._bytes > _MOST_BYTES:
            self._break_off()

    def _times(self, packet: "Packet") -> tuple[int, int] | None:
        """When to show and when to decode; None where the stream does not say enough."""
        pts = packet.dts if packet.pts is None else packet.pts
        if pts is None:
            return None
        shown_ns = self._at_ns(pts)
        decode_ns = self._guessed_ns(shown_ns, packet) if packet.dts is None else self._at_ns(packet.dts)
        if self._last_ns is not None:
            decode_ns = max(decode_ns, self._last_ns + _LEAST_STEP_NS)
        return max(shown_ns, decode_ns), decode_ns

    def _guessed_ns(self, shown_ns: int, packet: "Packet") -> int:
        """When to decode what does not say it, as the first pictures of Matroska: evenly, and before it is shown."""
        ticks = packet.duration or 0
        step_ns = self._at_ns(ticks) - self._at_ns(0) if ticks else _USUAL_STEP_NS
        if self._last_ns is None:
            return shown_ns - self._ahead * step_ns
        return min(self._last_ns + step_ns, shown_ns)

    def _break_off(self) -> None:
        """Begin anew with the next key; the gap in the numbers tells everybody."""
        self.take()
        next(self._numbers)
        self._last_ns = None


def _size_of(key: bytes, coding: Coding) -> tuple[int, int] | None:
    """Width and height of a picture that stands alone; None if it cannot be decoded.

    Asked when the parameter sets change: what the stream said of itself when it was opened need not hold any more.
    """
    decoder = cast("av.VideoCodecContext", av.CodecContext.create(_NAMES[coding], "r"))
    try:
        frames = [*decoder.decode(av.Packet(key)), *decoder.decode(None)]
    except av.FFmpegError:
        return None
    return (frames[0].width, frames[0].height) if frames else None


def _copy_of(packet: "Packet", data: bytes) -> "Packet":
    """A filter empties what it is given."""
    copy = cast("Packet", av.Packet(data))
    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
    copy.is_keyframe = packet.is_keyframe
    return copy
