"""Other voices than the body's: pooled, weighted, short-lived, and told in the record; without them nothing changes."""

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Prediction
from edge.affect.voices import Voices, pool, weights_of
from tests.support.affect import CLASSES
from tests.support.affect_room import Room

_SAD = {"HH": 0.02, "HL": 0.02, "LH": 0.02, "LL": 0.94}
_EVEN = dict.fromkeys(CLASSES, 0.25)
_S = 1_000_000_000
_shares = st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 1), max_size=4)


def _at(seconds: float) -> int:
    return round(seconds * _S)


async def test_a_face_is_heard_in_its_segment_and_told_in_the_record() -> None:
    """The body says HH at .7 in every segment; a sure, sad face speaks in the second alone, and tips it."""
    room = Room(wanted=3)
    room.script[9.0] = lambda: room.service.voices.hear("front", room.clock.mono_ns(), _SAD, 1.0)
    first, second, third = await room.play()
    assert (first.probe, third.probe) == ("HH", "HH")
    assert first.voices == third.voices == {}
    assert list(second.voices) == ["front"]
    assert 0.3 < second.voices["front"] <= 0.5
    assert second.probabilities["LL"] > 2 * first.probabilities["LL"]
    assert second.probabilities["HH"] < first.probabilities["HH"]
    assert sum(second.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert (second.valence, second.arousal, second.quality) == (first.valence, first.arousal, first.quality)


async def test_a_face_that_says_nothing_changes_nothing_but_is_told() -> None:
    room = Room(wanted=2)
    room.script[9.0] = lambda: room.service.voices.hear("front", room.clock.mono_ns(), _EVEN, 1.0)
    first, second = await room.play()
    assert second.probabilities == pytest.approx(first.probabilities, abs=1e-5)
    assert second.voices


async def test_without_a_voice_the_record_has_the_same_bytes_as_before_there_were_any() -> None:
    told: list[Prediction] = await Room(wanted=1).play()
    assert b"voices" not in msgspec.json.encode(told[0])


def test_no_voice_outlives_its_segment_and_memory_is_bounded() -> None:
    voices = Voices()
    for second in range(500):
        voices.hear("front", _at(second), _SAD, 0.5)
    assert voices.between(0, _at(400)) == []
    assert [voice.source for voice in voices.between(_at(495), _at(500))] == ["front"]


def test_a_later_word_counts_more_and_a_source_has_one_voice() -> None:
    voices = Voices()
    voices.hear("front", _at(0.1), {"HH": 1.0}, 0.8)
    voices.hear("front", _at(4.9), {"LL": 1.0}, 0.8)
    voices.hear("side", _at(2.0), _EVEN, 0.4)
    front, side = voices.between(0, _at(5))
    assert front.probabilities["LL"] > 2 * front.probabilities["HH"]
    assert front.weight == pytest.approx(0.8 * 0.5 ** (0.1 / 2.5))
    assert side.weight < 0.4
    assert weights_of([front, side], 0.5)["front"] == pytest.approx(front.weight / 2)
    assert weights_of([front, side], 0.0) == {}


@pytest.mark.parametrize(
    ("shares", "weight"),
    [({}, 1.0), ({"HH": 0.0}, 1.0), ({"HH": float("nan")}, 1.0), (_SAD, 0.0), (_SAD, float("nan")), (_SAD, 2.0)],
)
def test_what_is_no_voice_is_not_heard(shares: Mapping[str, float], weight: float) -> None:
    voices = Voices()
    voices.hear("front", 1, shares, weight)
    assert voices.between(0, 2) == []


def test_a_lone_opinion_stays_as_it_is_and_two_that_agree_grow_surer() -> None:
    """The log-linear pool, externally Bayesian with weights of 1."""
    one = {"HH": 0.6, "HL": 0.2, "LH": 0.1, "LL": 0.1}
    assert pool({"a": (one, 1.0)}) == pytest.approx(one)
    assert pool({"a": (one, 1.0), "b": (one, 1.0)})["HH"] > 0.8
    assert pool({"a": (one, 1.0), "b": (_SAD, 0.0)}) == pytest.approx(one)


@given(st.dictionaries(st.text(max_size=3), st.tuples(_shares, st.floats(0, 2)), max_size=5))
def test_a_pool_is_a_distribution(opinions: dict[str, tuple[dict[str, float], float]]) -> None:
    pooled = pool(opinions)
    assert all(0 <= share <= 1 for share in pooled.values())
    assert not pooled or sum(pooled.values()) == pytest.approx(1.0)
