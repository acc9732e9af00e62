"""Who is whom among boxes: a crowd, compared in arrays, is paired just as a handful in plain numbers (issue 3.2)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.things import crowd, pairing
from edge.vision.things.pairing import FEW, Box, Reach, coverings, pairs

# Coarse places make boxes that are alike, that touch by their sides only, and that lie upon one another.
PLACE = st.one_of(st.floats(-0.2, 1.0), st.sampled_from([0.0, 0.1, 0.2, 0.3]))
SIDE = st.one_of(st.floats(0.001, 0.5), st.sampled_from([0.1, 0.2]))
BOXES = st.lists(st.tuples(PLACE, PLACE, SIDE, SIDE), max_size=12)


def _both(monkeypatch: pytest.MonkeyPatch, expected: list[Box], found: list[Box], reach: list[float]) -> list[object]:
    """What plain numbers and what arrays make of the same boxes."""
    made: list[object] = []
    for few in (10_000, -1):
        monkeypatch.setattr(pairing, "FEW", few)
        made.append((pairs(expected, found, reach.__getitem__), list(coverings(expected, found))))
    return made


@given(BOXES, BOXES, st.data())
def test_arrays_and_plain_numbers_pair_alike(expected: list[Box], found: list[Box], data: st.DataObject) -> None:
    reach = data.draw(st.lists(st.floats(0.06, 0.15), min_size=len(expected), max_size=len(expected)))
    with pytest.MonkeyPatch.context() as patched:
        plain, arrays = _both(patched, expected, found, reach)
    assert plain == arrays


@pytest.mark.parametrize("largest", [0.02, 0.06, 0.3])
def test_a_crowd_is_paired_as_a_handful_is(largest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)

    def boxes(count: int) -> list[Box]:
        places = ((chance.random(), chance.random()) for _ in range(count))
        return [(x, y, chance.uniform(0.005, largest), chance.uniform(0.005, largest)) for x, y in places]

    expected, found = boxes(300), boxes(280)
    found[:200] = [(x + chance.gauss(0, 0.01), y, w, h) for x, y, w, h in expected[:200]]
    plain, arrays = _both(monkeypatch, expected, found, [chance.uniform(0.06, 0.15) for _ in expected])
    assert plain == arrays


def test_hundreds_of_boxes_are_compared_in_arrays_and_a_handful_in_plain_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Arrays take ten times as long for a handful, plain numbers four times as long for 500."""
    compared: list[int] = []

    def noted(expected: list[Box], _found: list[Box], _reach: Reach) -> list[tuple[int, int]]:
        compared.append(len(expected))
        return []

    monkeypatch.setattr(crowd, "pairs", noted)
    for count in (0, 1, FEW // 2, FEW // 2 + 1, 512):
        boxes = [(at / 600, 0.5, 0.001, 0.1) for at in range(count)]
        made = pairs(boxes, boxes, lambda _: 0.06)
        assert sorted(made) == ([(at, at) for at in range(count)] if count <= FEW // 2 else [])
    assert compared == [FEW // 2 + 1, 512]
    assert pairs([], [(0.0, 0.0, 0.1, 0.1)] * 512, lambda _: 0.06) == []


def test_what_overlaps_most_comes_first_and_who_is_left_takes_the_nearest_of_like_size() -> None:
    expected = [(0.1, 0.1, 0.1, 0.1), (0.5, 0.5, 0.1, 0.1), (0.8, 0.8, 0.02, 0.02)]
    found = [(0.61, 0.5, 0.1, 0.1), (0.14, 0.1, 0.1, 0.1), (0.11, 0.1, 0.1, 0.1), (0.83, 0.8, 0.15, 0.15)]
    assert pairs(expected, found, lambda _: 0.15) == [(0, 2), (1, 0)]
    ((row, column, share),) = coverings(expected[:1], found)
    assert (row, column, round(share, 6)) == (0, 2, 0.9)
