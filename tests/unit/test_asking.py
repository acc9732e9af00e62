"""When a participant is asked: bounded, repeatable, resumable, and not later than it should be. Issue 4, point 6."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InvalidSettingsError
from contract.settings import decode_settings
from edge.affect.asking.clock import AskClock
from edge.affect.asking.disagreement import disagreement
from edge.affect.asking.settings import AskSettings

SEGMENT_MS = 5_000
HOUR_MS = 3_600_000
T0 = 1_700_000_000_000
Offer = tuple[int, float | None, float | None, float | None, bool]
"""Milliseconds since the one before, change score, confidence, disagreement, and whether a label came with it."""

settings_drawn = st.builds(
    AskSettings,
    per_stimulus=st.integers(1, 12),
    per_hour=st.integers(1, 60),
    least_gap_ms=st.integers(5_000, 90_000),
    every_ms=st.integers(5_000, 120_000),
    front=st.floats(1, 3),
    first_ms=st.integers(0, 60_000),
    early_share=st.floats(0, 1),
)
offers_drawn = st.lists(
    st.tuples(
        st.integers(1, 60_000),
        st.none() | st.floats(0, 3),
        st.none() | st.floats(0, 1),
        st.none() | st.floats(0, 1),
        st.booleans(),
    ),
    max_size=150,
)
lengths_drawn = st.none() | st.integers(20_000, 900_000)


def play(
    clock: AskClock, offers: Sequence[Offer], begin: int = 0, at_ms: int = T0, answered: int | None = None
) -> tuple[list[tuple[int, str]], int, int | None]:
    """What is asked when: at_ms and reason; also where time and answers got to."""
    asked: list[tuple[int, str]] = []
    for index, (step_ms, change, confidence, apart, labelled) in enumerate(offers, begin):
        at_ms += step_ms
        reason = clock.offer(
            index, at_ms, change_score=change, confidence=confidence, disagreement=apart, answered=answered
        )
        answered = at_ms if labelled else answered
        asked += [(at_ms, reason)] if reason else []
    return asked, at_ms, answered


def by_segments(clock: AskClock, segments: int) -> list[int]:
    """The segments at whose end something is asked."""
    return [n for n in range(segments) if clock.offer(n, T0 + (n + 1) * SEGMENT_MS) is not None]


@given(settings_drawn, offers_drawn, lengths_drawn)
def test_never_more_than_the_bounds_and_never_sooner_than_the_gap(
    settings: AskSettings, offers: list[Offer], length_ms: int | None
) -> None:
    asked, _, _ = play(AskClock(settings, began_ms=T0, duration_ms=length_ms), offers)
    times = [at for at, _ in asked]
    assert all(b - a >= settings.least_gap_ms for a, b in pairwise(times))
    assert all(sum(0 <= at - earlier < HOUR_MS for earlier in times) <= settings.per_hour for at in times)
    assert length_ms is None or len(times) <= settings.per_stimulus
    assert [reason for _, reason in asked].count("first") == min(1, len(asked))


@given(settings_drawn, offers_drawn, lengths_drawn)
def test_no_question_soon_after_a_label(settings: AskSettings, offers: list[Offer], length_ms: int | None) -> None:
    clock, at_ms = AskClock(settings, began_ms=T0, duration_ms=length_ms), T0
    answered: int | None = None
    for index, (step_ms, change, confidence, apart, labelled) in enumerate(offers):
        at_ms += step_ms
        reason = clock.offer(
            index, at_ms, change_score=change, confidence=confidence, disagreement=apart, answered=answered
        )
        assert reason is None or answered is None or at_ms - answered >= settings.least_gap_ms
        answered = at_ms if labelled else answered


@given(settings_drawn, offers_drawn, lengths_drawn, st.integers(0, 150))
def test_the_same_again_and_the_same_after_a_restart(
    settings: AskSettings, offers: list[Offer], length_ms: int | None, cut: int
) -> None:
    def fresh(asked_ms: Sequence[int] = ()) -> AskClock:
        return AskClock(settings, began_ms=T0, duration_ms=length_ms, asked_ms=asked_ms)

    whole, _, _ = play(fresh(), offers)
    assert play(fresh(), offers)[0] == whole
    before = fresh()
    head, at_ms, answered = play(before, offers[:cut])
    tail, _, _ = play(fresh(before.asked_ms), offers[cut:], cut, at_ms, answered)
    assert head + tail == whole


def test_a_uniform_clock_where_the_settings_say_so() -> None:
    clock = AskClock(AskSettings(per_stimulus=5, front=1.0), began_ms=T0, duration_ms=200_000)
    assert by_segments(clock, 40) == [0, 7, 15, 23, 31]


def test_closer_together_at_the_beginning() -> None:
    asked = by_segments(AskClock(AskSettings(), began_ms=T0, duration_ms=200_000), 40)
    assert len(asked) == AskSettings().per_stimulus
    gaps = [b - a for a, b in pairwise(asked)]
    assert gaps == sorted(gaps)
    assert gaps[0] < 40 / AskSettings().per_stimulus < gaps[-1]


def test_without_a_known_length_it_goes_on_for_hours_at_its_rate() -> None:
    settings = AskSettings(every_ms=60_000)
    asked = by_segments(AskClock(settings, began_ms=T0), 3 * 720)
    assert 3 * 60 - 2 <= len(asked) <= 3 * 60
    assert max(b - a for a, b in pairwise(asked)) <= 17


def test_what_could_not_be_asked_in_time_is_not_caught_up_on() -> None:
    clock = AskClock(AskSettings(front=1.0), began_ms=T0, duration_ms=200_000)
    assert clock.offer(24, T0 + 125_000) == "first"
    assert by_segments(clock, 40)[-1:] == [31]
    assert len(clock.asked_ms) == 2


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ({"change_score": 1.2}, "change"),
        ({"disagreement": 0.7, "confidence": 0.1}, "disagreement"),
        ({"confidence": 0.2}, "unsure"),
        ({"change_score": 0.9, "disagreement": 0.2, "confidence": 0.9}, None),
        ({}, None),
    ],
)
def test_the_next_question_may_come_early_where_it_is_allowed_to(offer: dict[str, Any], reason: str | None) -> None:
    """It is moved, not added: the bound stays."""
    settings = AskSettings(front=1.0, early_share=0.5)
    clock = AskClock(settings, began_ms=T0, duration_ms=200_000, asked_ms=[T0 + 1_000])
    assert clock.offer(3, T0 + 20_000, **offer) is None, "not before half of the gap"
    assert clock.offer(5, T0 + 30_000, **offer) == reason
    assert AskClock(AskSettings(front=1.0), began_ms=T0, duration_ms=200_000).offer(0, T0 + 5_000, **offer) == "first"


def test_nothing_is_asked_where_asking_is_off() -> None:
    assert by_segments(AskClock(AskSettings(enabled=False), began_ms=T0, duration_ms=200_000), 40) == []


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(InvalidSettingsError, match=r"\$\.per_stimulus"):
        decode_settings({"per_stimulus": 0}, AskSettings)


def test_disagreement_is_the_distance_of_those_furthest_apart() -> None:
    sure, other, blind = (1.0, 0, 0, 0), (0, 1.0, 0, 0), (0.25,) * 4
    assert disagreement([sure, other, blind]) == 1
    assert disagreement([sure, blind]) == pytest.approx(0.75)
    assert disagreement([blind, blind]) == disagreement([sure]) == disagreement([]) == 0
