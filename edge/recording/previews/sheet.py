"""The sheet of one recording: small pictures of it at even steps, side by side in one JPEG, and when each was taken.

Only key frames are decoded: a recording has one every few seconds, and between them nothing has to be rebuilt. Players
read the times as WebVTT with `#xywh=` of the sheet, the form that players take for scrubbing.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from msgspec import Struct
from numpy.typing import NDArray

_QUALITY: Final = 75
_COLUMNS: Final = 10
_MOST_BAD: Final = 20
Picture = NDArray[np.uint8]


class SheetLayout(Struct, frozen=True, kw_only=True):
    """Where in a sheet is what: `times_ms` from the beginning of the recording, row by row; sizes in pixels."""

    tile_width: int
    tile_height: int
    columns: int
    times_ms: tuple[int, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A JPEG of all tiles, and the first of them alone as a thumbnail."""

    layout: SheetLayout
    jpeg: bytes
    thumbnail: bytes


def make_sheet(
    video: Path, *, duration_ms: int, tile_px: int, most: int, beat: Callable[[], None] = lambda: None
) -> Sheet | None:
    """The sheet of a whole recording; None if not one picture of it can be decoded. Raise `OSError` if it is gone.

    At most `most` tiles of `tile_px` width, each followed by a `beat`. Takes some 10 ms for each; belongs in a thread.
    """
    step_ms = max(1, math.ceil(duration_ms / most))
    tiles: list[tuple[int, Picture]] = []
    try:
        for at_ms, frame in islice(_key_frames(video, step_ms), most):
            tiles.append((at_ms, _small(frame, tile_px)))
            beat()
    except av.FFmpegError:  # what was read before it is good
        pass
    return _laid_out(tiles, duration_ms) if tiles else None


def webvtt(layout: SheetLayout, sheet: str) -> str:
    """WebVTT of a sheet that lies at the URL `sheet`: one cue for each tile, valid until the next."""
    ends = (*layout.times_ms[1:], max(layout.duration_ms, layout.times_ms[-1] + 1))
    cues = [
        f"{_clock(begin)} --> {_clock(end)}\n{sheet}#xywh={at % layout.columns * layout.tile_width},"
        f"{at // layout.columns * layout.tile_height},{layout.tile_width},{layout.tile_height}\n"
        for at, (begin, end) in enumerate(zip(layout.times_ms, ends, strict=True))
    ]
    return "WEBVTT\n\n" + "\n".join(cues)


def _key_frames(video: Path, step_ms: int) -> Iterator[tuple[int, VideoFrame]]:
    """Key frames at least `step_ms` apart, with the moment of each from the first; ends where nothing can be read."""
    with video.open("rb") as file, av.open(file, "r") as box:
        if not box.streams.video:
            return
        stream = box.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        stream.codec_context.thread_count = 1
        first_ms, next_ms, bad = None, 0, 0
        for packet in box.demux(stream):
            if not packet.is_keyframe or packet.pts is None or packet.time_base is None:
                continue
            now_ms = round(packet.pts * packet.time_base * 1000)
            first_ms = now_ms if first_ms is None else first_ms
            if now_ms - first_ms < next_ms:
                continue
            if frame := _decoded(stream.codec_context, packet):
                next_ms = now_ms - first_ms + step_ms
                yield now_ms - first_ms, frame
            elif (bad := bad + 1) > _MOST_BAD:
                return


def _decoded(decoder: av.VideoCodecContext, packet: "av.Packet[av.VideoStream]") -> VideoFrame | None:
    """A key frame stands alone: what the decoder holds back of it in case of later ones is asked for at once."""
    try:
        frames = [*decoder.decode(packet), *decoder.decode(None)]
        decoder.flush_buffers()
    except av.FFmpegError:
        return None
    return frames[0] if frames else None


def _small(frame: VideoFrame, width: int) -> Picture:
    height = max(2, round(frame.height * width / frame.width))
    return np.asarray(frame.reformat(width=width, height=height, format="bgr24", interpolation="AREA").to_ndarray())


def _laid_out(tiles: list[tuple[int, Picture]], duration_ms: int) -> Sheet | None:
    height, width = tiles[0][1].shape[:2]
    columns = min(_COLUMNS, len(tiles))
    page = np.zeros((height * math.ceil(len(tiles) / columns), width * columns, 3), np.uint8)
    for at, (_, tile) in enumerate(tiles):
        top, left = at // columns * height, at % columns * width
        page[top : top + height, left : left + width] = tile
    layout = SheetLayout(
        tile_width=width,
        tile_height=height,
        columns=columns,
        times_ms=tuple(at_ms for at_ms, _ in tiles),
        duration_ms=duration_ms,
    )
    return Sheet(layout, _jpeg(page), _jpeg(tiles[0][1]))


def _jpeg(picture: Picture) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def _clock(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
