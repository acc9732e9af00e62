"""Finding the sequences of `vision/motion` by their layout, whatever they are called.

A sequence is a video with its truth beside it, and all its files begin with its name and a dot:
`<name>.<anything>.mp4` (or mkv, avi, zip of pictures ...), and `<name>.gt.zip` holding `gt<number>.png`, or single
masks `<name>.gt<number>.png`. Optional: `<name>.roi.png` (white counts), and an entry in `meta.json` with `video`,
`first_frame` (the number of the video's first picture) and `temporal_roi` (first and last number that count). Masks
may be BMP, JPEG or TIFF as well, a region may be of another size than they, and what is named in capitals is read too.
Pictures of a zip have the numbers of their names where those rise, be some left out or not.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.eval.problems import DataProblemError
from tests.eval.video import PICTURES, VIDEOS, Video, decoded, picture_names

_KINDS: Final = "|".join(kind.removeprefix(".") for kind in PICTURES)
_ENTRY: Final = re.compile(rf"(?:^|/)gt_?(\d+)\.(?:{_KINDS})$", re.IGNORECASE)
_SINGLE: Final = re.compile(rf"\.gt_?(\d+)\.(?:{_KINDS})$", re.IGNORECASE)
_EXPECTED: Final = "expected <name>.gt.zip with gt<number>.png inside, or <name>.gt<number>.png"


@dataclass(frozen=True)
class MotionSequence:
    """A recording with masks of what moves in some of its frames. Frame numbers are those of the truth."""

    name: str
    video: Video
    first_frame: int
    masks: Mapping[int, bytes]
    region: NDArray[np.bool_] | None
    numbers: tuple[int, ...] = ()
    """Those of the pictures, where they have some; else they count up from `first_frame`."""
    stated: bool = False
    """Whether the numbers are known: then truth of frames that the video does not have is none of its frames'."""

    def truth(self, number: int) -> NDArray[np.uint8] | None:
        """The mask of a frame in the codes of CDnet; None if it has none."""
        raw = self.masks.get(number)
        return None if raw is None else decoded(raw, f"{self.name}: the truth of frame {number}")

    def region_of(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """The pixels that count at `shape`; all of them where there is no region."""
        return np.ones(shape, bool) if self.region is None else at_size(self.region.astype(np.uint8), shape)

    def numbered(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """The brightness of each picture, and its number."""
        return zip(self.numbers or count(self.first_frame), self.video.luma(), strict=False)


def find_motion(folder: Path) -> tuple[list[MotionSequence], list[DataProblemError]]:
    """The sequences of a folder by name, and what is wrong with those that cannot be used."""
    found: list[MotionSequence] = []
    wrong: list[DataProblemError] = []
    if not folder.is_dir():
        return [], [DataProblemError(f"{folder}: no such folder; {_EXPECTED} beside each video")]
    try:
        meta = _meta(folder / "meta.json")
    except DataProblemError as problem:
        meta, wrong = {}, [problem]
    for path in _videos(folder):
        try:
            found.append(_sequence(path, meta))
        except DataProblemError as problem:
            wrong.append(problem)
    return found, wrong


def _videos(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [path for path in files if path.suffix.lower() in VIDEOS and not path.name.endswith(".gt.zip")]


def _meta(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataProblemError(f"{path}: {error}; expected JSON, an object by the names of sequences") from error
    if not isinstance(meta, dict) or not all(isinstance(entry, dict) for entry in meta.values()):
        raise DataProblemError(f"{path}: expected an object of objects by the names of sequences")
    return meta


def _sequence(path: Path, meta: Mapping[str, Any]) -> MotionSequence:
    name = next((name for name, entry in meta.items() if entry.get("video") == path.name), path.name.partition(".")[0])
    entry = meta.get(name, {})
    masks = _masks(path.parent, name)
    if not masks:
        raise DataProblemError(f"{path}: no truth beside it; {_EXPECTED}")
    video = Video(path)
    numbers = video.numbers
    first = _first_frame(path, entry, video, masks)
    counted = tuple(numbers) if numbers and first == numbers[0] else ()
    return MotionSequence(
        name,
        video,
        first,
        _within(masks, entry.get("temporal_roi"), path),
        _region(path.parent, name),
        counted,
        bool(counted) or "first_frame" in entry,
    )


def _region(folder: Path, name: str) -> NDArray[np.bool_] | None:
    found = next((folder / f"{name}.roi{kind}" for kind in PICTURES if (folder / f"{name}.roi{kind}").is_file()), None)
    return None if found is None else decoded(found.read_bytes(), str(found)) > 0


def _masks(folder: Path, name: str) -> dict[int, bytes]:
    masks = {}
    for path in folder.iterdir():
        if path.name.startswith(f"{name}.gt") and (number := _SINGLE.search(path.name)):
            masks[int(number[1])] = path.read_bytes()
    packed = folder / f"{name}.gt.zip"
    if packed.is_file():
        names = picture_names(packed)
        with zipfile.ZipFile(packed) as archive:
            masks |= {int(at[1]): archive.read(entry) for entry in names if (at := _ENTRY.search(entry))}
        if not masks:
            raise DataProblemError(f"{packed}: no truth in it; expected gt<number>.png")
    return masks


def _first_frame(path: Path, entry: Mapping[str, Any], video: Video, masks: Mapping[int, bytes]) -> int:
    """From `meta.json`, else from the pictures' own names, else by the truth: the first number of one that goes with
    every picture, 0 if there is one of frame 0, else 1 as CDnet counts."""
    stated = entry.get("first_frame", video.numbers[0] if video.numbers else None)
    if stated is None:
        return min(masks) if len(masks) == video.count() else min(1, *masks)
    if not isinstance(stated, int) or stated < 0:
        raise DataProblemError(
            f"{path.parent / 'meta.json'}: first_frame of {path.name} is {stated!r}; expected 0, 1 .."
        )
    return stated


def _within(masks: dict[int, bytes], span: Any, path: Path) -> dict[int, bytes]:
    if span is None:
        return masks
    if not (isinstance(span, list) and len(span) == 2 and all(isinstance(number, int) for number in span)):
        raise DataProblemError(f"{path.parent / 'meta.json'}: temporal_roi of {path.name}: expected [first, last]")
    within = {number: mask for number, mask in masks.items() if span[0] <= number <= span[1]}
    if not within:
        raise DataProblemError(
            f"{path.parent / 'meta.json'}: temporal_roi of {path.name} is {span}, but there is truth only of frames "
            f"{min(masks)} to {max(masks)}"
        )
    return within


def at_size(mask: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask of any size as booleans of `shape`."""
    return np.asarray(cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST) > 0)
