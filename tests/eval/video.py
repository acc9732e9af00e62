"""The pictures of a recording, whether it is a video file or a zip of pictures, one after the other."""

import re
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.eval.problems import DataProblemError
from tests.support.recorded_video import pictures

PICTURES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
VIDEOS: Final = (".mp4", ".m4v", ".mkv", ".avi", ".mov", ".mpg", ".mpeg", ".webm", ".wmv", ".mjpeg", ".zip")
_LIKELY_FPS: Final = 25.0
_MOST_FPS: Final = 120.0
_LAST_NUMBER: Final = re.compile(r"(\d+)\D*$")
_DIGITS: Final = re.compile(r"(\d+)")


class Video:
    """A recording of a fixed camera. `fps` is what the file says, 25 where it says nothing believable.

    Raise `DataProblemError` when it is opened, or while it is read, if it holds no pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = _entries(path) if path.suffix.lower() == ".zip" else []
        self.fps = _LIKELY_FPS if self._entries else _fps(path)

    @property
    def numbers(self) -> list[int] | None:
        """The numbers in the names of the pictures of a zip; None where there are none that rise from one to the next,
        and so for a video."""
        found = [_LAST_NUMBER.search(Path(name).stem) for name in self._entries]
        numbers = [int(match[1]) for match in found if match]
        rising = all(before < after for before, after in pairwise(numbers))
        return numbers if numbers and len(numbers) == len(found) and rising else None

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
    """The pictures in a zip, in order of their names, 9 before 10; raise `DataProblemError` if it is no zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise DataProblemError(f"{path}: {error}; expected a zip of pictures") from error
    return sorted((name for name in names if _is_picture(name)), key=_counted)


def _is_picture(name: str) -> bool:
    """Also one that a file manager put beside the pictures is none."""
    path = Path(name)
    return path.suffix.lower() in PICTURES and "__MACOSX" not in path.parts and not path.name.startswith(".")


def _counted(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(name)]


def _entries(path: Path) -> list[str]:
    names = picture_names(path)
    if not names:
        raise DataProblemError(f"{path}: no pictures in it; expected {', '.join(PICTURES)}")
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
