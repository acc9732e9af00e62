"""A class that was detected sticks to the track it belongs to, fades, and gives way to a better word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Box
from edge.vision.detect.detections import Detection
from edge.vision.detect.matching import LabelBook, match
from tests.support.detectors import thing

_S = 1_000_000_000


def _found(label: str, score: float, box: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.4)) -> Detection:
    x, y, w, h = box
    return Detection(Box(x=x, y=y, w=w, h=h, label=label), score)


def test_parts_that_move_apart_are_the_same_person_and_a_bystander_is_none() -> None:
    head, legs, car = (
        thing(1, (0.15, 0.1, 0.1, 0.1)),
        thing(2, (0.12, 0.35, 0.15, 0.15)),
        thing(3, (0.6, 0.5, 0.3, 0.3)),
    )
    said = match([_found("person", 0.9)], [head, legs, car])
    assert {number: one.box.label for number, one in said.items()} == {1: "person", 2: "person"}


def test_of_two_detections_the_one_that_fits_is_taken() -> None:
    person, car = _found("person", 0.6), _found("car", 0.9, (0.3, 0.1, 0.5, 0.4))
    assert match([car, person], [thing(1, (0.1, 0.12, 0.19, 0.36))])[1] is person


def test_a_speck_in_a_large_box_is_not_it() -> None:
    assert match([_found("bus", 0.9, (0, 0, 1, 1))], [thing(1, (0.5, 0.5, 0.02, 0.02))]) == {}


def test_confidence_halves_in_its_half_life_and_is_forgotten_at_last() -> None:
    book = LabelBook(half_life_s=4)
    things = [thing(1, (0.1, 0.1, 0.2, 0.4))]
    book.step([_found("person", 0.8)], things, 0)
    assert book.labels(4 * _S)[1].confidence == pytest.approx(0.4)
    for second in range(1, 14):
        book.step([], things, second * _S)
    assert book.labels(13 * _S) == {}


def test_a_contradiction_makes_unsure_and_a_better_word_wins() -> None:
    book = LabelBook(half_life_s=600)
    things = [thing(1, (0.1, 0.1, 0.2, 0.4))]
    book.step([_found("person", 0.9)], things, 0)
    book.step([_found("dog", 0.6)], things, _S)
    assert book.labels(_S)[1].label == "person"
    assert book.labels(_S)[1].confidence == pytest.approx(0.63, abs=0.01)
    book.step([_found("dog", 0.7)], things, 2 * _S)
    assert book.labels(2 * _S)[1].label == "dog"
    book.step([_found("dog", 0.9)], things, 3 * _S)
    assert book.labels(3 * _S)[1].confidence == pytest.approx(0.9)


def test_a_track_that_is_gone_is_forgotten() -> None:
    book = LabelBook(half_life_s=600)
    book.step([_found("person", 0.9)], [thing(1, (0.1, 0.1, 0.2, 0.4))], 0)
    book.step([], [], 9 * _S)
    assert 1 in book.labels(9 * _S)
    book.step([], [], 11 * _S)
    assert book.labels(11 * _S) == {}


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from("abc"), st.floats(0.05, 1)), max_size=40),
    st.lists(st.integers(0, 10**11), min_size=40, max_size=40),
)
def test_confidence_stays_in_bounds(said: list[tuple[int, str, float]], at: list[int]) -> None:
    book = LabelBook(half_life_s=5)
    for (number, label, score), at_ns in zip(said, sorted(at), strict=False):
        book.step([_found(label, score)], [thing(number, (0.1, 0.1, 0.2, 0.4))], at_ns)
        assert all(0 <= one.confidence <= 1 for one in book.labels(at_ns).values())


def test_memory_is_bounded() -> None:
    book = LabelBook(half_life_s=600)
    for number in range(2000):
        book.step([_found("person", 0.9)], [thing(number, (0.1, 0.1, 0.2, 0.4))], number)
    labels = book.labels(2000)
    assert len(labels) == 512 and 1999 in labels
