"""What a page shows of the learned normal: a heat map, the progress of learning, the scores of the last hour."""

from typing import Any

import msgspec
from msgspec import Struct


class LearningView(Struct, frozen=True, kw_only=True):
    """How far learning is, 0 to 1: of the whole day's normal and of each hour's own."""

    complete: bool = False
    progress: float = 0.0
    hours: tuple[float, ...] = (0.0,) * 24


class AnomalyView(Struct, frozen=True, kw_only=True):
    """One camera's learned normal at one moment; cells row by row from the upper left.

    `heat` is in sigma, the worst of the last second; `usual` the share of time in which something moves in a cell.
    `scores` are [t_ms, sustained] of the last hour's seconds with movement, oldest first: at sensitivity s an alarm
    would have gone on in those with sustained > `threshold_raw` / s.
    """

    rows: int
    columns: int
    heat: tuple[float, ...]
    usual: tuple[float, ...]
    learning: LearningView = LearningView()
    threshold: float = 0.0
    threshold_raw: float = 0.0
    sensitivity: float = 1.0
    scores: tuple[tuple[int, float], ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """As JSON-ready data."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
