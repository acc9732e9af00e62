"""Compressed pictures into a fragmented MP4 that grows, plays while it grows, and loses at most a fragment to a power
cut.

The muxer writes `ftyp`, `moov`, then a `moof` and `mdat` for each fragment, and never goes back. Time is that of the
pictures: microseconds since the first one, at whatever rate they came.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import av

from contract.times import to_wire
from edge.core.access_unit import AccessUnit
from edge.recording.clip_file import ClipFile
from edge.recording.hvc1 import as_hvc1
from edge.recording.inscription import inscription
from edge.recording.sidecar import Sidecar
from edge.recording.wear import Wear

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    Packet = av.Packet[VideoStream]
_TIME_BASE: Final = Fraction(1, 1_000_000)
_LONGEST_S: Final = 20.0
"""A fragment without a key ends here: an encoder in hardware may make none when it is asked for one."""
_CODECS: Final = {"h264": "h264", "h265": "hevc", "mjpeg": "mjpeg"}


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """What a closed clip holds. `duration_us` reaches to the end of the last frame."""

    frames: int
    duration_us: int
    size_bytes: int
    sha256: str


class UnmuxableError(OSError):
    """What the camera compressed fits in no file."""


class ClipWriter:
    """One growing clip. Belongs to one thread; every call may block on the disk.

    A fragment ends when it is `fragment_s` long (asked at the beginning) or, with `by_keys`, before each key unit.
    `add` and `finish` raise `OSError` when the disk refuses, `UnmuxableError` when the muxer does; what is safe can
    still be kept then: `abandon` tells.
    """

    def __init__(
        self,
        path: Path,
        sidecar: Sidecar,
        *,
        fragment_s: Callable[[], float],
        by_keys: bool = False,
        wear: Wear | None = None,
    ) -> None:
        self._file = ClipFile(path, wear, amend=self._amended)
        self._unnamed = sidecar.codec == "h265"
        self._box = av.open(self._file, "w", format="mp4", options=_mux_options(fragment_s(), by_keys=by_keys))
        self._box.metadata["creation_time"] = to_wire(sidecar.start_ms)
        self._box.metadata["comment"] = inscription(sidecar)
        self._stream = self._box.add_mux_stream(
            _CODECS[sidecar.codec], width=sidecar.width_px, height=sidecar.height_px, time_base=_TIME_BASE
        )
        self._first_ns: int | None = None
        self._last_us = -1
        self._step_us = 0
        self.frames = 0
        self.fragments = 0

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""
        return self._file.size_bytes

    @property
    def safe_bytes(self) -> int:
        """Bytes that the disk keeps: `fragments` whole fragments and what comes before them."""
        return self._file.safe_bytes

    def add(self, unit: AccessUnit) -> bool:
        """Append a picture; False, and nothing happened, if it is no later than the one before."""
        if self._first_ns is None:
            self._first_ns = unit.decode_ns
        at_us = (unit.decode_ns - self._first_ns) // 1000
        if at_us <= self._last_us:
            return False
        self._step_us = at_us - self._last_us if self.frames else 0
        self._last_us = at_us
        self.frames += 1
        self._mux(self._packet(unit, at_us, self._first_ns))
        return True

    def finish(self) -> WrittenClip:
        """End the clip and make all of it safe."""
        with _refusing():
            self._box.close()
        self._file.make_safe()
        self._raise()
        self._file.close()
        duration_us = max(0, self._last_us) + self._step_us
        return WrittenClip(self.frames, duration_us, self._file.safe_bytes, self._file.safe_digest)

    def abandon(self) -> None:
        """End the clip at its last whole fragment, because the disk refused more. Raise `OSError` if not even that."""
        self._file.error = self._file.error or OSError("abandoned")
        try:
            with _refusing():
                self._box.close()
        finally:
            self._file.close()

    def _packet(self, unit: AccessUnit, at_us: int, first_ns: int) -> "Packet":
        packet = cast("Packet", av.Packet(unit.data))
        packet.stream = cast("VideoStream", self._stream)
        packet.pts, packet.dts = max(at_us, (unit.mono_ns - first_ns) // 1000), at_us
        packet.time_base = _TIME_BASE
        packet.is_keyframe = unit.key
        packet.duration = self._step_us  # counts for the very last only: each other lasts until the next
        return packet

    def _mux(self, packet: "Packet") -> None:
        """Write a packet; when that ended a fragment, bytes came out and are made safe."""
        before = self._file.size_bytes
        with _refusing():
            self._box.mux(packet)
        if self._file.size_bytes != before:
            self._file.make_safe()
            self._raise()
            self.fragments += 1
        self._raise()

    def _amended(self, data: bytes) -> bytes:
        """The header of H.265 under another name: it comes whole, and once."""
        if not self._unnamed:
            return data
        named = as_hvc1(bytes(data))
        self._unnamed = named == data
        return named

    def _raise(self) -> None:
        if self._file.error is not None:
            raise self._file.error


@contextmanager
def _refusing() -> Iterator[None]:
    """The errors of the muxer as `UnmuxableError`: a camera must not end the thread."""
    try:
        yield
    except av.FFmpegError as error:
        raise UnmuxableError(error.errno, f"{error.strerror}") from error


def _mux_options(fragment_s: float, *, by_keys: bool) -> dict[str, str]:
    """`delay_moov`: what the header says of the video is read from the first key unit, so it comes with the first
    fragment. `flush_packets`: each fragment leaves the muxer's buffer when it ends, not when the next does."""
    flags = "delay_moov+default_base_moof"
    if by_keys:
        flags, fragment_s = f"{flags}+frag_keyframe", _LONGEST_S
    return {"movflags": flags, "frag_duration": str(round(fragment_s * 1e6)), "flush_packets": "1"}
