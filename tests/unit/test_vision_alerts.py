"""Findings and events: types, severities, words, and a life that always ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.messages import Box, Event, priority_of
from edge.core.clock import Stamp
from edge.vision.events.book import EventBook
from edge.vision.findings import (
    LOITERING,
    MOTION,
    SUDDEN_MOTION,
    UNUSUAL_ACTIVITY,
    Finding,
    Thing,
    confidence_of,
    place_of,
    severity_of,
)
from edge.vision.places.staying import find_loitering
from edge.vision.settings import VisionSettings
from edge.vision.things.moving import find_motion
from edge.vision.unusual.alarm import AnomalyAlarm
from edge.vision.unusual.reading import Cell, Reading
from edge.vision.unusual.scores import LastHour, Sustained
from tests.support.clock import START_MS

SECOND = 1_000_000_000


def _thing(*, moving_s: float = 2.0, dwell_s: float = 2.0, habit: float = 0.0, still: bool = False) -> Thing:
    box = Box(x=0.1, y=0.7, w=0.1, h=0.2, label="motion", track=7)
    return Thing(box=box, still=still, since_ns=5, moving_s=moving_s, dwell_s=dwell_s, habitual_share=habit)


def _reading(score: float, *, speed_sigma: float = 6.0, change_sigma: float = 1.0, threshold: float = 4.0) -> Reading:
    cell = Cell(0.1, 0.8, 0.1, 0.1, 21.0, 0.29, change_sigma, speed_sigma)
    over = score > threshold
    return Reading(score, threshold, over=over, complete=True, progress=1.0, cells=(cell,) if over else ())


@pytest.mark.parametrize(
    ("score", "severity"),
    [(0, "LOW"), (2.0, "LOW"), (2.01, "MEDIUM"), (3.5, "MEDIUM"), (3.51, "HIGH"), (5.0, "HIGH"), (5.01, "CRITICAL")],
)
def test_severity_by_score(score: float, severity: str) -> None:
    """U1.2"""
    assert severity_of(score) == severity


@given(st.floats(-10, 100))
def test_confidence_is_the_score_over_twice_the_sensitivity(score: float) -> None:
    """U1.2"""
    assert confidence_of(score) == pytest.approx(min(max(score, 0) / 4, 1), abs=6e-4)


def test_motion_needs_time_and_movement() -> None:
    """U1.4: half a second at least."""
    assert find_motion([_thing(moving_s=0.4), _thing(still=True)], 0.5) is None
    finding = find_motion([_thing(moving_s=0.6), _thing(moving_s=3.0)], 0.5)
    assert finding is not None
    assert (finding.type, finding.severity, finding.since_ns) == (MOTION, "LOW", 5)
    assert finding.reasoning == ("2 things moving, the longest for 3.0 s",)


@pytest.mark.parametrize(
    ("habit", "origin", "moving_s", "told"),
    [
        (0.0, (0.15, 0.9), 0.6, True),
        (0.1, (0.15, 0.9), 1.9, False),
        (0.1, (0.15, 0.9), 2.0, True),
        (0.1, (0.4, 0.9), 0.6, True),
        (0.1, None, 0.6, True),
    ],
)
def test_what_swings_where_movement_is_a_habit_must_do_so_for_longer(
    habit: float, origin: tuple[float, float] | None, moving_s: float, told: bool
) -> None:
    """A tree in the wind; who passes there is told of at once."""
    thing = replace(_thing(moving_s=moving_s, habit=habit), origin=origin)
    assert (find_motion([thing], 0.5) is not None) is told


def test_loitering_is_staying_where_staying_is_no_habit() -> None:
    assert find_loitering([_thing(dwell_s=59)], 60) is None
    assert find_loitering([_thing(dwell_s=90, habit=0.5)], 60) is None
    assert find_loitering([_thing(dwell_s=90)], 0) is None
    finding = find_loitering([_thing(dwell_s=66)], 60)
    assert finding is not None
    assert (finding.type, finding.severity) == (LOITERING, "MEDIUM")
    assert finding.reasoning[0] == "something stays in the lower left for 66 s; 60 s is the limit"
    worse = find_loitering([_thing(dwell_s=120)], 60)
    assert worse is not None
    assert worse.severity == "HIGH"


def test_an_alarm_takes_five_in_a_row_and_ends_with_hysteresis() -> None:
    alarm = AnomalyAlarm(5)
    scores = [5, 5, 5, 5, 1, 5, 5, 5, 5, 5, 9, 3.5, 3.3, 3.1, 5]
    going_on = [alarm.step(_reading(score), [], at) is not None for at, score in enumerate(scores)]
    assert going_on == [False] * 9 + [True] * 4 + [False] * 2


def test_the_reasoning_names_place_feature_and_sigma() -> None:
    """S1.7: reasoning and baseline_deviation a person can check."""
    alarm = AnomalyAlarm(1)
    finding = alarm.step(_reading(7.2), [_thing()], 9)
    assert finding is not None
    assert finding.type == SUDDEN_MOTION
    assert finding.reasoning == (
        "7.2 sigma from what was learned here; the alarm begins at 4.0",
        "lower left, cell 2/9: speed 0.29 picture widths a second is 6.0 sigma above its normal",
    )
    assert (finding.deviation, finding.severity, finding.confidence) == (7.2, "HIGH", 0.9)
    assert [box.track for box in finding.boxes] == [7]


def test_change_without_speed_is_unusual_activity() -> None:
    finding = AnomalyAlarm(1).step(_reading(5, speed_sigma=1, change_sigma=5), [], 0)
    assert finding is not None
    assert finding.type == UNUSUAL_ACTIVITY
    assert "change of brightness 21 is 5.0 sigma" in finding.reasoning[1]
    assert finding.boxes[0].label == UNUSUAL_ACTIVITY


def test_after_hours_an_alarm_is_graver_and_says_so() -> None:
    """U1.1, U1.2: 1.5 sigma more on the scale of severity; the deviation stays what was measured."""
    plain, late = (AnomalyAlarm(1).step(_reading(5.0), [], 0, score_bonus=bonus) for bonus in (0.0, 1.5))
    assert plain is not None
    assert late is not None
    assert (plain.severity, late.severity) == ("MEDIUM", "HIGH")
    assert (plain.deviation, plain.confidence) == (late.deviation, late.confidence)
    assert "graver by 1.5 sigma: nobody is expected now" in late.reasoning


def _at_three(**cell: float) -> Reading:
    known = {"change": 21.0, "speed": 0.2, "change_sigma": 1.0, "speed_sigma": 4.0} | cell
    return Reading(6.0, 4.0, True, True, 1.0, (Cell(0.1, 0.8, 0.1, 0.1, **known),), moving=True, hour=3)


def test_the_reasoning_names_the_hour_where_little_moves_then() -> None:
    reading = _at_three(presence_sigma=2.4, day_sigma=5.0, usual=0.042, hour_share=0.001)
    finding = AnomalyAlarm(1).step(reading, [], 0)
    assert finding is not None
    assert finding.reasoning[1] == (
        "unusual for 03:00: at this hour little moves here; something moves there in 0.1% of the time, "
        "over the day in 4.2%"
    )
    assert finding.reasoning[2].endswith("4.0 sigma above its normal, and that anything moves at this hour 2.4")


@pytest.mark.parametrize(("day_sigma", "named"), [(2.0, True), (4.9, False)])
def test_the_reasoning_names_the_hour_where_its_normal_is_another(day_sigma: float, named: bool) -> None:
    finding = AnomalyAlarm(1).step(_at_three(day_sigma=day_sigma), [], 0)
    assert finding is not None
    said = "unusual for 03:00: by the whole day's normal it is 2.0 sigma, no alarm" in finding.reasoning
    assert said is named


@given(
    scores=st.lists(st.floats(0, 12), max_size=60),
    threshold=st.floats(0.5, 11),
    consecutive=st.integers(1, 6),
)
def test_sustained_is_the_highest_threshold_that_would_alarm(
    scores: list[float], threshold: float, consecutive: int
) -> None:
    """What the preview shows for a threshold is what the alarm does at it, frame by frame."""
    alarm, sustained = AnomalyAlarm(consecutive), Sustained(consecutive)
    for at, score in enumerate(scores):
        highest = sustained.step(score)
        on = alarm.step(_reading(score, threshold=threshold), [], at) is not None
        if abs(highest - threshold) > 1e-6:
            assert on is (highest > threshold)


def test_the_last_hour_is_a_ring_of_seconds_with_movement() -> None:
    hour = LastHour()
    for t_ms in range(0, 2 * 3600_000, 500):
        hour.add(START_MS + t_ms, t_ms / 1000)
    entries = hour.until(START_MS + 2 * 3600_000)
    assert len(entries) == 3599
    assert entries[-1] == (START_MS + 7199_000, 7199.5)
    assert hour.until(START_MS + 3 * 3600_000) == ()


def test_a_clock_that_is_set_back_leaves_no_future_in_the_last_hour() -> None:
    hour = LastHour()
    for t_ms in (START_MS, START_MS + 60_000, START_MS + 1000):
        hour.add(t_ms, 1.0)
    assert [t_ms for t_ms, _ in hour.until(START_MS + 1000)] == [START_MS, START_MS + 1000]


@pytest.mark.parametrize(
    ("x", "y", "words"), [(0.5, 0.5, "centre"), (0.1, 0.1, "upper left"), (1.0, 0.5, "right"), (0.5, 0.9, "lower")]
)
def test_places_in_words(x: float, y: float, words: str) -> None:
    assert place_of(x, y) == words


def _finding(kind: str = MOTION, severity: str = "LOW", since_ns: int = 0) -> Finding:
    return Finding(
        type=kind,
        since_ns=since_ns,
        severity=severity,  # type: ignore[arg-type]
        confidence=0.5,
        reasoning=("because",),
        boxes=(Box(x=0, y=0, w=0.1, h=0.1),),
        deviation=None if kind == MOTION else 6.0,
    )


def _stamp(at_ns: int) -> Stamp:
    return Stamp(at_ns, START_MS + at_ns // 1_000_000, trusted=True)


def _play(book: EventBook, script: list[tuple[float, list[Finding]]]) -> list[tuple[float, Event]]:
    told = []
    for at_s, findings in script:
        at_ns = round(at_s * SECOND)
        told += [(at_s, event) for event in book.step(findings, _stamp(at_ns), at_ns)]
    return told


def test_a_short_pause_belongs_to_the_event_and_a_long_one_ends_it() -> None:
    book = EventBook("front", VisionSettings(merge_s=5), new_id=lambda: "evt-1")
    script = [(1.0, [_finding(since_ns=SECOND // 2)]), (2, []), (5.5, [_finding()]), (8, []), (10.6, []), (20, [])]
    told = _play(book, script)
    assert [(at, event.phase) for at, event in told] == [(1.0, "open"), (10.6, "close")]
    close = told[-1][1]
    assert (close.start_ms, close.end_ms) == (START_MS + 500, START_MS + 5500)
    assert (close.camera, close.type, close.severity) == ("front", "motion", "LOW")


def test_an_event_that_goes_on_is_told_at_a_bounded_rate_and_at_once_when_it_grows_worse() -> None:
    book = EventBook("front", VisionSettings(update_s=15, longest_event_s=600))
    script = [(at * 0.1, [_finding(SUDDEN_MOTION, "CRITICAL" if at == 42 else "MEDIUM")]) for at in range(400)]
    told = _play(book, script)
    assert [(round(at, 1), event.phase) for at, event in told] == [
        (0.0, "open"),
        (4.2, "update"),
        (19.2, "update"),
        (34.2, "update"),
    ]
    assert told[0][1].severity == "MEDIUM"
    assert [event.severity for _, event in told[1:]] == ["CRITICAL"] * 3, "an event is as grave as it ever was"
    assert priority_of(told[1][1]) == "alarm"


def test_the_alert_is_there_while_it_goes_on() -> None:
    """U1.4: the product raises it while, not after."""
    book = EventBook("front", VisionSettings())
    _play(book, [(1, [_finding(), _finding(SUDDEN_MOTION, "HIGH"), _finding(LOITERING, "MEDIUM")])])
    assert book.alert is not None
    assert book.alert.type == SUDDEN_MOTION
    _play(book, [(4.5, [_finding()])])
    assert book.alert is None
    assert book.moving


def test_after_an_alert_its_type_keeps_silent_for_a_while() -> None:
    """U1.4: cool-down 5 s."""
    book = EventBook("front", VisionSettings(cooldown_s=5))
    again = [(at, [_finding(SUDDEN_MOTION, "HIGH")]) for at in (4.5, 5.9, 6.1)]
    told = _play(book, [(1, [_finding(SUDDEN_MOTION, "HIGH")]), (4.2, []), *again])
    assert [(at, event.phase) for at, event in told] == [(1, "open"), (4.2, "close"), (6.1, "open")]


def test_what_never_ends_is_told_in_pieces() -> None:
    book = EventBook("front", VisionSettings(longest_event_s=60, update_s=600))
    told = _play(book, [(float(at), [_finding()]) for at in range(200)])
    assert [event.phase for _, event in told] == ["open", "close", "open", "close", "open", "close", "open"]
    assert len({event.event_id for _, event in told}) == 4


STEPS = st.lists(
    st.tuples(
        st.floats(0.05, 20),
        st.lists(
            st.builds(_finding, st.sampled_from([MOTION, SUDDEN_MOTION, LOITERING]), st.sampled_from(["LOW", "HIGH"])),
            max_size=3,
            unique_by=lambda finding: finding.type,
        ),
    ),
    max_size=60,
)


@given(STEPS)
def test_every_event_opens_once_closes_once_and_says_so_in_order(steps: list[tuple[float, list[Finding]]]) -> None:
    book = EventBook("front", VisionSettings(longest_event_s=30))
    at, told = 0.0, []
    for pause, findings in steps:
        at += pause
        told += _play(book, [(at, findings)])
    told += [(at, event) for event in book.close_all(_stamp(round(at * SECOND)))]
    lives: dict[str, list[Event]] = {}
    for _, event in told:
        lives.setdefault(event.event_id, []).append(event)
    for life in lives.values():
        phases = [event.phase for event in life]
        assert phases[0] == "open"
        assert phases[-1] == "close"
        assert set(phases[1:-1]) <= {"update"}
        assert len({event.start_ms for event in life}) == 1
        end_ms = life[-1].end_ms
        assert end_ms is not None
        assert end_ms >= life[0].start_ms
        assert all(event.end_ms is None for event in life[:-1])
