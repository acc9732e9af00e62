"""Polygons and lines: every question has one answer, whichever way they were drawn and wherever they lie."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Box
from contract.plan import Plan, Zone, area
from edge.vision.places.geometry import (
    Place,
    Polygons,
    clip,
    crossing,
    distance,
    fill,
    foot_of,
    is_right,
    share_inside,
    within_picture,
)
from edge.vision.places.masking import counting_mask

GRID = 1024
DYADIC = st.integers(0, GRID).map(lambda number: number / GRID)
"""Numbers whose products are exact, so that what lies on an edge lies on it exactly."""
ANY = st.floats(allow_nan=False, allow_infinity=False, width=32, min_value=-1e6, max_value=1e6)
SHARE = st.floats(0, 1, width=32)
PLACES = st.tuples(DYADIC, DYADIC)
POLYGONS = st.lists(PLACES, min_size=3, max_size=12)
SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


def _inside(points: list[Place] | tuple[Place, ...], place: Place) -> bool:
    return Polygons([points]).holding(place) == 1


@pytest.mark.parametrize(
    ("place", "inside"),
    [((0.5, 0.5), True), ((0.1, 0.5), False), ((0.9, 0.5), False), ((0.5, 0.1), False), ((0.5, 0.9), False)],
)
def test_a_square_has_an_inside_and_an_outside(place: Place, inside: bool) -> None:
    assert _inside(SQUARE, place) is inside


def test_a_bay_is_outside_and_a_hole_is_a_hole() -> None:
    bay = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.2), (0.1, 0.9))
    assert _inside(bay, (0.2, 0.4))
    assert not _inside(bay, (0.5, 0.7))
    bow = ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9))
    assert _inside(bow, (0.2, 0.5))
    assert not _inside(bow, (0.5, 0.2))


@given(POLYGONS, PLACES)
def test_winding_and_the_first_point_do_not_matter(points: list[Place], place: Place) -> None:
    answers = {_inside(points, place), _inside(points[::-1], place), _inside([*points[1:], points[0]], place)}
    assert len(answers) == 1


@given(POLYGONS, PLACES, st.tuples(st.integers(-8, 8), st.integers(-8, 8)))
def test_a_polygon_and_a_place_moved_together_are_as_before(
    points: list[Place], place: Place, by: tuple[int, int]
) -> None:
    moved = [(x + by[0] / 8, y + by[1] / 8) for x, y in points]
    assert _inside(points, place) == _inside(moved, (place[0] + by[0] / 8, place[1] + by[1] / 8))


@given(st.lists(st.integers(1, 15), min_size=1, max_size=5, unique=True), PLACES)
def test_a_place_on_a_border_belongs_to_exactly_one_of_the_neighbours(cuts: list[int], place: Place) -> None:
    """The picture cut into columns, and each column in two by a slope: every place is in exactly one piece."""
    sides = [0.0, *(cut / 16 for cut in sorted(cuts)), 1.0]
    pieces = []
    for left, right in pairwise(sides):
        pieces.append([(left, 0.0), (right, 0.0), (right, 0.25), (left, 0.75)])
        pieces.append([(left, 0.75), (right, 0.25), (right, 1.0), (left, 1.0)])
    assert Polygons(pieces).holding(within_picture(*place)).bit_count() == 1


@given(st.lists(st.tuples(SHARE, SHARE), max_size=8), st.lists(st.tuples(ANY, ANY), max_size=8))
def test_degenerate_polygons_and_far_places_never_raise(points: list[Place], places: list[Place]) -> None:
    polygons = Polygons([points, [], [(0.5, 0.5)] * 4])
    assert {polygons.holding(place) for place in places} <= {0b000, 0b001}, "what encloses nothing holds nothing"
    assert fill(points, (16, 12)).shape == (12, 16)
    for place in places:
        assert math.isfinite(share_inside(Box(x=place[0], y=place[1], w=0.1, h=0.1), points))
        assert share_inside(Box(x=place[0], y=place[1], w=0, h=0.1), points) == 0.0
        if points:
            assert distance(points, place) >= 0


@given(POLYGONS)
def test_the_filled_pixels_are_those_whose_centres_are_inside(points: list[Place]) -> None:
    filled = fill(points, (32, 24))
    centres = [((x + 0.5) / 32, (y + 0.5) / 24) for y in range(24) for x in range(32)]
    assert filled.ravel().tolist() == [_inside(points, centre) for centre in centres]


@pytest.mark.parametrize(
    ("a", "b", "start", "end", "way"),
    [
        ((0.5, 0.9), (0.5, 0.1), (0.4, 0.5), (0.6, 0.5), 1),
        ((0.5, 0.9), (0.5, 0.1), (0.6, 0.5), (0.4, 0.5), -1),
        ((0.5, 0.1), (0.5, 0.9), (0.4, 0.5), (0.6, 0.5), -1),
        ((0.1, 0.5), (0.9, 0.5), (0.5, 0.4), (0.5, 0.6), 1),
        ((0.5, 0.9), (0.5, 0.1), (0.4, 0.05), (0.6, 0.05), 0),
        ((0.5, 0.9), (0.5, 0.1), (0.3, 0.5), (0.4, 0.5), 0),
        ((0.5, 0.5), (0.5, 0.5), (0.3, 0.5), (0.7, 0.5), 0),
        ((0.5, 0.9), (0.5, 0.1), (0.5, 0.5), (0.5, 0.5), 0),
    ],
)
def test_forward_is_to_the_right_hand_of_who_looks_from_a_to_b(
    a: Place, b: Place, start: Place, end: Place, way: int
) -> None:
    assert crossing(a, b, start, end) == way


@given(PLACES, PLACES, PLACES, PLACES)
def test_the_way_back_cancels_the_way_there(a: Place, b: Place, start: Place, end: Place) -> None:
    assert crossing(a, b, start, end) + crossing(a, b, end, start) == 0


@given(st.tuples(ANY, ANY), st.tuples(ANY, ANY), st.lists(st.tuples(st.floats(-1, 2), st.floats(-1, 2)), max_size=9))
def test_a_way_that_ends_where_it_began_crosses_an_endless_line_as_often_either_way(
    a: Place, b: Place, way: list[Place]
) -> None:
    closed = [*way, *way[:1]]
    sides = [is_right(a, b, place) for place in closed]
    assert sum(after - before for before, after in pairwise(sides)) == 0
    for start, end in pairwise(closed):
        assert crossing(a, b, start, end) in (0, is_right(a, b, end) - is_right(a, b, start))


@given(PLACES, PLACES, st.lists(PLACES, min_size=2, max_size=10), st.integers(-8, 8))
def test_a_line_and_a_way_moved_together_cross_as_before(a: Place, b: Place, way: list[Place], by: int) -> None:
    def moved(place: Place) -> Place:
        return place[0] + by / 8, place[1] - by / 4

    for start, end in pairwise(way):
        assert crossing(a, b, start, end) == crossing(moved(a), moved(b), moved(start), moved(end))


@given(DYADIC, st.sampled_from([0.25, 0.5, 0.75]), st.booleans())
def test_who_steps_on_a_line_and_off_again_crosses_once_or_not_at_all(x: float, on: float, forward: bool) -> None:
    """A line across the picture; somebody stops exactly on it."""
    line = ((0.0, on), (1.0, on)) if forward else ((1.0, on), (0.0, on))
    through = [(x, on - 0.1), (x, on), (x, on + 0.1)]
    back = [(x, on - 0.1), (x, on), (x, on - 0.1)]
    counted = [sum(crossing(*line, start, end) for start, end in pairwise(way)) for way in (through, back)]
    assert counted == [(1 if forward else -1) if 0 < x < 1 else counted[0], 0]
    assert abs(counted[0]) <= 1


def test_the_foot_is_the_middle_of_the_lower_side_and_in_the_picture() -> None:
    assert foot_of(Box(x=0.2, y=0.3, w=0.2, h=0.4)) == pytest.approx((0.3, 0.7))
    corner = ((0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0))
    assert _inside(corner, foot_of(Box(x=0.7, y=0.6, w=0.2, h=0.4))), "cut off by the lower side of the picture"
    assert _inside(corner, foot_of(Box(x=0.95, y=0.6, w=0.2, h=0.6)))


@given(POLYGONS, st.tuples(DYADIC, DYADIC), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_what_is_clipped_lies_in_the_box_and_a_share_is_a_share(
    points: list[Place], corner: Place, w: float, h: float
) -> None:
    box = Box(x=corner[0], y=corner[1], w=w, h=h)
    for x, y in clip(points, box):
        assert box.x - 1e-9 <= x <= box.x + box.w + 1e-9
        assert box.y - 1e-9 <= y <= box.y + box.h + 1e-9
    assert 0 <= share_inside(box, points) <= 1


@given(st.floats(0, 0.8), st.floats(0, 0.8), st.floats(0.05, 0.2), st.floats(0.05, 0.2))
def test_the_share_of_a_box_in_a_square_is_that_of_two_boxes(x: float, y: float, w: float, h: float) -> None:
    across = max(min(x + w, 0.75) - max(x, 0.25), 0)
    down = max(min(y + h, 0.75) - max(y, 0.25), 0)
    box = Box(x=x, y=y, w=w, h=h)
    assert share_inside(box, SQUARE) == pytest.approx(across * down / (w * h), abs=1e-9)
    assert share_inside(box, SQUARE[::-1]) == pytest.approx(share_inside(box, SQUARE))
    assert area(clip(SQUARE, box)) <= area(SQUARE) + 1e-9 if clip(SQUARE, box) else True


def test_the_distance_from_an_outline() -> None:
    assert distance(SQUARE, (0.5, 0.5)) == pytest.approx(0.25)
    assert distance(SQUARE, (0.5, 0.8)) == pytest.approx(0.05)
    assert distance(SQUARE, (0.0, 0.0)) == pytest.approx(math.dist((0, 0), (0.25, 0.25)))
    assert distance([(0.5, 0.5)] * 3, (0.5, 0.7)) == pytest.approx(0.2)


def _zone(kind: str, x: float, *, name: str = "") -> Zone:
    points = ((x, 0.0), (x + 0.25, 0.0), (x + 0.25, 1.0), (x, 1.0))
    return Zone(id=name or f"{kind}-{x}", kind=kind, points=points)  # type: ignore[arg-type]


def test_motion_counts_in_what_is_included_but_not_in_what_is_excluded_or_private() -> None:
    assert counting_mask(Plan(zones=(_zone("watch", 0.0),)), (160, 120)) is None
    both = counting_mask(Plan(zones=(_zone("include", 0.0), _zone("include", 0.5))), (160, 120))
    assert both is not None
    assert both.dtype == np.uint8
    assert [int(both[60, x]) for x in (0, 39, 40, 79, 80, 119, 120, 159)] == [255, 255, 0, 0, 255, 255, 0, 0]
    without = counting_mask(Plan(zones=(_zone("exclude", 0.25), _zone("privacy", 0.75))), (16, 9))
    assert without is not None
    assert (without[0] > 0).tolist() == [True] * 4 + [False] * 4 + [True] * 4 + [False] * 4
    hole = counting_mask(Plan(zones=(_zone("include", 0.0), _zone("exclude", 0.0, name="hole"))), (16, 9))
    assert hole is not None
    assert not hole.any()
