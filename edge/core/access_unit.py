"""One picture as a camera compressed it, so that it can be kept without being compressed again."""

from dataclasses import dataclass
from typing import Literal

Coding = Literal["h264", "h265", "mjpeg"]


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """The bytes of one picture in the order of decoding.

    H.264 and H.265 are in the byte stream format (ITU-T H.264 Annex B, H.265 Annex B); a `key` unit begins with its
    parameter sets, which are also in `sets` if it is from a camera. `seq` counts the units of a source without a gap:
    after a gap nothing can be decoded up to the next key. `mono_ns` is when it is to be shown, `decode_ns` when to be
    decoded, by the monotonic clock.
    """

    codec: Coding
    data: bytes
    key: bool
    seq: int
    mono_ns: int
    decode_ns: int
    width: int
    height: int
    sets: bytes = b""
