"""Finding the sets of `vision/anomaly` by their layout, whatever they are called.

A set is `<set>_train_<clip>.mp4` (normal only), `<set>_test_<clip>.mp4` and `<set>_labels.json`, which says of each
test clip `{"frames": n, "anomalous_1based": [first, last]}` (or a list of such spans; an empty one is a normal clip).
Optional: `<set>_pixel_gt.zip` with `Test<clip>/<number>.png`, white where the abnormal is.
"""

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tests.eval.problems import DataProblemError
from tests.eval.video import VIDEOS, Video, decoded, picture_names

_CLIP: Final = re.compile(r"^(?P<set>.+)_(?P<part>train|test)_(?P<clip>[^_.]+)\.")
_MASK: Final = re.compile(r"(?P<clip>\d+)[^/]*/(?P<number>\d+)\.\w+$")
_LABELS: Final = 'expected {"<clip>": {"frames": n, "anomalous_1based": [first, last]}}'


@dataclass(frozen=True)
class TestClip:
    """A recording with the truth of each of its frames: `abnormal` holds the spans, first and last, from 1."""

    __test__ = False
    name: str
    video: Video
    abnormal: tuple[tuple[int, int], ...]
    masks: Path | None = None
    mask_names: Mapping[int, str] = field(default_factory=dict)

    def is_abnormal(self, number: int) -> bool:
        """Whether frame `number`, counted from 1, shows something abnormal."""
        return any(first <= number <= last for first, last in self.abnormal)

    def where(self, number: int) -> NDArray[np.uint8] | None:
        """The pixels that are abnormal in a frame; None if nobody marked them."""
        if self.masks is None or number not in self.mask_names:
            return None
        with zipfile.ZipFile(self.masks) as archive:
            return decoded(archive.read(self.mask_names[number]), f"{self.masks}: {self.mask_names[number]}")


@dataclass(frozen=True)
class AnomalySet:
    """One camera's normal clips and its test clips, both in the order of their names."""

    name: str
    normal: tuple[Video, ...]
    tests: tuple[TestClip, ...]


def find_anomaly(folder: Path) -> tuple[list[AnomalySet], list[DataProblemError]]:
    """The sets of a folder by name, and what is wrong with those that cannot be used."""
    if not folder.is_dir():
        return [], [
            DataProblemError(f"{folder}: no such folder; expected <set>_train_*.mp4, <set>_test_*.mp4 and labels")
        ]
    found, wrong = [], []
    for name, parts in sorted(_by_set(folder).items()):
        try:
            found.append(_make(folder, name, parts))
        except DataProblemError as problem:
            wrong.append(problem)
    return found, wrong


def _by_set(folder: Path) -> dict[str, dict[str, dict[str, Path]]]:
    sets: dict[str, dict[str, dict[str, Path]]] = {}
    for path in sorted(folder.iterdir()):
        if (match := _CLIP.match(path.name)) and path.suffix.lower() in VIDEOS:
            parts = sets.setdefault(match["set"], {"train": {}, "test": {}})
            parts[match["part"]][match["clip"]] = path
    return sets


def _make(folder: Path, name: str, parts: dict[str, dict[str, Path]]) -> AnomalySet:
    for part, clips in parts.items():
        if not clips:
            raise DataProblemError(f"{folder}: the set {name} has no {name}_{part}_<clip>.mp4")
    labels = _labels(folder / f"{name}_labels.json")
    packed = folder / f"{name}_pixel_gt.zip"
    masks = _masks(packed) if packed.is_file() else {}
    tests = tuple(
        TestClip(clip, Video(path), _spans(folder / f"{name}_labels.json", labels, clip), packed, masks.get(clip, {}))
        for clip, path in parts["test"].items()
    )
    return AnomalySet(name, tuple(Video(path) for path in parts["train"].values()), tests)


def _labels(path: Path) -> dict[str, Any]:
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataProblemError(f"{path}: missing; {_LABELS}") from error
    except (OSError, ValueError) as error:
        raise DataProblemError(f"{path}: {error}; {_LABELS}") from error
    if not isinstance(labels, dict):
        raise DataProblemError(f"{path}: {_LABELS}")
    return labels


def _spans(path: Path, labels: Mapping[str, Any], clip: str) -> tuple[tuple[int, int], ...]:
    entry = labels.get(clip, next((found for key, found in labels.items() if _same_number(key, clip)), None))
    spans = entry.get("anomalous_1based") if isinstance(entry, dict) else None
    if not isinstance(spans, list):
        raise DataProblemError(f"{path}: nothing about the clip {clip!r}; {_LABELS}")
    nested = spans if not spans or isinstance(spans[0], list) else [spans]
    if not all(len(span) == 2 and all(isinstance(number, int) for number in span) for span in nested):
        raise DataProblemError(f"{path}: the clip {clip!r} has {spans!r}; {_LABELS}")
    return tuple((first, last) for first, last in nested)


def _same_number(key: str, clip: str) -> bool:
    """However many zeros a number has."""
    return key.isdecimal() and clip.isdecimal() and int(key) == int(clip)


def _masks(path: Path) -> dict[str, dict[int, str]]:
    """Names of masks by clip and frame; clips are known by their number, however many zeros it has."""
    found: dict[str, dict[int, str]] = {}
    for name in picture_names(path):
        if match := _MASK.search(name):
            for clip in {match["clip"], str(int(match["clip"])), f"{int(match['clip']):02d}"}:
                found.setdefault(clip, {})[int(match["number"])] = name
    return found
