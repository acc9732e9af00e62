"""The pictures of a recording, whether it is a video file or a zip of pictures, one after the other."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.eval.problems import DataProblemError
from tests.support.recorded_video import pictures

VIDEOS: Final = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".mjpeg", ".zip")
_PICTURES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_LIKELY_FPS: Final = 25.0
_MOST_FPS: Final = 120.0
_LAST_NUMBER: Final = re.compile(r"(\d+)\D*$")


class Video:
    """A recording of a fixed camera. `fps` is what the file says, 25 where it says nothing believable.

    Raise `DataProblemError` when it is opened, or while it is read, if it holds no pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = _entries(path) if path.suffix == ".zip" else []
        self.fps = _LIKELY_FPS if self._entries else _fps(path)

    @property
    def first_number(self) -> int | None:
        """The number in the name of the first picture of a zip; None where pictures have no numbers."""
        found = _LAST_NUMBER.search(Path(self._entries[0]).stem) if self._entries else None
        return int(found[1]) if found else None

    def count(self) -> int:
        """How many pictures the file says that it holds; 0 where it says nothing."""
        if self._entries:
            return len(self._entries)
        video = cv2.VideoCapture(str(self.path))
        try:
            return max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
        finally:
            video.release()

    def luma(self) -> Iterator[NDArray[np.uint8]]:
        """The brightness of every picture at its own size, uint8 [height, width]."""
        count = 0
        for picture in self._pictures():
            count += 1
            yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        if not count:
            raise DataProblemError(f"{self.path}: no picture in it can be decoded; expected a video that OpenCV reads")

    def _pictures(self) -> Iterator[NDArray[np.uint8]]:
        return self._unpacked() if self._entries else pictures(self.path)

    def _unpacked(self) -> Iterator[NDArray[np.uint8]]:
        with zipfile.ZipFile(self.path) as archive:
            for name in self._entries:
                yield decoded(archive.read(name), f"{self.path}: {name}", cv2.IMREAD_COLOR)


def decoded(content: bytes, what: str, flag: int = cv2.IMREAD_GRAYSCALE) -> NDArray[np.uint8]:
    """A picture from the bytes of its file; raise `DataProblemError` naming `what` if it is none."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), flag) if content else None
    if picture is None:
        raise DataProblemError(f"{what} is no picture; expected JPEG or PNG")
    return np.asarray(picture, np.uint8)


def picture_names(path: Path) -> list[str]:
    """The pictures in a zip, in order of their names; raise `DataProblemError` if it is no zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise DataProblemError(f"{path}: {error}; expected a zip of pictures") from error
    return sorted(name for name in names if Path(name).suffix.lower() in _PICTURES)


def _entries(path: Path) -> list[str]:
    names = picture_names(path)
    if not names:
        raise DataProblemError(f"{path}: no pictures in it; expected {', '.join(_PICTURES)}")
    return names


def _fps(path: Path) -> float:
    video = cv2.VideoCapture(str(path))
    try:
        if not video.isOpened():
            raise DataProblemError(f"{path}: cannot be opened; expected a video that OpenCV reads")
        fps = float(video.get(cv2.CAP_PROP_FPS))
    finally:
        video.release()
    return fps if 0 < fps <= _MOST_FPS else _LIKELY_FPS
