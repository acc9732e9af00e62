"""The timelapse of one camera and one day: pictures put aside through the day, one video when the day is over.

A picture a minute is small enough to lie there as a file; so a kill costs nothing, and no encoder is kept all day.
"""

import datetime as dt
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from contract.ids import check_id
from edge.core.files import write_private

_JPEG_QUALITY: Final = 85
_H264: Final = {"preset": "veryfast", "crf": "26"}
_MS_DAY: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Day:
    """One camera's UTC day."""

    camera: str
    date: str

    @property
    def file_id(self) -> str:
        """The id of its video."""
        return f"timelapse-{self.camera}-{self.date}"

    @property
    def start_ms(self) -> int:
        """Its first moment."""
        return round(dt.datetime.fromisoformat(self.date).replace(tzinfo=dt.UTC).timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """The first moment of the next."""
        return self.start_ms + _MS_DAY


def day_of(camera: str, wall_ms: int) -> Day:
    """The day of a moment."""
    return Day(camera, dt.datetime.fromtimestamp(wall_ms / 1000, dt.UTC).strftime("%Y-%m-%d"))


class TimelapseFolder:
    """`{camera}/{date}/{ms of the day}.jpg` until the day is over, then `{camera}/{date}.mp4`. Methods block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, day: Day, wall_ms: int, jpeg: bytes, most_px: int) -> None:
        """Keep a picture of the day, no wider than `most_px`; raise `OSError` if the disk refuses, `ValueError` if it
        is no picture."""
        name = f"{min(max(wall_ms - day.start_ms, 0), _MS_DAY - 1):08d}.jpg"
        write_private(self._pictures(day) / name, _no_wider(jpeg, most_px))

    def unfinished(self) -> list[Day]:
        """Days of which there are pictures, the oldest first."""
        return sorted(
            (Day(path.parent.name, path.name) for path in self.folder.glob("*/????-??-??") if path.is_dir()),
            key=lambda day: (day.date, day.camera),
        )

    def finished(self) -> list[Day]:
        """Days of which there is a video, the oldest first."""
        videos = self.folder.glob("*/????-??-??.mp4")
        return sorted((Day(path.parent.name, path.stem) for path in videos), key=lambda day: (day.date, day.camera))

    def video(self, day: Day) -> Path:
        """Where its video lies, or will."""
        return self.folder / check_id(day.camera, "camera") / f"{day.date}.mp4"

    def finish(self, day: Day, fps: int) -> bool:
        """Make the day's pictures a video and delete them; False if none of them was one. May be done again after a
        kill. Raise `OSError` if the disk refuses."""
        pictures = sorted(self._pictures(day).glob("*.jpg"))
        draft = self.video(day).with_suffix(".draft")
        made = encode(pictures, draft, fps)
        if made:
            draft.replace(self.video(day))
            _sync(self.video(day).parent)
        draft.unlink(missing_ok=True)
        for path in pictures:
            path.unlink(missing_ok=True)
        self._pictures(day).rmdir()
        return made

    def _pictures(self, day: Day) -> Path:
        return self.folder / check_id(day.camera, "camera") / day.date


def encode(pictures: list[Path], video: Path, fps: int) -> bool:
    """JPEGs into a durable MP4 of H.264, `fps` a second, all at the size of the first; False if there is none."""
    with av.open(str(video), "w", format="mp4", options={"movflags": "+faststart"}) as box:
        stream = None
        for path in pictures:
            picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
            if picture is None:
                continue
            frame = VideoFrame.from_ndarray(np.asarray(picture, np.uint8), format="bgr24")
            if stream is None:
                stream = box.add_stream("libx264", rate=fps, options=_H264)
                stream.width, stream.height = frame.width & ~1, frame.height & ~1
                stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
                stream.codec_context.time_base, count = Fraction(1, fps), 0
            frame.pts, count = count, count + 1
            box.mux(stream.encode(frame))
        if stream:
            box.mux(stream.encode(None))
    if stream:
        with video.open("rb") as file:
            os.fsync(file.fileno())
    return stream is not None


def _no_wider(jpeg: bytes, most_px: int) -> bytes:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("the camera's picture cannot be decoded")
    height, width = picture.shape[:2]
    if width <= most_px:
        return jpeg
    small = cv2.resize(picture, (most_px, round(height * most_px / width)), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
