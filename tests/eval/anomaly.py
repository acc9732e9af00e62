"""The unusual against truth: learned from a set's normal clips, judged frame by frame on its test clips, causally.

The clips go through the product one after the other as one camera gives them, with a pause between two; learning goes
on as in the product, also while the test clips are judged. False alarms are counted on normal clips that had no part in
the teaching, in folds, and on the motion sequences after as much learning as an appliance gets before its first alarm.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.vision.settings import VisionSettings
from tests.eval.anomaly_sets import AnomalySet, TestClip
from tests.eval.figures import Figure, Table
from tests.eval.motion_sequences import MotionSequence
from tests.eval.problems import DataProblemError
from tests.eval.product import Appliance, Judged
from tests.eval.scores import area_under_curve, folds, share
from tests.eval.video import Video

PAUSE_S: Final = 10.0
_FOLDS: Final = 4
_AUC: Final = 0.95
_FALSE: Final = 0.01
_LEAST_JUDGED: Final = 100
Say = Callable[[str], None]


@dataclass(frozen=True)
class ClipCourse:
    """What was said of one test clip."""

    clip: TestClip
    judged: tuple[Judged, ...]

    @property
    def abnormal(self) -> list[bool]:
        """The truth, frame by frame."""
        return [self.clip.is_abnormal(number) for number in range(1, len(self.judged) + 1)]

    @property
    def alarmed(self) -> bool:
        """Whether the alarm went off while something abnormal was there."""
        return any(one.alarmed and truth for one, truth in zip(self.judged, self.abnormal, strict=True))

    def row(self) -> list[Any]:
        """A line of the table: hits, false alarms, delay, and how often the boxes touch what is marked."""
        alarms, truth = [one.alarmed for one in self.judged], self.abnormal
        hits = [alarm for alarm, there in zip(alarms, truth, strict=True) if there]
        false = [alarm for alarm, there in zip(alarms, truth, strict=True) if not there]
        verdict = "alarmed" if self.alarmed else "MISSED" if any(truth) else "quiet" if not any(alarms) else "FALSE"
        return [self.clip.name, verdict, share(hits), share(false), _delay_s(self.judged, truth), self._touching()]

    def _touching(self) -> float:
        touched = []
        for number, one in enumerate(self.judged, start=1):
            mask = self.clip.where(number) if one.alarmed else None
            if mask is not None and mask.any():
                boxes = [box for finding in one.seen.findings for box in finding.boxes]
                touched.append(any(_touches(mask, box.x, box.y, box.w, box.h) for box in boxes))
        return share(touched)


def measure_anomaly(
    sets: Sequence[AnomalySet], folder: Path, *, say: Say, complain: Callable[[object], None]
) -> tuple[list[Table], list[Figure]]:
    """A table of each set's clips, and `anomaly_auc`, `anomaly_clips_alarmed`: of the only set, or the worst of all."""
    tables: list[Table] = []
    aucs: dict[str, float] = {}
    missed: dict[str, tuple[int, int]] = {}
    for one in sets:
        say(f"anomaly: {one.name}, {len(one.normal)} normal clips to learn from, {len(one.tests)} to judge")
        try:
            courses = _taught(one, folder / one.name)
        except DataProblemError as problem:
            complain(problem)
            continue
        tables.append(_table(one, courses))
        flat = [
            (judged.score, truth)
            for course in courses
            for judged, truth in zip(course.judged, course.abnormal, strict=True)
        ]
        aucs[one.name] = area_under_curve([score for score, _ in flat], [truth for _, truth in flat])
        due = [course for course in courses if any(course.abnormal)]
        missed[one.name] = sum(course.alarmed for course in due), len(due)
    return tables, _figures(aucs, missed)


def measure_false_alarms(
    sets: Sequence[AnomalySet], sequences: Sequence[MotionSequence], folder: Path, *, say: Say
) -> tuple[Table, list[Figure]]:
    """Frames with an alarm where none is due, of each recording; `anomaly_false_alarm_rate` is the worst."""
    rates: dict[str, tuple[float, int, str]] = {}
    for one in sets:
        say(f"false alarms: {one.name}, normal clips kept out of teaching")
        rates[one.name] = _left_out(one, folder / f"{one.name}-folds")
    for sequence in sequences:
        say(f"false alarms: {sequence.name}")
        rates[sequence.name] = _on_sequence(sequence, folder / f"{sequence.name}-alarms")
    judged = {name: rate for name, (rate, frames, _) in rates.items() if frames >= _LEAST_JUDGED}
    rows: list[list[Any]] = [[name, rate, frames, how] for name, (rate, frames, how) in rates.items()]
    table = Table("False alarms: share of frames", ["recording", "rate", "frames", ""], rows)
    figures = [
        Figure(f"anomaly_false_alarm_rate_{name}", rate, "share", at_most=_FALSE) for name, rate in judged.items()
    ]
    if judged:
        figures.append(Figure("anomaly_false_alarm_rate", max(judged.values()), "share", at_most=_FALSE))
    return table, figures


def _taught(one: AnomalySet, folder: Path) -> list[ClipCourse]:
    appliance = _teach(one.normal, folder)
    return [ClipCourse(clip, tuple(_play(appliance, clip.video))) for clip in one.tests]


def _teach(clips: Iterable[Video], folder: Path) -> Appliance:
    """An appliance that has seen `clips`. Where they are few it is told to begin judging after nine tenths of them."""
    clips = list(clips)
    frames = sum(1 for clip in clips for _ in clip.luma())
    usual = VisionSettings()
    settings = msgspec.structs.replace(usual, learning_frames=max(100, min(usual.learning_frames, frames * 9 // 10)))
    appliance = Appliance(folder, settings)
    for clip in clips:
        for _ in _play(appliance, clip):
            pass
    return appliance


def _play(appliance: Appliance, clip: Video) -> Iterable[Judged]:
    return appliance.play(clip.luma(), clip.fps, pause_s=PAUSE_S)


def _left_out(one: AnomalySet, folder: Path) -> tuple[float, int, str]:
    alarms: list[bool] = []
    parts = folds(len(one.normal), _FOLDS)
    for number, left_out in enumerate(parts):
        taught = [clip for at, clip in enumerate(one.normal) if at not in left_out]
        appliance = _teach(taught or one.normal, folder / str(number))
        alarms += [judged.alarmed for at in left_out for judged in _play(appliance, one.normal[at])]
    return share(alarms), len(alarms), f"{len(parts)} folds"


def _on_sequence(sequence: MotionSequence, folder: Path) -> tuple[float, int, str]:
    judged = list(Appliance(folder).play(sequence.video.luma(), sequence.video.fps))
    alarms = [one.alarmed for one in judged if one.learned]
    if len(alarms) < _LEAST_JUDGED:
        return float("nan"), len(alarms), "too short: learning is not complete"
    return share(alarms), len(alarms), f"after {(len(judged) - len(alarms)) / sequence.video.fps:.0f} s of learning"


def _table(one: AnomalySet, courses: list[ClipCourse]) -> Table:
    rows = [course.row() for course in courses]
    columns = ["clip", "", "abnormal alarmed", "normal alarmed", "delay s", "boxes right"]
    return Table(f"Anomaly: {one.name}, learned from {len(one.normal)} normal clips", columns, rows)


def _figures(aucs: dict[str, float], alarmed: dict[str, tuple[int, int]]) -> list[Figure]:
    found = []
    if len(aucs) > 1:
        found += [Figure(f"anomaly_auc_{name}", auc, "AUC", at_least=_AUC) for name, auc in aucs.items()]
    if aucs:
        found.append(Figure("anomaly_auc", min(aucs.values()), "AUC", at_least=_AUC))
        got, due = (sum(column) for column in zip(*alarmed.values(), strict=True))
        found.append(Figure("anomaly_clips_alarmed", float(got), f"of {due}", at_least=float(due)))
    return found


def _delay_s(judged: Sequence[Judged], truth: Sequence[bool]) -> float:
    """Median seconds from the beginning of something abnormal to the alarm within it."""
    starts = [at for at, there in enumerate(truth) if there and (at == 0 or not truth[at - 1])]
    delays = []
    for first, until in pairwise([*starts, len(judged)]):
        found = next(
            (
                one.at_s
                for one, there in zip(judged[first:until], truth[first:until], strict=True)
                if there and one.alarmed
            ),
            None,
        )
        if found is not None:
            delays.append(found - judged[first].at_s)
    return statistics.median(delays) if delays else float("nan")


def _touches(mask: NDArray[np.uint8], x: float, y: float, w: float, h: float) -> bool:
    height, width = mask.shape
    rows = slice(int(y * height), max(int((y + h) * height), int(y * height) + 1))
    return bool(mask[rows, int(x * width) : max(int((x + w) * width), int(x * width) + 1)].any())
