"""Makes H.264 of JPEG: decoded to luma and chroma and encoded from those, with no way through RGB."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

import av
from av.video.frame import PictureType, VideoFrame

from edge.core.access_unit import AccessUnit
from edge.core.frame import Frame
from edge.recording.settings import RecordingSettings

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

SOFTWARE: Final = "libx264"
_HARDWARE: Final = ("h264_nvenc", "h264_qsv", "h264_v4l2m2m")
"""What `auto` tries, in this order. VA-API is not in it: it needs surfaces that our FFmpeg is built without."""
_TIME_BASE: Final = Fraction(1, 1_000_000)
_FULL: Final = "yuvj420p"
"""What JPEG decodes to, and what H.264 of every browser takes: 4:2:0, full range."""
_LIMITED: Final = "yuv420p"
"""What encoders in hardware take."""
_BT601: Final = 5
_FULL_RANGE: Final = 2
_NEVER: Final = 1_000_000
_TRIED_FRAMES: Final = 3
_TRIED_SIZE: Final = (640, 480)


class EncoderBrokenError(OSError):
    """An encoder that worked does so no more."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An encoder that works here; `refused` says of each that was preferred why it does not."""

    name: str
    refused: str = ""


def choose_encoder(settings: RecordingSettings) -> Chosen:
    """The encoder to use, each that comes into question tried with a few pictures. May take some tenths of a second."""
    refused = []
    for name in {"auto": _HARDWARE, "software": (), SOFTWARE: ()}.get(settings.encoder, (settings.encoder,)):
        problem = _problem(name, settings)
        if not problem:
            return Chosen(name)
        refused.append(f"{name}: {problem}")
    return Chosen(SOFTWARE, "; ".join(refused))


class JpegEncoder:
    """Encodes the pictures of one size. A key unit comes when it is asked for, and `fragment_s` after the last."""

    def __init__(
        self, name: str, frame: Frame, *, settings: RecordingSettings, fragment_s: Callable[[], float]
    ) -> None:
        """For pictures like `frame`. Raise `EncoderBrokenError` if it does not open."""
        self._name = name
        self._decoder = av.CodecContext.create("mjpeg", "r")
        self._decoder.thread_count = 1
        try:
            self._encoder = _opened(name, frame.width & ~1, frame.height & ~1, settings)
        except (av.FFmpegError, ValueError) as error:
            raise EncoderBrokenError(f"{name} does not open: {error}") from error
        self._fragment_s = fragment_s
        self._key_us: int | None = None
        self._last_us = -1
        self._seq = 0
        self._sent = 0

    @property
    def pending(self) -> bool:
        """Whether it holds pictures back."""
        return self._sent > self._seq

    def want_key(self) -> None:
        """Let the next picture be a key."""
        self._key_us = None

    def units(self, frame: Frame) -> list[AccessUnit] | None:
        """What comes out for a picture; None if it cannot be read or is no later than the one before.

        Raise `EncoderBrokenError`.
        """
        at_us = frame.mono_ns // 1000
        picture = self._decoded(frame.jpeg) if at_us > self._last_us else None
        if picture is None:
            return None
        key = self._key_us is None or at_us - self._key_us >= self._fragment_s() * 1e6
        picture.pts, picture.time_base = at_us, _TIME_BASE
        picture.pict_type = PictureType.I if key else PictureType.NONE
        self._key_us = at_us if key else self._key_us
        self._last_us = at_us
        self._sent += 1
        return self._encoded(picture)

    def rest(self) -> list[AccessUnit]:
        """What it still held; nothing may follow. Raise `EncoderBrokenError`."""
        return self._encoded(None)

    def _encoded(self, picture: VideoFrame | None) -> list[AccessUnit]:
        try:
            packets = self._encoder.encode(picture)
        except av.FFmpegError as error:
            raise EncoderBrokenError(f"{self._name} failed: {error}") from error
        return [self._unit(cast("av.Packet[av.VideoStream]", packet)) for packet in packets]

    def _unit(self, packet: "av.Packet[av.VideoStream]") -> AccessUnit:
        self._seq += 1
        pts = packet.pts or 0
        dts = pts if packet.dts is None else packet.dts
        return AccessUnit(
            "h264",
            bytes(packet),
            packet.is_keyframe,
            self._seq,
            pts * 1000,
            dts * 1000,
            self._encoder.width,
            self._encoder.height,
        )

    def _decoded(self, jpeg: bytes) -> VideoFrame | None:
        try:
            frames = self._decoder.decode(av.Packet(jpeg))
        except av.FFmpegError:
            return None
        if not frames:
            return None
        frame, context = frames[0], self._encoder
        if (frame.format.name, frame.width, frame.height) == (context.pix_fmt, context.width, context.height):
            return frame
        return frame.reformat(width=context.width, height=context.height, format=context.pix_fmt)


def _opened(name: str, width: int, height: int, settings: RecordingSettings) -> "VideoCodecContext":
    context = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
    context.width, context.height = width, height
    context.pix_fmt = _FULL if name == SOFTWARE else _LIMITED
    context.time_base, context.framerate = _TIME_BASE, Fraction(30)
    context.gop_size, context.max_b_frames = _NEVER, 0
    context.colorspace = _BT601
    if name == SOFTWARE:
        context.color_range = _FULL_RANGE
        context.thread_count = settings.encoder_threads
    elif settings.max_bitrate_bps:
        context.bit_rate = settings.max_bitrate_bps
    context.options = _options(name, settings)
    context.open()
    return context


def _options(name: str, settings: RecordingSettings) -> dict[str, str]:
    if name == "h264_nvenc":
        return {"preset": "p1", "tune": "ull", "zerolatency": "1", "delay": "0", "forced-idr": "1"}
    if name != SOFTWARE:
        return {}
    options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(settings.crf)}
    if settings.max_bitrate_bps:
        options |= {"maxrate": str(settings.max_bitrate_bps), "bufsize": str(2 * settings.max_bitrate_bps)}
    return options


def _problem(name: str, settings: RecordingSettings) -> str:
    """Why this encoder does not work here; empty if it does."""
    if name not in av.codecs_available:
        return "no such encoder"
    try:
        if av.Codec(name, "w").canonical_name != "h264":
            return "it makes no H.264"
        context = _opened(name, *_TRIED_SIZE, settings)
        packets = []
        for number in range(_TRIED_FRAMES):
            frame = VideoFrame(*_TRIED_SIZE, _LIMITED)
            frame.pts, frame.time_base = number * 40_000, _TIME_BASE
            packets += context.encode(frame)
        packets += context.encode(None)
    except (av.FFmpegError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "" if len(packets) == _TRIED_FRAMES else "it gives no video"
