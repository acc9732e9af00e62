"""The shared recordings as planes and frames, and the rules by which masks are scored."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame
from edge.vision.pixels.luma import Plane

MOVING, STATIC, SHADOW = 255, 0, 50
"""Truth codes of CDnet that count; unknown and outside do not."""


def pictures(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The colour pictures of a video, one after the other."""
    video = cv2.VideoCapture(str(path))
    try:
        while True:
            there, picture = video.read()
            if not there:
                return
            yield np.asarray(picture, np.uint8)
    finally:
        video.release()


def planes(path: Path, size: tuple[int, int]) -> Iterator[Plane]:
    """The brightness of a video's pictures at `size`."""
    for picture in pictures(path):
        luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        yield np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def frames(path: Path, fps: float) -> Iterator[Frame]:
    """A video's pictures as a camera would give them."""
    for at, picture in enumerate(pictures(path), start=1):
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        yield Frame("front", at, jpeg, picture.shape[1], picture.shape[0], 1_000_000_000 + round(at * 1e9 / fps))


@dataclass
class MaskScore:
    """Pixels counted by the rules of CDnet."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    def add(self, mask: NDArray[np.bool_], truth: Plane, region: NDArray[np.bool_]) -> None:
        """Count one mask of the truth's size within `region`."""
        moving = (truth == MOVING) & region
        static = ((truth == STATIC) | (truth == SHADOW)) & region
        self.hits += int((mask & moving).sum())
        self.false += int((mask & static).sum())
        self.missed += int((~mask & moving).sum())

    @property
    def f_measure(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / (2 * self.hits + self.false + self.missed)


class CdnetTruth:
    """The truth of one CDnet sequence: masks by frame number, the region that counts, the number of the first frame."""

    def __init__(self, folder: Path, name: str) -> None:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text())[name]
        self.video = folder / meta["video"]
        self.first_frame: int = meta["first_frame"]
        self._masks: dict[int, bytes] = {}
        with zipfile.ZipFile(folder / f"{name}.gt.zip") as archive:
            for entry in archive.namelist():
                self._masks[int(entry[2:8])] = archive.read(entry)
        self._region = cv2.imread(str(folder / f"{name}.roi.png"), cv2.IMREAD_GRAYSCALE)

    def score(self, score: MaskScore, number: int, mask: Plane) -> None:
        """Count the mask of frame `number` if there is truth for it."""
        if number not in self._masks:
            return
        truth = cv2.imdecode(np.frombuffer(self._masks[number], np.uint8), cv2.IMREAD_GRAYSCALE)
        assert truth is not None
        full = cv2.resize(mask, (truth.shape[1], truth.shape[0]), interpolation=cv2.INTER_NEAREST)
        fits = self._region is not None and self._region.shape == truth.shape
        region = np.asarray(self._region) > 0 if fits else np.ones(truth.shape, bool)
        score.add(full > 0, np.asarray(truth, np.uint8), region)
