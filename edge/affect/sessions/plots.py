"""Small plots of a session over its time, as SVG that stands in a page: no script, no font, no picture of its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 960
_LEFT, _RIGHT = 56, 12
_INNER: Final = WIDTH - _LEFT - _RIGHT
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)
_MOST_TICKS: Final = 10

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; its points are `(ms, value)`. A gap is another run."""

    name: str
    css: str
    runs: Sequence[Sequence[Point]]


@dataclass(frozen=True, slots=True)
class Block:
    """A coloured stretch of time."""

    start_ms: int
    end_ms: int
    fill: str
    title: str
    partial: bool = False


class Axis:
    """The time of a session, from left to right; all its plots share it."""

    def __init__(self, start_ms: int, end_ms: int) -> None:
        self.start_ms = start_ms
        self.end_ms = max(end_ms, start_ms + 1000)

    def x(self, at_ms: float) -> float:
        """Where a moment lies; one outside of the session, at its edge."""
        share = (at_ms - self.start_ms) / (self.end_ms - self.start_ms)
        return _LEFT + min(1.0, max(0.0, share)) * _INNER

    def ticks(self, height: float) -> str:
        """Vertical lines with minutes and seconds below them."""
        length_s = (self.end_ms - self.start_ms) / 1000
        step = next((step for step in _STEPS_S if length_s / step <= _MOST_TICKS), _STEPS_S[-1])
        found = []
        for second in range(0, int(length_s) + 1, step):
            x = self.x(self.start_ms + second * 1000)
            found.append(
                f'<line class="grid" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height:.0f}"/>'
                f'<text x="{x:.1f}" y="{height + 14:.0f}" text-anchor="middle">{second // 60}:{second % 60:02d}</text>'
            )
        return "".join(found)


def timeline(axis: Axis, blocks: Iterable[Block], marks: Iterable[tuple[int, str]], *, label: str) -> str:
    """Blocks by time, with a hatched ground that shows through where there is none, and markers above."""
    height = 46
    drawn = [
        f'<rect class="{"partial" if one.partial else "whole"}" x="{axis.x(one.start_ms):.2f}" y="14"'
        f' width="{max(0.6, axis.x(one.end_ms) - axis.x(one.start_ms) - 0.4):.2f}" height="30"'
        f' fill="{escape(one.fill)}"><title>{escape(one.title)}</title></rect>'
        for one in blocks
    ]
    flags = [
        f'<path class="flag" d="M{axis.x(at):.1f} 44V3l7 4-7 4"><title>{escape(name)}</title></path>'
        for at, name in marks
    ]
    ground = f'<rect class="gap" x="{_LEFT}" y="14" width="{_INNER}" height="30"/>'
    return _svg(height + 18, label, ground + axis.ticks(height) + "".join(drawn) + "".join(flags))


def curves(
    axis: Axis,
    lines: Sequence[Line],
    *,
    bounds: tuple[float, float] | None = None,
    dots: Sequence[tuple[float, float, str]] = (),
    height: int = 120,
) -> str:
    """Curves over time between `bounds`, or what they span; `dots` are `(ms, value, words)`. Empty with no points."""
    values = [value for line in lines for run in line.runs for _, value in run] + [value for _, value, _ in dots]
    if not values:
        return ""
    low, high = bounds or _spanned(values)

    def y(value: float) -> float:
        return height - (min(high, max(low, value)) - low) / (high - low) * (height - 8) - 4

    drawn = [_path(axis, line, run, y) for line in lines for run in line.runs]
    spots = [
        f'<circle class="dot" cx="{axis.x(at):.1f}" cy="{y(value):.1f}" r="3.5"><title>{escape(words)}</title></circle>'
        for at, value, words in dots
    ]
    scale = "".join(
        f'<line class="grid" x1="{_LEFT}" y1="{y(value):.1f}" x2="{WIDTH - _RIGHT}" y2="{y(value):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{_number(value)}</text>'
        for value in (low, (low + high) / 2, high)
    )
    return _svg(height + 18, lines[0].name, axis.ticks(height) + scale + "".join(drawn) + "".join(spots))


def runs_of(points: Iterable[tuple[int, int, float | None]]) -> list[list[Point]]:
    """`(start_ms, end_ms, value)` as runs of points amid each; a missing value or a hole in time ends one."""
    runs: list[list[Point]] = [[]]
    last_end: int | None = None
    for start_ms, end_ms, value in points:
        if runs[-1] and (value is None or (last_end is not None and start_ms > last_end)):
            runs.append([])
        if value is not None:
            runs[-1].append(((start_ms + end_ms) / 2, value))
        last_end = end_ms
    return [run for run in runs if run]


def _path(axis: Axis, line: Line, run: Sequence[Point], y: Callable[[float], float]) -> str:
    points = [f"{axis.x(at):.1f} {y(value):.1f}" for at, value in run]
    if len(points) == 1:
        points.append(points[0])
    return f'<path class="line {line.css}" d="M{"L".join(points)}"/>'


def _spanned(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or max(abs(high) * 0.05, 0.5)
    return low - margin, high + margin


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004


def _svg(height: int, label: str, content: str) -> str:
    return f'<svg viewBox="0 -8 {WIDTH} {height + 8}" role="img" aria-label="{escape(label)}">{content}</svg>'
