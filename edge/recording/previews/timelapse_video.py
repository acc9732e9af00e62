"""From the pictures of a day to one video."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

_JPEG_QUALITY: Final = 85
_H264: Final = {"preset": "veryfast", "crf": "26"}
_LEAST_PX: Final = 2
_ALONE: Final = {errno.EIO, errno.EISDIR, errno.ENOENT, errno.ELOOP, errno.EACCES}
Picture = NDArray[np.uint8]


class UnencodableError(ValueError):
    """No video can be made of these pictures, however often it is tried."""


def encode(pictures: Sequence[Path], video: Path, fps: int, beat: Callable[[], None] = lambda: None) -> bool:
    """JPEGs into a durable MP4 of H.264, `fps` a second, all at the size of the first; False if none can be decoded.

    `beat` is called before each. Raise `OSError` if the disk refuses, `UnencodableError` if the encoder does.
    """
    numbers, stream = count(), None
    with _telling_apart(), av.open(str(video), "w", format="mp4", options={"movflags": "+faststart"}) as box:
        for path in pictures:
            beat()
            picture = _decoded(_read(path))
            if picture is None:
                continue
            frame = VideoFrame.from_ndarray(picture, format="bgr24")
            stream = stream or _stream(box, frame, fps)
            frame.pts = next(numbers)
            box.mux(stream.encode(frame))
        if stream:
            box.mux(stream.encode(None))
    if stream:
        with video.open("rb") as file:
            os.fsync(file.fileno())
    return stream is not None


def no_wider(jpeg: bytes, most_px: int) -> bytes:
    """The picture at most `most_px` wide; raise `ValueError` if it is none."""
    picture = _decoded(jpeg)
    if picture is None:
        raise ValueError("the camera's picture cannot be decoded")
    height, width = picture.shape[:2]
    if width <= most_px:
        return jpeg
    size = most_px, max(_LEAST_PX, round(height * most_px / width))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _read(path: Path) -> bytes:
    """Nothing where one picture cannot be read for itself; raise `OSError` where nothing can be."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno not in _ALONE:
            raise
        return b""


def _decoded(jpeg: bytes) -> Picture | None:
    """None for what is no picture, or too small for a video."""
    data = np.frombuffer(jpeg, np.uint8)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # its head tells of more pixels than it may have
        return None
    return None if picture is None or min(picture.shape[:2]) < _LEAST_PX else np.asarray(picture, np.uint8)


def _stream(box: av.container.OutputContainer, frame: VideoFrame, fps: int) -> VideoStream:
    stream = box.add_stream("libx264", rate=fps, options=_H264)
    stream.width, stream.height = frame.width & ~1, frame.height & ~1
    stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
    stream.codec_context.time_base = Fraction(1, fps)
    return stream


@contextmanager
def _telling_apart() -> Iterator[None]:
    """Whether it was the disk that refused or the encoder: FFmpeg has one kind of error for both."""
    try:
        yield
    except av.FFmpegError as error:
        number = error.errno or 0
        if isinstance(error, OSError) or (number in errno.errorcode and number != errno.EINVAL):
            raise OSError(number, error.strerror) from error
        raise UnencodableError(error.strerror) from error
