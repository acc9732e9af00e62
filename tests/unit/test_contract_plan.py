"""A camera's plan: what is allowed, what is refused, and in which words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InvalidPlanError
from contract.plan import (
    MOST_BYTES,
    AfterHours,
    Hours,
    Line,
    Plan,
    Point,
    RestrictedRule,
    SpeedRule,
    WrongWayRule,
    Zone,
    area,
    decode_plan,
    encode_plan,
)

TRIANGLE: tuple[Point, ...] = ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))
FULL = Plan(
    version=7,
    zones=(
        Zone(id="gate", name="Gate", points=TRIANGLE, rules=(RestrictedRule(), SpeedRule(limit=0.5, severity="HIGH"))),
        Zone(id="street", kind="exclude", points=TRIANGLE),
        Zone(id="neighbour", kind="privacy", points=TRIANGLE),
    ),
    lines=(Line(id="door", a=(0.2, 0.5), b=(0.8, 0.5), alarm="forward", hours=Hours(start="22:00", end="06:00")),),
    sensitivity=1.5,
    after_hours=AfterHours(),
    timezone="Europe/Berlin",
)


def _refused(**changes: Any) -> str:
    with pytest.raises(InvalidPlanError) as refused:
        decode_plan(json.dumps(changes).encode())
    return str(refused.value)


def test_a_plan_comes_back_as_it_went() -> None:
    assert decode_plan(encode_plan(FULL)) == FULL
    assert decode_plan(b"{}") == Plan()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zones": [{"id": "a", "points": [[0, 0], [1, 0], [2, 0]]}]}, r"$.zones[0].points[2][0]"),
        ({"zones": [{"id": "a", "points": [[0, 0], [1, 0]]}]}, r"$.zones[0].points"),
        ({"zones": [{"id": "a", "points": [[0, 0], [1, 0], [0.5, 0]]}]}, "'a' encloses nothing"),
        ({"zones": [{"id": "../a", "points": TRIANGLE}]}, r"$.zones[0].id"),
        ({"zones": [{"id": "a", "points": TRIANGLE}] * 2}, "two zones or lines have the id 'a'"),
        (
            {"zones": [{"id": "a", "kind": "privacy", "points": TRIANGLE, "rules": [{"type": "entry"}]}]},
            "only a `watch`",
        ),
        ({"zones": [{"id": "a", "points": TRIANGLE, "rules": [{"type": "teleport"}]}]}, r"$.zones[0].rules[0].type"),
        ({"zones": [{"id": "a", "points": TRIANGLE, "rules": [{"type": "speed"}]}]}, "limit"),
        ({"lines": [{"id": "l", "a": [0.5, 0.5], "b": [0.5, 0.5]}]}, "'l' begins where it ends"),
        ({"after_hours": {"hours": {"start": "24:00", "end": "06:00"}}}, r"$.after_hours.hours.start"),
        ({"sensitivity": 9}, r"$.sensitivity"),
        ({"timezone": "../../etc/passwd"}, "Europe/Berlin"),
        ({"zonez": []}, "zonez"),
        ({"v": 2}, r"$.v"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    assert words in _refused(**changes)


def test_too_large_a_document_is_not_even_read() -> None:
    with pytest.raises(InvalidPlanError, match="too many"):
        decode_plan(b" " * (MOST_BYTES + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_plan_or_refused(raw: bytes) -> None:
    try:
        decode_plan(raw)
    except InvalidPlanError:
        return


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "points", "type", "a"]), inner),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["v", "version", "zones", "lines", "after_hours", "timezone", "sensitivity"]), _json
    )
)
def test_any_json_is_a_plan_or_refused(raw: dict[str, Any]) -> None:
    try:
        decode_plan(json.dumps(raw).encode())
    except InvalidPlanError:
        return


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=9), st.integers(0, 8))
def test_area_knows_neither_where_it_begins_nor_which_way_round(points: list[Point], turn: int) -> None:
    turned = points[turn % len(points) :] + points[: turn % len(points)]
    assert area(tuple(turned)) == pytest.approx(area(tuple(points)), abs=1e-9)
    assert area(tuple(reversed(points))) == pytest.approx(area(tuple(points)), abs=1e-9)


def test_area_of_the_whole_picture_is_one() -> None:
    assert area(((0, 0), (1, 0), (1, 1), (0, 1))) == 1


def test_a_way_is_an_angle() -> None:
    assert WrongWayRule(allowed=0).tolerance_deg == 90
    assert "allowed" in _refused(
        zones=[{"id": "a", "points": TRIANGLE, "rules": [{"type": "wrong_way", "allowed": 360}]}]
    )
