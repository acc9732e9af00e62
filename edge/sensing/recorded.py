"""Reads recorded body signals, CSV or Parquet, and merges them by time. Nothing is filled in where nothing was."""

import csv
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edge.core.errors import SourceUnavailableError
from edge.core.sample import Channel
from edge.sensing.units import plausible

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS: Final = {
    "gsr_us": Channel.GSR_US,
    "eda_us": Channel.GSR_US,
    "gsr_raw": Channel.GSR_RAW,
    "hr_bpm": Channel.HR_BPM,
    "pulse_raw": Channel.PULSE_RAW,
    "skin_c": Channel.SKIN_C,
    "temp_c": Channel.SKIN_C,
    "skt_c": Channel.SKIN_C,
}
"""What a column of a recording holds; other columns are not read."""
_MISSING_FROM: Final = 1.75
_LATEST_S: Final = 1e12
"""Beyond it nobody's clock goes, and nanoseconds have no number."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a recording says of one moment, in seconds since its start. `implausible` counts values left out."""

    t_s: float
    values: dict[Channel, float]
    gap_before: bool
    implausible: int


@dataclass(frozen=True, slots=True)
class Track:
    """One file: float64 arrays of one length, times in seconds and strictly rising, NaN where a value is absent."""

    times_s: "NDArray[np.float64]"
    columns: "dict[Channel, NDArray[np.float64]]"

    @property
    def period_s(self) -> float:
        """The usual time from one row to the next."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 1.0


def load(path: Path, *, rate_hz: float, where: dict[str, int]) -> Track:
    """Read one file; raise `SourceUnavailableError` with the remedy if it cannot be played."""
    try:
        table = _parquet(path, where) if path.suffix == ".parquet" else _csv(path, where)
    except (OSError, ValueError, TypeError, LookupError, NotImplementedError, csv.Error) as error:
        raise SourceUnavailableError(f"{path}: {error}") from error
    times = table["t_s"] if "t_s" in table else table["i"] / rate_hz
    if not len(times):
        raise SourceUnavailableError(f"{path}: no row fits where = {where}")
    timeless = np.flatnonzero(~(np.abs(times) <= _LATEST_S))
    if len(timeless):
        raise SourceUnavailableError(f"{path}: row {int(timeless[0]) + 1} has no time")
    backwards = np.flatnonzero(~(np.diff(times) > 0))
    if len(backwards):
        raise SourceUnavailableError(
            f"{path}: time goes back after row {int(backwards[0]) + 1}: choose one recording of the file with `where`"
        )
    return Track(times, {COLUMNS[name]: values for name, values in table.items() if name in COLUMNS})


def merged(tracks: Sequence[Track]) -> Iterator[Reading]:
    """The rows of all tracks by time, as one; rows without any value are left out and leave a gap."""
    rows = heapq.merge(*(_rows(track) for track in tracks), key=itemgetter(0))
    for t_s, group in groupby(rows, key=itemgetter(0)):
        values: dict[Channel, float] = {}
        gap, implausible = False, 0
        for _, found, gap_before, left_out in group:
            values |= found
            gap, implausible = gap or gap_before, implausible + left_out
        if values or implausible:
            yield Reading(t_s, values, gap, implausible)


def _rows(track: Track) -> Iterator[tuple[float, dict[Channel, float], bool, int]]:
    longest = track.period_s * _MISSING_FROM
    before: float | None = None
    for index, t_s in enumerate(track.times_s.tolist()):
        present = {ch: float(column[index]) for ch, column in track.columns.items() if not np.isnan(column[index])}
        values = plausible(present)
        yield t_s, values, bool(values) and before is not None and t_s - before > longest, len(present) - len(values)
        if values:
            before = t_s


def _csv(path: Path, where: dict[str, int]) -> "dict[str, NDArray[np.float64]]":
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        names = _wanted(reader.fieldnames or [], where)
        rows = [
            [_number(row[name]) for name in names]
            for row in reader
            if all(_number(row[name]) == value for name, value in where.items())
        ]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return {name: table[:, index] for index, name in enumerate(names)}


def _number(text: str | None) -> float:
    return float(text) if text and text.strip() else float("nan")


def _parquet(path: Path, where: dict[str, int]) -> "dict[str, NDArray[np.float64]]":
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ValueError("Parquet needs pyarrow, which is not installed: install it, or convert to CSV") from error
    names = _wanted(parquet.read_schema(path).names, where)
    filters: Any = [(name, "=", value) for name, value in where.items()] or None
    table = parquet.read_table(path, columns=names, filters=filters)
    return {name: table[name].to_numpy().astype(np.float64) for name in names}


def _wanted(names: Sequence[str], where: dict[str, int]) -> list[str]:
    """The columns to read; raise `ValueError` that names what is missing."""
    lacking = [name for name in where if name not in names]
    time = [name for name in ("t_s", "i") if name in names][:1]
    found = [name for name in names if name in COLUMNS]
    if lacking:
        raise ValueError(f"there is no column {lacking[0]!r} to choose rows by")
    if not time or not found:
        raise ValueError(f"needs a column t_s or i, and one of {', '.join(COLUMNS)}; it has {', '.join(names)}")
    return time + found
