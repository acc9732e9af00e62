"""What is read from one frame: how unusual it is, and where and why."""

from dataclasses import dataclass

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class Cell:
    """An unusual cell: its place in normalised picture coordinates, its features and their deviations in sigma.

    `change` is of brightness in a tenth of a second, `speed` in picture widths a second. Something moves there in the
    share `usual` of all time and `hour_share` of this hour's; `presence_sigma` says how rare that makes it.
    `day_sigma` is what change and speed together deviate from the whole day's normal.
    """

    x: float
    y: float
    w: float
    h: float
    change: float
    speed: float
    change_sigma: float
    speed_sigma: float
    presence_sigma: float = 0.0
    day_sigma: float = 0.0
    usual: float = 0.0
    hour_share: float = 0.0


class Reading(Struct, frozen=True):
    """How unusual one frame is. `cells` are the most unusual ones, empty unless `over`.

    `moving`: whether enough moves for any cell to be judged. `hour` is that of the day, None where it is not known.
    """

    score: float
    threshold: float
    over: bool
    complete: bool
    progress: float
    cells: tuple[Cell, ...] = ()
    moving: bool = False
    hour: int | None = None
