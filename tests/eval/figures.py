"""What is measured, in the shape that is printed and written as JSON."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A number with its name and what it is to reach; `baseline` is what the best of the others reached."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    baseline: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether it is good enough; None where nothing was asked for."""
        if self.at_least is None and self.at_most is None:
            return None
        enough = self.at_least is None or self.value >= self.at_least
        return not math.isnan(self.value) and enough and (self.at_most is None or self.value <= self.at_most)

    def plain(self) -> dict[str, Any]:
        """For JSON, in the shape of the benches."""
        ratio = self.value / self.baseline if self.baseline else None
        found = {"value": self.value, "unit": self.unit, "baseline": self.baseline, "ratio": ratio}
        found |= {"at_least": self.at_least, "at_most": self.at_most, "reached": self.reached}
        return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in found.items()}


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns and the rows; numbers are printed short."""

    title: str
    columns: list[str]
    rows: list[list[Any]]

    def text(self) -> str:
        """As lines of aligned columns."""
        cells = [self.columns, *([_shown(value) for value in row] for row in self.rows)]
        widths = [max(len(row[at]) for row in cells) for at in range(len(self.columns))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self.title, *(f"  {line.rstrip()}" for line in lines)])


def figures_table(figures: list[Figure]) -> Table:
    """Every figure beside what it is to reach."""
    rows = [[one.name, one.value, one.unit, _wanted(one), _verdict(one.reached)] for one in figures]
    return Table("Figures", ["name", "value", "unit", "to reach", ""], rows)


def _wanted(figure: Figure) -> str:
    if figure.at_least is not None:
        return f"{_shown(figure.at_least)} or more"
    return "" if figure.at_most is None else f"{_shown(figure.at_most)} or less"


def _verdict(reached: bool | None) -> str:
    return {None: "", True: "reached", False: "NOT reached"}[reached]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4f}".rstrip("0").rstrip(".") if value else "0"
    return str(value)
