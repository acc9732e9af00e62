"""The recordings that the emotion model learns from, cut into segments of 5 s and seen through its features.

CASE (Sharma et al., Sci Data 2019, 6:196): 20 people, eight videos, ratings by joystick. Stress-Predict (Iqbal et al.,
Sensors 2022, 22(21):8135): 25 people, three stressors. Nothing else may teach a model that is shipped. Any number of
other people in the same layout is read as well: nothing depends on who they are.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud.training.emotion_features import (
    CELLS,
    CHANNELS,
    RATE_HZ,
    SEGMENT_S,
    Array,
    Look,
    Step,
    advance,
    fresh_memory,
    look,
)

NO_VIDEO: Final = (0, 10, 11, 12)
"""Two videos in one segment; CASE's beginning, its pauses and its end. Any other number is a stimulus."""
RATING_CENTRE: Final = 5.0
RATING_MARGIN: Final = 0.1
"""A joystick nearer to its centre has not been moved: that segment has no label."""
_SEGMENT_CELLS: Final = int(SEGMENT_S * RATE_HZ)


class NoRecordingsError(Exception):
    """A table of recordings is missing or is not what it should be; the message says which and why."""


class CaseRows(NamedTuple):
    """Labelled segments of CASE, one row each; `x` is `[rows, features]`."""

    x: Array
    person: NDArray[Any]
    video: NDArray[Any]
    place: NDArray[Any]
    """Place of the segment within its video."""
    session_s: Array
    rating: Array
    """`[rows, 2]`: mean valence and arousal of the segment, 0.5 to 9.5."""
    course: Array
    """Segments since the onset of the stimulus that the body was seen in, as the model counts them."""
    change: Array
    """The change score, in thresholds."""

    def at(self, rows: NDArray[np.int64]) -> "CaseRows":
        """Some of the rows."""
        kept: list[NDArray[Any]] = [column[rows] for column in self]
        return CaseRows(*kept)

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

    def at(self, rows: NDArray[np.int64]) -> "StressRows":
        """Some of the rows."""
        kept: list[NDArray[Any]] = [column[rows] for column in self]
        return StressRows(*kept)


Rows = TypeVar("Rows", CaseRows, StressRows)


class _Table(NamedTuple):
    columns: dict[str, Array]

    def of(self, person: int) -> dict[str, Array]:
        mine = self.columns["subject"] == person
        return {name: column[mine] for name, column in self.columns.items()}

    @property
    def people(self) -> list[int]:
        return [int(person) for person in np.unique(self.columns["subject"])]


def read_case(
    data: Path, seen_as: Callable[[Array], Array] = lambda us: us, *, margin: float = RATING_MARGIN
) -> CaseRows:
    """CASE from the folder of recordings; `seen_as` is what another sensor would make of its microsiemens.

    Raises `NoRecordingsError`.
    """
    physio = _table(data / "body" / "case", "sparse_physio*.parquet", ("t_s", "gsr_us", "skt_c"))
    ratings = _table(data / "body" / "case", "annotations_4hz.parquet", ("t_s", "valence", "arousal", "video"))
    physio.columns["gsr_us"] = seen_as(physio.columns["gsr_us"])
    both = sorted(set(physio.people) & set(ratings.people))
    rows = [row for person in both for row in _case_person(person, physio.of(person), ratings.of(person))]
    if not rows:
        raise NoRecordingsError(f"{data / 'body' / 'case'}: nobody has both signals and ratings")
    numbers = np.array([row[1:] for row in rows], float)
    person, video, place = numbers[:, :3].astype(np.int64).T
    case = CaseRows(
        np.array([row[0] for row in rows]), person, video, place, numbers[:, 3], numbers[:, 4:6], *numbers[:, 6:8].T
    )
    labelled = (np.abs(case.rating - RATING_CENTRE) > margin).all(1) & ~np.isin(case.video, NO_VIDEO)
    kept: list[NDArray[Any]] = [column[labelled] for column in case]
    return CaseRows(*kept)


def strangers(taught: Rows, judged: Rows) -> Rows:
    """The people of `taught` who are not in `judged` as well, whatever their numbers: nobody teaches about themselves.

    Raises `NoRecordingsError` if nobody is left.
    """
    known = {judged.x[judged.person == one].tobytes() for one in np.unique(judged.person)}
    others = [one for one in np.unique(taught.person) if taught.x[taught.person == one].tobytes() not in known]
    if not others:
        raise NoRecordingsError("everybody in the recordings to learn from is also in those to judge")
    return taught.at(np.nonzero(np.isin(taught.person, others))[0])


def enough(rows: CaseRows | StressRows, least: int = 3) -> None:
    """Raise `NoRecordingsError` if there are too few people to learn from some and judge another."""
    found = len(np.unique(rows.person))
    if found < least:
        raise NoRecordingsError(
            f"too few people to leave one out and learn from the others: {found}, where {least} or more are needed"
        )


def clearly_rated(case: CaseRows) -> NDArray[np.int64]:
    """The rows in which the joystick was moved from its centre on both axes."""
    return np.nonzero((np.abs(case.rating - RATING_CENTRE) > RATING_MARGIN).all(1))[0]


def uncalibrated(us: Array) -> Array:
    """Microsiemens as a Grove board of 10 bits counts them, and as the edge reads its counts without a calibration.

    The board's formula is us = 100 * (k - counts) / (1024 + 2 * counts) with k = 512; the edge takes k = 1024.
    """
    counts = np.clip(np.round((51_200 - 1024 * us) / (100 + 2 * us)), 1, 511)
    relative: Array = 100 * (1024 - counts) / (1024 + 2 * counts)
    return relative


def read_stress(data: Path) -> StressRows:
    """Stress-Predict from the folder of recordings; raises `NoRecordingsError`."""
    folder = data / "body" / "stress_predict"
    wrist = _table(folder, "eda_temp_acc_4hz.parquet", ("i", "eda_us", "temp_c"))
    heart, beats = _table(folder, "hr_1hz.parquet", ("t_s", "hr_bpm")), _table(folder, "ibi.parquet", ("t_s", "ibi_s"))
    spans = _stressors(folder / "tasks.csv")
    xs, people, times, labels = [], [], [], []
    for person in wrist.people:
        stream = stress_stream(wrist.of(person), heart.of(person), beats.of(person))
        for number, done in enumerate(_steps(stream, onsets={0})):
            middle = (number + 0.5) * SEGMENT_S
            xs.append(done.features.ravel())
            people.append(person)
            times.append(middle)
            labels.append(any(start <= middle < end for start, end in spans.get(person, ())))
    return StressRows(np.array(xs), np.array(people), np.array(times), np.array(labels, np.int64))


def stress_stream(wrist: dict[str, Array], heart: dict[str, Array], beats: dict[str, Array]) -> Array:
    """One person of Stress-Predict on the model's grid, `[cells, channels]`, NaN where there is nothing."""
    stream = np.full((len(wrist["i"]), len(CHANNELS)), np.nan)
    stream[:, 0], stream[:, 2] = wrist["eda_us"], wrist["temp_c"]
    _laid(stream[:, 1], heart["t_s"], heart["hr_bpm"])
    _laid(stream[:, 3], beats["t_s"], beats["ibi_s"] * 1000)
    return stream


def windows(stream: Array) -> tuple[Array, Array]:
    """The model's window at the end of each whole segment: values and mask `[segments, cells, channels]`.

    The unseen past is empty.
    """
    padded = np.vstack([np.full((CELLS, stream.shape[1]), np.nan), stream])
    cut = np.lib.stride_tricks.sliding_window_view(padded, CELLS, axis=0)[_SEGMENT_CELLS::_SEGMENT_CELLS]
    lying = cut.transpose(0, 2, 1)
    return np.nan_to_num(lying), np.isfinite(lying).astype(float)


def _steps(stream: Array, onsets: set[int]) -> Iterator[Step]:
    memory = fresh_memory()
    for number, seen in enumerate(zip(*look(*windows(stream)), strict=True)):
        done = advance(Look(*seen), memory, onset=number in onsets)
        memory = done.memory
        yield done


def _case_person(person: int, physio: dict[str, Array], ratings: dict[str, Array]) -> Iterator[tuple[object, ...]]:
    """Features, person, video, index, session time, valence, arousal, course and change of each segment of a session.

    Videos last whole segments on the grid of the session, so that its segments are those from the first one that lies
    wholly inside.
    """
    stream = np.full((len(ratings["t_s"]), len(CHANNELS)), np.nan)
    _laid(stream[:, 0], physio["t_s"], physio["gsr_us"])
    _laid(stream[:, 2], physio["t_s"], physio["skt_c"])
    count = len(stream) // _SEGMENT_CELLS
    whole = ratings["video"][: count * _SEGMENT_CELLS].reshape(count, _SEGMENT_CELLS)
    rated = np.stack([ratings[name][: count * _SEGMENT_CELLS] for name in ("valence", "arousal")], axis=1)
    means = rated.reshape(count, _SEGMENT_CELLS, 2).mean(1)
    first = {0} | {int(at) for at in np.nonzero(np.diff(whole[:, -1]))[0] + 1}
    index = 0
    for number, done in enumerate(_steps(stream, first)):
        index = 0 if number in first else index + 1
        video = int(whole[number, 0]) if (whole[number] == whole[number, 0]).all() else 0
        course = float(done.memory.course[:, 0].max())
        truth = means[number, 0], means[number, 1]
        yield done.features.ravel(), person, video, index, (number + 0.5) * SEGMENT_S, *truth, course, done.change


def _laid(column: Array, seconds: Array, values: Array) -> None:
    """Put values into the cells of their times; of two in a cell the later one counts."""
    cells = (seconds * RATE_HZ).astype(int)
    held = (cells >= 0) & (cells < len(column))
    column[cells[held]] = values[held]


def _stressors(path: Path) -> dict[int, list[tuple[float, float]]]:
    """Begin and end of each stressor, by person."""
    spans: dict[int, list[tuple[float, float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for task in csv.DictReader(file):
                if task["stress"] == "1":
                    spans.setdefault(int(task["subject"]), []).append((float(task["start_s"]), float(task["end_s"])))
    except (OSError, KeyError, ValueError) as error:
        raise NoRecordingsError(f"{path}: not the table of tasks that is wanted here: {error!r}") from error
    return spans


def _table(folder: Path, pattern: str, columns: tuple[str, ...]) -> _Table:
    path = next(iter(sorted(folder.glob(pattern))), None)
    if path is None:
        raise NoRecordingsError(f"{folder}: there is no {pattern}")
    wanted = ("subject", *columns)
    try:
        missing = set(wanted) - set(pq.read_schema(path).names)
        if missing:
            raise NoRecordingsError(f"{path}: without {', '.join(sorted(missing))}")
        table = pq.read_table(path, columns=list(wanted))
        return _Table({name: table[name].to_numpy().astype(float) for name in wanted})
    except (OSError, ValueError, TypeError) as error:
        raise NoRecordingsError(f"{path}: {error}") from error
