"""Motion masks against truth by the rules of CDnet: ours and OpenCV's, in the same run, and their CPU time."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.pixels.luma import Plane, analysis_size
from tests.eval.figures import Figure, Table
from tests.eval.motion_sequences import MotionSequence, at_size
from tests.eval.problems import DataProblemError
from tests.eval.product import MotionMask, motion_model
from tests.eval.rivals import HELD_AGAINST, rivals
from tests.support.recorded_video import MOVING, MaskScore

OURS: Final = "ours"
MODEL: Final = "our model alone"
"""Without the watch over the picture, tracks and traces: what is timed beside the others."""
_SIZE: Final = (160, 120)
_REACH: Final = {"highway": 0.95, "traffic": 0.77, "WavingTrees": 0.87}
_MS: Final = 0.8
_NOT_TIMED: Final = 20
_TIMED: Final = 400
_BLOCK: Final = 40
Method = Callable[[Plane], NDArray[np.uint8]]


@dataclass
class Course:
    """How one method did on one sequence."""

    score: MaskScore = field(default_factory=MaskScore)
    ms: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """CPU milliseconds of a frame, the first ones left out."""
        timed = self.ms[_NOT_TIMED:] or self.ms
        return statistics.median(timed)


def measure_motion(
    sequences: Sequence[MotionSequence], *, say: Callable[[str], None], complain: Callable[[object], None]
) -> tuple[Table, list[Figure]]:
    """The table of F and milliseconds, and the figures `motion_f_<sequence>` and `motion_ms_160x120`."""
    courses: dict[str, dict[str, Course]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for sequence in sequences:
        say(f"motion: {sequence.name}")
        try:
            sizes[sequence.name], courses[sequence.name] = _run(sequence)
        except DataProblemError as problem:
            complain(problem)
    figures = [_figure(name, found) for name, found in courses.items()]
    timed = [name for name, size in sizes.items() if size == _SIZE] or list(sizes)
    if timed:
        median = statistics.median(courses[name][MODEL].median_ms for name in timed)
        figures.append(Figure("motion_ms_160x120", median, "ms", at_most=_MS))
    return _table(courses), figures


def _run(sequence: MotionSequence) -> tuple[tuple[int, int], dict[str, Course]]:
    """Every method on every frame; the planes of the frames are reduced alike and the reduction is not timed."""
    methods: dict[str, Method] = {}
    planes: deque[Plane] = deque(maxlen=_TIMED)
    size, last = (0, 0), sequence.first_frame
    for last, picture in sequence.numbered():
        if not methods:
            size = analysis_size(picture.shape[1], picture.shape[0])
            methods = _methods(size, sequence.video.fps)
            courses = {name: Course() for name in methods}
        plane = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        planes.append(plane)
        _compare(sequence, last, {name: method(plane) for name, method in methods.items()}, courses)
    _check_numbers(sequence, last)
    _check_truth(sequence, courses[OURS].score)
    _time(_methods(size, sequence.video.fps), list(planes), courses)
    return size, courses


def _methods(size: tuple[int, int], fps: float) -> dict[str, Method]:
    return {OURS: MotionMask(size, fps).step, MODEL: motion_model(size).step, **rivals()}


def _check_numbers(sequence: MotionSequence, last: int) -> None:
    beyond = [number for number in sequence.masks if not sequence.first_frame <= number <= last]
    if beyond and (not sequence.stated or len(beyond) == len(sequence.masks)):
        raise DataProblemError(
            f"{sequence.video.path}: its frames are {sequence.first_frame} to {last}, but there is truth of frame "
            f"{max(beyond)}; expected first_frame in meta.json to say the number of its first picture"
        )


def _check_truth(sequence: MotionSequence, score: MaskScore) -> None:
    if not score.hits + score.missed:
        raise DataProblemError(
            f"{sequence.video.path}: nothing moves in its truth; expected {MOVING} where something does, in some frame"
        )


def _time(methods: dict[str, Method], planes: Sequence[Plane], courses: dict[str, Course]) -> None:
    """CPU of each method by itself, as when nothing else uses the cache, some frames of each in turn."""
    for first in range(0, len(planes), _BLOCK):
        for name, method in methods.items():
            for plane in planes[first : first + _BLOCK]:
                began = time.thread_time_ns()
                method(plane)
                courses[name].ms.append((time.thread_time_ns() - began) / 1e6)


def _compare(
    sequence: MotionSequence, number: int, masks: dict[str, NDArray[np.uint8]], courses: dict[str, Course]
) -> None:
    truth = sequence.truth(number)
    if truth is None:
        return
    region = sequence.region_of(truth.shape)
    for name, mask in masks.items():
        courses[name].score.add(at_size(mask, truth.shape), truth, region)


def _figure(name: str, courses: dict[str, Course]) -> Figure:
    """Ours, to be above the others and above what was asked for where something was."""
    best = max(courses[method].score.f_measure for method in HELD_AGAINST)
    value = courses[OURS].score.f_measure
    return Figure(f"motion_f_{name}", value, "F", at_least=max(_REACH.get(name, 0.0), best), baseline=best)


def _table(courses: dict[str, dict[str, Course]]) -> Table:
    methods = [OURS, MODEL, *rivals()]
    rows: list[list[Any]] = []
    for method in methods:
        scores = [found[method].score.f_measure for found in courses.values()]
        ms = [found[method].median_ms for found in courses.values()]
        mean = statistics.mean(scores) if scores else float("nan")
        rows.append([method, *scores, mean, statistics.median(ms) if ms else float("nan")])
    return Table("Motion: F by the rules of CDnet, CPU ms a frame", ["method", *courses, "mean", "ms"], rows)
