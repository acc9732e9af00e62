"""From what was detected in a picture to the things that are tracked through many: a class sticks, and fades."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.vision.detect.detections import Detection, Label
from edge.vision.detect.detector import corners_of
from edge.vision.detect.nms import Floats, intersection
from edge.vision.findings import Thing

_MOST: Final = 512
_LEAST_SHARE: Final = 0.5
"""A thing is what was detected if they share this much of the smaller one: what moves is often a part of the whole."""
_MOST_UNLIKE: Final = 16.0
"""And neither has more than so many times the area of the other."""
_DOUBT: Final = 0.7
_FORGOTTEN: Final = 0.1
_KEPT_NS: Final = 10_000_000_000
"""A track that is not seen for so long does not come back."""


@dataclass(frozen=True, slots=True)
class _Known:
    label: str
    confidence: float
    told_ns: int
    seen_ns: int


class LabelBook:
    """What each track of one camera is. Belongs to one thread; what `labels` returns others may read."""

    def __init__(self, half_life_s: float) -> None:
        self._half_life_ns = half_life_s * 1e9
        self._known: dict[int, _Known] = {}

    def step(self, found: Sequence[Detection], things: Sequence[Thing], at_ns: int) -> None:
        """Learn from one look: a better word takes the place of another, a contradiction makes unsure."""
        self._sight(things, at_ns)
        for number, said in match(found, things).items():
            self._hear(number, said, at_ns)
        self._forget(at_ns)

    def labels(self, at_ns: int) -> dict[int, Label]:
        """The class of each track that has one, with what is left of its confidence."""
        return {number: Label(one.label, self._faded(one, at_ns)) for number, one in self._known.items()}

    def _sight(self, things: Iterable[Thing], at_ns: int) -> None:
        for number in (thing.box.track for thing in things):
            known = self._known.get(number) if number is not None else None
            if known and number is not None:
                self._known[number] = _Known(known.label, known.confidence, known.told_ns, at_ns)

    def _hear(self, number: int, said: Detection, at_ns: int) -> None:
        known = self._known.get(number)
        faded = self._faded(known, at_ns) if known else 0.0
        if known and known.label != said.box.label and faded >= said.score:
            self._known[number] = _Known(known.label, faded * _DOUBT, at_ns, at_ns)
            return
        same = known is not None and known.label == said.box.label
        confidence = max(said.score, (faded + said.score) / 2) if same else said.score
        self._known[number] = _Known(said.box.label, confidence, at_ns, at_ns)

    def _forget(self, at_ns: int) -> None:
        alive = {
            number: one
            for number, one in self._known.items()
            if self._faded(one, at_ns) >= _FORGOTTEN and at_ns - one.seen_ns <= _KEPT_NS
        }
        newest = sorted(alive, key=lambda number: alive[number].seen_ns)[-_MOST:]
        self._known = {number: alive[number] for number in newest}

    def _faded(self, known: _Known, at_ns: int) -> float:
        faded: float = known.confidence * 0.5 ** (max(at_ns - known.told_ns, 0) / self._half_life_ns)
        return faded


def match(found: Sequence[Detection], things: Sequence[Thing]) -> Mapping[int, Detection]:
    """For each thing, by its number, the detection that it is a part of, or that is a part of it; the best of several.

    A person of whom head and legs move apart is two things and one detection: both get its class.
    """
    tracked = [thing for thing in things if thing.box.track is not None]
    if not found or not tracked:
        return {}
    fits = _fits(corners_of([thing.box for thing in tracked]), corners_of([one.box for one in found]))
    worth = fits * np.array([one.score for one in found], np.float32)
    best = worth.argmax(axis=1).tolist()
    return {
        thing.box.track: found[index]
        for row, (thing, index) in enumerate(zip(tracked, best, strict=True))
        if fits[row, index] > 0 and thing.box.track is not None
    }


def _fits(things: Floats, found: Floats) -> Floats:
    """How well each thing [n, 4] fits each detection [m, 4], from 0 to 1, as [n, m]; 0 where it is not the same."""
    area, other = _areas(things)[:, None], _areas(found)[None, :]
    smaller, larger = np.minimum(area, other), np.maximum(area, other)
    shared = intersection(things, found)
    share = shared / np.maximum(smaller, 1e-9)
    union = shared / np.maximum(area + other - shared, 1e-9)
    alike = (share >= _LEAST_SHARE) & (larger <= smaller * _MOST_UNLIKE)
    return np.where(alike, (share + union) / 2, 0.0).astype(np.float32)


def _areas(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
