"""The recordings that the emotion model learns from, cut into segments of 5 s and seen through its features.

CASE (Sharma et al., Sci Data 2019, 6:196): 20 people, eight videos, ratings by joystick. Stress-Predict (Iqbal et al.,
Sensors 2022, 22(21):8135): 25 people, three stressors. Nothing else may teach a model that is shipped.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud.training.emotion_features import CELLS, CHANNELS, RATE_HZ, SEGMENT_S, Array, fresh_baseline, step

VIDEOS: Final = range(1, 9)
"""CASE's stimuli; 10, 11 and 12 are its beginning, its pauses and its end."""
RATING_CENTRE: Final = 5.0
RATING_MARGIN: Final = 0.1
"""A joystick nearer to its centre has not been moved: that segment has no label."""
_SEGMENT_CELLS: Final = int(SEGMENT_S * RATE_HZ)


class CaseRows(NamedTuple):
    """Labelled segments of CASE, one row each; `x` is `[rows, features * channels]`."""

    x: Array
    person: NDArray[Any]
    video: NDArray[Any]
    place: NDArray[Any]
    """Place of the segment within its video."""
    session_s: Array
    rating: Array
    """`[rows, 2]`: mean valence and arousal of the segment, 0.5 to 9.5."""

    @property
    def quadrant(self) -> NDArray[np.int64]:
        """0 HH, 1 HL, 2 LH, 3 LL."""
        low = (self.rating <= RATING_CENTRE).astype(np.int64)
        return low[:, 0] * 2 + low[:, 1]


class StressRows(NamedTuple):
    """Segments of Stress-Predict; `stress` is 1 during a stressor."""

    x: Array
    person: NDArray[np.int64]
    session_s: Array
    stress: NDArray[np.int64]


class _Table(NamedTuple):
    columns: dict[str, Array]

    def of(self, person: int) -> dict[str, Array]:
        mine = self.columns["subject"] == person
        return {name: column[mine] for name, column in self.columns.items()}

    @property
    def people(self) -> list[int]:
        return [int(person) for person in np.unique(self.columns["subject"])]


def read_case(data: Path, seen_as: Callable[[Array], Array] = lambda us: us) -> CaseRows:
    """CASE from the folder of recordings; `seen_as` is what another sensor would make of its microsiemens."""
    physio = _table(data / "body" / "case" / "sparse_physio_400_per_subject.parquet")
    ratings = _table(data / "body" / "case" / "annotations_4hz.parquet")
    physio.columns["gsr_us"] = seen_as(physio.columns["gsr_us"])
    rows = [row for person in physio.people for row in _case_person(person, physio.of(person), ratings.of(person))]
    numbers = np.array([row[1:] for row in rows])
    person, video, place = numbers[:, :3].astype(np.int64).T
    case = CaseRows(
        x=np.array([row[0] for row in rows]),
        person=person,
        video=video,
        place=place,
        session_s=numbers[:, 3],
        rating=numbers[:, 4:6],
    )
    labelled = (np.abs(case.rating - RATING_CENTRE) > RATING_MARGIN).all(1) & np.isin(case.video, VIDEOS)
    kept: list[NDArray[Any]] = [column[labelled] for column in case]
    return CaseRows(*kept)


def uncalibrated(us: Array) -> Array:
    """Microsiemens as a Grove board of 10 bits counts them, and as the edge reads its counts without a calibration.

    The board's formula is us = 100 * (k - counts) / (1024 + 2 * counts) with k = 512; the edge takes k = 1024.
    """
    counts = np.clip(np.round((51_200 - 1024 * us) / (100 + 2 * us)), 1, 511)
    relative: Array = 100 * (1024 - counts) / (1024 + 2 * counts)
    return relative


def read_stress(data: Path) -> StressRows:
    """Stress-Predict from the folder of recordings."""
    folder = data / "body" / "stress_predict"
    wrist, heart = _table(folder / "eda_temp_acc_4hz.parquet"), _table(folder / "hr_1hz.parquet")
    with (folder / "tasks.csv").open(newline="", encoding="utf-8") as file:
        tasks = [task for task in csv.DictReader(file) if task["stress"] == "1"]
    xs, people, times, labels = [], [], [], []
    for person in wrist.people:
        stream = stress_stream(wrist.of(person), heart.of(person))
        spans = [(float(t["start_s"]), float(t["end_s"])) for t in tasks if int(t["subject"]) == person]
        for number, x in enumerate(_features(stream, onsets={0})):
            middle = (number + 0.5) * SEGMENT_S
            xs.append(x)
            people.append(person)
            times.append(middle)
            labels.append(any(start <= middle < end for start, end in spans))
    return StressRows(np.array(xs), np.array(people), np.array(times), np.array(labels, np.int64))


def stress_stream(wrist: dict[str, Array], heart: dict[str, Array]) -> Array:
    """One person of Stress-Predict on the model's grid, `[cells, channels]`, NaN where there is nothing."""
    stream = np.full((len(wrist["i"]), len(CHANNELS)), np.nan)
    stream[:, 0], stream[:, 2] = wrist["eda_us"], wrist["temp_c"]
    cells = (heart["t_s"] * RATE_HZ).astype(int)
    held = cells < len(stream)
    stream[cells[held], 1] = heart["hr_bpm"][held]
    return stream


def windows(stream: Array) -> Iterator[tuple[Array, Array]]:
    """The model's window at the end of each whole segment: values and mask, the unseen past empty."""
    padded = np.vstack([np.full((CELLS, stream.shape[1]), np.nan), stream])
    for end in range(_SEGMENT_CELLS, len(stream) + 1, _SEGMENT_CELLS):
        cut = padded[end : end + CELLS]
        yield np.nan_to_num(cut), np.isfinite(cut).astype(float)


def _features(stream: Array, onsets: set[int]) -> Iterator[Array]:
    baseline = fresh_baseline()
    for number, (values, valid) in enumerate(windows(stream)):
        done = step(values, valid, number in onsets, baseline)
        baseline = done.baseline
        yield done.features.ravel()


def _case_person(person: int, physio: dict[str, Array], ratings: dict[str, Array]) -> Iterator[tuple[object, ...]]:
    """Features, person, video, index, session time, valence and arousal of each segment of a session of CASE.

    Videos last whole segments on the grid of the session, so that its segments are those from the first one that lies
    wholly inside.
    """
    stream = np.full((len(ratings["t_s"]), len(CHANNELS)), np.nan)
    cells = (physio["t_s"] * RATE_HZ).astype(int)
    held = cells < len(stream)
    stream[cells[held], 0], stream[cells[held], 2] = physio["gsr_us"][held], physio["skt_c"][held]
    count = len(stream) // _SEGMENT_CELLS
    whole = ratings["video"][: count * _SEGMENT_CELLS].reshape(count, _SEGMENT_CELLS)
    rated = np.stack([ratings[name][: count * _SEGMENT_CELLS] for name in ("valence", "arousal")], axis=1)
    means = rated.reshape(count, _SEGMENT_CELLS, 2).mean(1)
    first = {0} | {int(at) for at in np.nonzero(np.diff(whole[:, -1]))[0] + 1}
    index = 0
    for number, x in enumerate(_features(stream, first)):
        index = 0 if number in first else index + 1
        video = int(whole[number, 0]) if (whole[number] == whole[number, 0]).all() else 0
        yield x, person, video, index, (number + 0.5) * SEGMENT_S, means[number, 0], means[number, 1]


def _table(path: Path) -> _Table:
    table = pq.read_table(path)
    return _Table({name: table[name].to_numpy().astype(float) for name in table.column_names})
