"""The straight lower edge of a cloud of points: of all lines below the points, the one closest to them in sum."""

from collections.abc import Sequence
from dataclasses import dataclass

_Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """`slope * x + height`."""

    slope: float
    height: float

    def at(self, x: float) -> float:
        """Its value at `x`."""
        return self.slope * x + self.height

    def lowered_to(self, x: float, y: float) -> "Line":
        """The same slope, and no higher than the point."""
        below = self.at(x) - y
        return Line(self.slope, self.height - below) if below > 0 else self


def lower_edge(points: Sequence[_Point], steepest: float) -> Line:
    """The line below `points` (at least one, by rising x) that has the least sum of vertical distances to them.

    That is the edge of the lower convex hull over the mean of x. A slope beyond `steepest` is cut to it, and the line
    then lowered until it lies below all points.
    """
    hull = _lower_hull(points)
    middle = sum(x for x, _ in points) / len(points)
    at = next((index for index, (x, _) in enumerate(hull) if x > middle), len(hull) - 1)
    (x0, y0), (x1, y1) = hull[max(at - 1, 0)], hull[at]
    slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
    slope = min(max(slope, -steepest), steepest)
    return Line(slope, min(y - slope * x for x, y in points))


def _lower_hull(points: Sequence[_Point]) -> list[_Point]:
    """The corners of the lower convex hull, by x (Andrew's monotone chain, 1979)."""
    hull: list[_Point] = []
    for point in points:
        while len(hull) > 1 and not _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _turns_left(a: _Point, b: _Point, c: _Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])
