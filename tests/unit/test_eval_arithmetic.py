"""The evaluation's own arithmetic: what it calls an area, a rate, a fold and a verdict must be right before its figures
can be."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eval.figures import Figure, Table, figures_table
from tests.eval.scores import area_under_curve, folds, share
from tests.support.recorded_video import MOVING, SHADOW, STATIC, MaskScore


def test_the_area_of_perfect_reversed_and_blind_scores() -> None:
    truth = [False, False, True, True]
    assert area_under_curve([0, 1, 2, 3], truth) == 1.0
    assert area_under_curve([3, 2, 1, 0], truth) == 0.0
    assert area_under_curve([1, 1, 1, 1], truth) == 0.5
    assert area_under_curve([0, 2, 1, 3], truth) == 0.75


def test_there_is_no_area_without_both_kinds() -> None:
    assert math.isnan(area_under_curve([1, 2], [True, True]))
    assert math.isnan(area_under_curve([], []))


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_the_chance_that_an_abnormal_frame_scores_higher(rows: list[tuple[int, bool]]) -> None:
    hits = [score for score, there in rows if there]
    misses = [score for score, there in rows if not there]
    area = area_under_curve([float(score) for score, _ in rows], [there for _, there in rows])
    if not hits or not misses:
        assert math.isnan(area)
        return
    pairs = [(hit > miss) + 0.5 * (hit == miss) for hit in hits for miss in misses]
    assert area == pytest.approx(sum(pairs) / len(pairs))


@given(st.integers(1, 60), st.integers(1, 8))
def test_every_clip_is_left_out_exactly_once(count: int, most: int) -> None:
    dealt = folds(count, most)
    assert sorted(at for fold in dealt for at in fold) == list(range(count))
    assert len(dealt) == min(count, most)


def test_a_share_of_nothing_is_not_a_number() -> None:
    assert math.isnan(share([]))
    assert share([True, False, False, False]) == 0.25


def test_masks_are_counted_by_the_rules_of_cdnet() -> None:
    """Shadow is background; unknown (170) and what is outside (85, or not in the region) do not count."""
    truth = np.array([[MOVING, MOVING, STATIC, SHADOW, 170, 85, MOVING]], np.uint8)
    mask = np.array([[True, False, True, True, True, True, True]])
    region = np.array([[True, True, True, True, True, True, False]])
    score = MaskScore()
    score.add(mask, truth, region)
    assert (score.hits, score.false, score.missed) == (1, 2, 1)
    assert score.f_measure == pytest.approx(2 / (2 + 2 + 1))


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("f", 0.95, "F", at_least=0.95), True),
        (Figure("f", 0.9499, "F", at_least=0.95), False),
        (Figure("ms", 0.8, "ms", at_most=0.8), True),
        (Figure("ms", 0.81, "ms", at_most=0.8), False),
        (Figure("nothing", float("nan"), "F", at_least=0.0), False),
        (Figure("told", 3.0, "s"), None),
    ],
)
def test_a_figure_is_held_against_what_it_must_reach(figure: Figure, reached: bool | None) -> None:
    assert figure.reached is reached


def test_figures_are_plain_json_also_where_there_is_no_number() -> None:
    plain = json.loads(json.dumps(Figure("f", float("nan"), "F", at_least=0.5, baseline=0.25).plain()))
    assert plain["value"] is None
    assert plain["ratio"] is None
    assert plain["reached"] is False
    assert Figure("f", 0.5, "F", baseline=0.25).plain()["ratio"] == 2.0


def test_a_table_is_aligned_and_shows_what_is_no_number_as_a_dash() -> None:
    lines = Table("Title", ["name", "F"], [["a long name", 0.5], ["b", float("nan")]]).text().splitlines()
    assert lines == ["Title", "  name         F", "  a long name  0.5", "  b            -"]
    assert "NOT reached" in figures_table([Figure("f", 0.1, "F", at_least=0.5)]).text()
