"""JPEG frames into a fragmented MP4 that grows, plays while it grows, and loses at most a fragment to a power cut.

The muxer writes `ftyp`, `moov`, then a `moof` and `mdat` for each fragment, and never goes back. Time is that of the
frames: microseconds since the first one, at whatever rate they came.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

import av
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from contract.times import to_wire
from edge.recording.clip_file import ClipFile
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar

_TIME_BASE: Final = Fraction(1, 1_000_000)
_PIXELS: Final = "yuvj420p"
"""What JPEG decodes to, and what H.264 of every browser takes: 4:2:0, full range, no way through RGB."""
_BT601: Final = 5
_FULL_RANGE: Final = 2
_NEVER: Final = 1_000_000
if TYPE_CHECKING:
    Packet = av.Packet[VideoStream]


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """What a closed clip holds. `duration_us` reaches to the end of the last frame."""

    frames: int
    unreadable: int
    duration_us: int
    size_bytes: int
    sha256: str


class ClipWriter:
    """One growing clip. Belongs to one thread; every call may block on the disk.

    `add` and `finish` raise `OSError` when the disk refuses; what is safe can still be kept then: `abandon` tells.
    """

    def __init__(self, path: Path, sidecar: Sidecar, settings: RecordingSettings) -> None:
        self._file = ClipFile(path)
        self._fragment_us = round(settings.fragment_s * 1e6)
        self._box = av.open(self._file, "w", format="mp4", options=_mux_options(sidecar, self._fragment_us))
        self._box.metadata["creation_time"] = to_wire(sidecar.start_ms)
        self._box.metadata["comment"] = f"{sidecar.camera} {sidecar.recording_id} {sidecar.start_ms}"
        self._packets: _Packets = (_H264 if sidecar.codec == "h264" else _Mjpeg)(self._box, sidecar, settings)
        self._first_ns: int | None = None
        self._last_us = -1
        self._step_us = 0
        self._flushes = 0
        self.frames = 0
        self.unreadable = 0

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""
        return self._file.size_bytes

    @property
    def fragments(self) -> int:
        """Whole fragments that are safe."""
        return max(0, self._flushes - 1)

    def add(self, jpeg: bytes, mono_ns: int) -> None:
        """Append a frame. One that cannot be decoded, or is no later than the one before, is left out and counted."""
        if self._first_ns is None:
            self._first_ns = mono_ns
        at_us = (mono_ns - self._first_ns) // 1000
        packets = self._packets.of(jpeg, at_us) if at_us > self._last_us else None
        if packets is None:
            self.unreadable += 1
            return
        self._step_us = at_us - self._last_us if self.frames else 0
        self._last_us = at_us
        self.frames += 1
        self._mux(packets)

    def finish(self) -> WrittenClip:
        """End the clip and make all of it safe."""
        self._mux(self._packets.rest())
        self._box.close()
        self._file.make_safe()
        self._raise()
        self._file.close()
        return WrittenClip(
            self.frames,
            self.unreadable,
            max(0, self._last_us) + self._step_us,
            self._file.safe_bytes,
            self._file.safe_digest,
        )

    def abandon(self) -> None:
        """End the clip at its last whole fragment, because the disk refused more. Raise `OSError` if not even that."""
        self._file.error = self._file.error or OSError("abandoned")
        self._box.close()
        self._file.close()

    def _mux(self, packets: "list[Packet]") -> None:
        """Write packets; when that ended a fragment, bytes came out and are made safe."""
        before = self._file.size_bytes
        for packet in packets:
            packet.duration = self._step_us  # counts for the very last only: each other lasts until the next
            self._box.mux(packet)
        if self._file.size_bytes != before:
            self._flushes += 1
            self._file.make_safe()
        self._raise()

    def _raise(self) -> None:
        if self._file.error is not None:
            raise self._file.error


class _Packets(Protocol):
    def of(self, jpeg: bytes, at_us: int) -> "list[Packet] | None":
        """The packets of a frame; None if it cannot be read."""
        ...

    def rest(self) -> "list[Packet]":
        """What the encoder still held."""
        ...


class _Mjpeg:
    """Keeps the camera's bytes."""

    def __init__(self, box: av.container.OutputContainer, sidecar: Sidecar, _: RecordingSettings) -> None:
        self._stream = _shaped(box.add_stream("mjpeg"), sidecar)

    def of(self, jpeg: bytes, at_us: int) -> "list[Packet] | None":
        packet = cast("Packet", av.Packet(jpeg))
        packet.stream = self._stream
        packet.pts = packet.dts = at_us
        packet.time_base = _TIME_BASE
        packet.is_keyframe = True
        return [packet]

    def rest(self) -> "list[Packet]":
        return []


class _H264:
    """Decodes to luma and chroma and encodes those; a key frame begins each fragment."""

    def __init__(self, box: av.container.OutputContainer, sidecar: Sidecar, settings: RecordingSettings) -> None:
        self._decoder = av.CodecContext.create("mjpeg", "r")
        self._stream = _shaped(box.add_stream("libx264", options=_x264_options(settings)), sidecar)
        self._stream.codec_context.thread_count = settings.encoder_threads
        self._fragment_us = round(settings.fragment_s * 1e6)
        self._key_us: int | None = None

    def of(self, jpeg: bytes, at_us: int) -> "list[Packet] | None":
        try:
            frame = self._decoded(jpeg)
        except av.error.FFmpegError:
            return None
        if frame is None:
            return None
        frame.pts, frame.time_base = at_us, _TIME_BASE
        key = self._key_us is None or at_us - self._key_us >= self._fragment_us
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._key_us = at_us if key else self._key_us
        return self._stream.encode(frame)

    def rest(self) -> "list[Packet]":
        return self._stream.encode(None)

    def _decoded(self, jpeg: bytes) -> VideoFrame | None:
        frames = self._decoder.decode(av.Packet(jpeg))
        if not frames or not isinstance(frame := frames[0], VideoFrame):
            return None
        context = self._stream.codec_context
        if (frame.format.name, frame.width, frame.height) == (_PIXELS, context.width, context.height):
            return frame
        return frame.reformat(width=context.width, height=context.height, format=_PIXELS)


def _shaped(stream: VideoStream, sidecar: Sidecar) -> VideoStream:
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = sidecar.width_px, sidecar.height_px, _PIXELS
    context.time_base = stream.time_base = _TIME_BASE
    context.framerate = Fraction(30)
    context.color_range, context.colorspace = _FULL_RANGE, _BT601
    return stream


def _x264_options(settings: RecordingSettings) -> dict[str, str]:
    options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(settings.crf), "g": str(_NEVER)}
    if settings.max_bitrate_bps:
        options |= {"maxrate": str(settings.max_bitrate_bps), "bufsize": str(2 * settings.max_bitrate_bps)}
    return options


def _mux_options(sidecar: Sidecar, fragment_us: int) -> dict[str, str]:
    """`flush_packets`: each fragment leaves the muxer's buffer when it ends, not when the next does."""
    flags = "empty_moov+default_base_moof"
    if sidecar.codec == "h264":
        return {"movflags": f"{flags}+frag_keyframe", "flush_packets": "1"}
    return {"movflags": flags, "frag_duration": str(fragment_us), "flush_packets": "1"}
