"""When to record and why."""

from edge.recording.trigger import Trigger

_S = 1_000_000_000


def _trigger(mode: str = "event") -> Trigger:
    return Trigger(mode, post_roll_s=10.0)  # type: ignore[arg-type]


def test_an_event_is_wanted_from_its_opening_until_its_post_roll_is_over() -> None:
    trigger = _trigger()
    assert not trigger.wanted(0)
    trigger.event_opened("a", 0)
    assert trigger.wanted(1 * _S)
    trigger.event_closed("a", 5 * _S)
    assert trigger.wanted(15 * _S)
    assert not trigger.wanted(15 * _S + 1)


def test_overlapping_events_are_one_recording_named_after_the_first() -> None:
    trigger = _trigger()
    trigger.event_opened("a", 0)
    trigger.event_opened("b", 0)
    assert trigger.event_id == "a"
    trigger.event_closed("a", 5 * _S)
    assert trigger.event_id == "b"
    assert trigger.wanted(100 * _S)
    trigger.event_closed("b", 100 * _S)
    assert trigger.event_id == "b"
    assert trigger.wanted(110 * _S)


def test_an_event_in_the_post_roll_of_another_goes_on() -> None:
    trigger = _trigger()
    trigger.event_opened("a", 0)
    trigger.event_closed("a", 0)
    trigger.event_opened("b", 0)
    assert trigger.wanted(60 * _S)


def test_by_hand_works_in_any_mode_and_does_not_end_an_event() -> None:
    for mode in ("off", "event"):
        trigger = _trigger(mode)
        trigger.start_manual()
        assert trigger.wanted(0)
        assert trigger.reason == "manual"
        trigger.event_opened("a", 0)
        trigger.stop_manual()
        assert trigger.wanted(1) is (mode == "event")


def test_off_ignores_events_and_continuous_needs_none() -> None:
    off, always = _trigger("off"), _trigger("continuous")
    off.event_opened("a", 0)
    assert not off.wanted(0)
    assert always.wanted(0)
    assert always.reason == "continuous"


def test_closing_an_unknown_event_changes_nothing() -> None:
    trigger = _trigger()
    trigger.event_closed("never", 0)
    assert not trigger.wanted(1)
    assert trigger.event_id is None


def test_an_event_that_nobody_closes_ends_after_an_hour() -> None:
    trigger = _trigger()
    trigger.event_opened("forgotten", 0)
    assert trigger.wanted(3600 * _S)
    assert trigger.wanted(3601 * _S)
    assert not trigger.wanted(3612 * _S)
