"""Why a frame is unusual, in words that a person can check against the picture (S1.7)."""

from typing import Final

from edge.vision.findings import place_of
from edge.vision.unusual.reading import Cell, Reading

_TELLING: Final = 1.0
"""Sigma: the hour is named where it makes this much of a difference."""


def reasons(reading: Reading, score_bonus: float = 0.0) -> tuple[str, ...]:
    """One sentence about the frame, one about the hour if it matters, and one about each unusual cell."""
    summary = f"{reading.score:.1f} sigma from what was learned here; the alarm begins at {reading.threshold:.1f}"
    graver = (f"graver by {score_bonus:g} sigma: nobody is expected now",) if score_bonus else ()
    return (summary, *_hour(reading), *graver, *(_explain(cell) for cell in reading.cells))


def _hour(reading: Reading) -> tuple[str, ...]:
    if reading.hour is None or not reading.cells:
        return ()
    rare = max(reading.cells, key=lambda cell: cell.presence_sigma)
    if rare.presence_sigma >= _TELLING:
        seldom = f"something moves there in {rare.hour_share:.1%} of the time, over the day in {rare.usual:.1%}"
        return (f"unusual for {reading.hour:02d}:00: at this hour little moves here; {seldom}",)
    by_hour = sum(cell.change_sigma + cell.speed_sigma for cell in reading.cells) / len(reading.cells)
    by_day = sum(cell.day_sigma for cell in reading.cells) / len(reading.cells)
    if by_hour - by_day >= _TELLING and by_day < reading.threshold:
        return (f"unusual for {reading.hour:02d}:00: by the whole day's normal it is {by_day:.1f} sigma, no alarm",)
    return ()


def _explain(cell: Cell) -> str:
    place = f"{place_of(cell.x + cell.w / 2, cell.y + cell.h / 2)}, cell {_at(cell.x, cell.w)}/{_at(cell.y, cell.h)}"
    return f"{place}: {_feature(cell)} above its normal{_presence(cell)}"


def _feature(cell: Cell) -> str:
    if cell.speed_sigma >= cell.change_sigma:
        return f"speed {cell.speed:.2f} picture widths a second is {cell.speed_sigma:.1f} sigma"
    return f"change of brightness {cell.change:.0f} is {cell.change_sigma:.1f} sigma"


def _presence(cell: Cell) -> str:
    return (
        f", and that anything moves at this hour {cell.presence_sigma:.1f}" if cell.presence_sigma >= _TELLING else ""
    )


def _at(start: float, size: float) -> int:
    return round(start / size) + 1
