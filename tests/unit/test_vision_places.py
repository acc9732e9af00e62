"""Zones, lines and their rules on trajectories whose truth is known exactly."""

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.plan import (
    AfterHours,
    CrowdingRule,
    EntryRule,
    ExitRule,
    Hours,
    LeftRule,
    Line,
    LoiteringRule,
    Plan,
    RemovedRule,
    RestrictedRule,
    Rule,
    SpeedRule,
    WrongWayRule,
    Zone,
)
from edge.vision.places.hours import UNTRUSTED
from edge.vision.places.watch import Places, longest_wait_s
from tests.support.trajectories import NOON, SECOND, Actor, Play, play, standing, straight

MIDDLE = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.9), (0.3, 0.9))
"""Who goes from left to right at half height is in it from x = 0.3 until 0.7."""
ACROSS = straight((0.05, 0.6), (0.95, 0.6), 9)
"""A tenth of the picture's width a second."""
NIGHT = Hours(start="22:00", end="06:00")
LATE = dt.datetime(2026, 6, 3, 23, tzinfo=dt.UTC)


def _zone(*rules: Rule, points: Any = MIDDLE, name: str = "Gate", zone_id: str = "gate") -> Zone:
    return Zone(id=zone_id, name=name, points=points, rules=rules)


def _places(*rules: Rule, lines: tuple[Line, ...] = (), **others: Any) -> Places:
    return Places(Plan(zones=(_zone(*rules),), lines=lines, **others))


def _line(**others: Any) -> Line:
    """From below to above: who goes to the right goes forward."""
    return Line(id="trip", a=(0.5, 0.9), b=(0.5, 0.3), **others)


def _occupancy(played: Play) -> list[tuple[float, int]]:
    """When the occupancy changed, and to what."""
    changes: list[tuple[float, int]] = []
    for at_s, report in played.reports:
        if not changes or changes[-1][1] != report.zones[0].occupancy:
            changes.append((at_s, report.zones[0].occupancy))
    return changes


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_entry_exit_and_occupancy_of_one_who_walks_through(fps: float) -> None:
    played = play(_places(EntryRule(severity="LOW"), ExitRule()), [Actor(7, ACROSS)], 9, fps=fps)
    ((entered, until),) = played.spells("zone_entered")
    assert entered == pytest.approx(2.5, abs=1.1 / fps)
    assert until == pytest.approx(entered + 1, abs=1.1 / fps)
    ((left, _),) = played.spells("zone_left")
    assert left == pytest.approx(6.6, abs=1.1 / fps), "clearly out: a hundredth of the picture past the border"
    assert [number for _, number in _occupancy(played)] == [0, 1, 0]
    told = played.told("zone_entered")[0].finding
    assert (told.zone, told.track, told.severity) == ("gate", 7, "LOW")
    assert told.since_ns == round(entered * SECOND)
    assert told.reasoning == ("a thing came into zone Gate",)
    assert [box.track for box in told.boxes] == [7]


def test_who_appears_in_a_zone_has_not_come_from_outside_unless_from_outside_of_the_picture() -> None:
    everywhere = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    places = Places(Plan(zones=(_zone(EntryRule(), ExitRule(), points=everywhere),)))
    actors = [
        Actor(1, standing(0.5, 0.6), gone_s=2),
        Actor(2, straight((0.01, 0.6), (0.4, 0.6), 3, from_s=1), born_s=1),
        Actor(3, straight((0.5, 0.6), (0.99, 0.6), 3), gone_s=3),
    ]
    played = play(places, actors, 8)
    assert {one.finding.track for one in played.told("zone_entered")} == {2}
    assert {one.finding.track for one in played.told("zone_left")} == {3}


def test_who_stands_on_a_border_comes_in_once() -> None:
    """A foot that trembles by less than a hundredth of the picture on the border, for ten seconds."""

    def trembling(at_s: float) -> tuple[float, float]:
        x = min(0.1 + 0.1 * at_s, 0.3)
        return x + 0.007 * math.sin(40 * at_s), 0.6

    played = play(_places(EntryRule(), ExitRule()), [Actor(1, trembling)], 12)
    assert len({one.finding.since_ns for one in played.told("zone_entered")}) == 1
    assert not played.told("zone_left")


def test_who_is_hidden_for_a_moment_has_not_left() -> None:
    places = _places(EntryRule(), ExitRule(), LoiteringRule(after_s=4))
    standing_there = straight((0.1, 0.6), (0.5, 0.6), 2)
    actors = [Actor(1, standing_there, gone_s=3), Actor(1, standing_there, born_s=4.5)]
    played = play(places, actors, 8)
    assert not played.told("zone_left")
    assert len({one.finding.since_ns for one in played.told("zone_entered")}) == 1
    ((began, _),) = played.spells("loitering")
    assert began == pytest.approx(5.0, abs=0.1), "counted from when it came"


def test_restricted_is_told_as_long_as_somebody_is_there() -> None:
    played = play(_places(RestrictedRule(after_s=0.5, severity="HIGH")), [Actor(1, ACROSS)], 9)
    ((began, ended),) = played.spells("roi_violation")
    assert (began, ended) == pytest.approx((3.0, 6.6), abs=0.1)
    finding = played.told()[0].finding
    assert (finding.severity, finding.zone, finding.track) == ("HIGH", "gate", 1)
    assert finding.reasoning == ("a thing is in zone Gate for 0.5 s; 0.5 s are tolerated",)
    alarms = {at_s: report.zones[0].alarm for at_s, report in played.reports}
    assert {alarm for at_s, alarm in alarms.items() if began <= at_s <= ended} == {True}
    assert {alarm for at_s, alarm in alarms.items() if at_s < began or at_s > ended} == {False}


def test_of_a_picture_that_is_no_good_nobody_is_said_to_be_still_there() -> None:
    places, actor = _places(RestrictedRule(after_s=0.5)), Actor(1, standing(0.5, 0.6))
    for tenth in range(10):
        thing = actor.thing(tenth / 10)
        seen = [thing] if thing and tenth < 4 else []
        report = places.step(seen, None, tenth * SECOND // 10, NOON, judged=tenth < 4)
        assert not report.findings
        assert report.zones[0].occupancy == 1


def test_loitering_names_the_place_the_time_and_the_limit() -> None:
    played = play(_places(LoiteringRule(after_s=30)), [Actor(4, standing(0.5, 0.6))], 36)
    ((began, ended),) = played.spells("loitering")
    assert began == pytest.approx(30, abs=0.1)
    last = played.told()[-1].finding
    assert last.reasoning[0] == "a thing stays in zone Gate for 36 s; 30 s is the limit"
    assert (last.track, last.since_ns) == (4, 0)
    assert last.confidence == pytest.approx(0.6, abs=0.01)
    assert ended == played.reports[-1][0]


def test_a_crowd_is_so_many_at_once_for_so_long() -> None:
    """Five come one after the other, a second and a half apart, and go again, the last first."""
    actors = [
        Actor(
            track,
            straight((0.1, 0.5 + 0.05 * track), (0.5, 0.5 + 0.05 * track), 2, from_s=1.5 * track),
            gone_s=14 - track,
        )
        for track in range(5)
    ]
    played = play(_places(CrowdingRule(count=4, after_s=1)), actors, 14)
    assert max(report.zones[0].occupancy for _, report in played.reports) == 5
    ((began, ended),) = played.spells("crowding")
    assert began == pytest.approx(4.5 + 1 + 1, abs=0.1), "the fourth is in after 5.5 s"
    assert ended == pytest.approx(11 + 1, abs=0.1), "the second but last goes after 11 s, and is missed for a second"
    finding = played.told("crowding")[0].finding
    assert finding.reasoning[0] == "4 things are in zone Gate at once; 4 are a crowd"
    assert finding.since_ns == pytest.approx(5.5 * SECOND, abs=0.1 * SECOND)
    assert (len(finding.boxes), finding.track) == (4, None)


@pytest.mark.parametrize(("speed", "speeding"), [(0.35, True), (0.25, False)])
def test_speed_is_limited_inside_the_zone(speed: float, speeding: bool) -> None:
    way = straight((0.05, 0.6), (0.95, 0.6), 0.9 / speed)
    played = play(_places(SpeedRule(limit=0.3)), [Actor(1, way)], 0.9 / speed)
    assert bool(played.told("speeding")) is speeding
    if speeding:
        finding = played.told()[0].finding
        assert finding.reasoning == ("a thing in zone Gate moves 0.35 picture widths a second; 0.30 is the limit",)
        assert 0.25 / speed <= played.told()[0].at_s <= 0.25 / speed + 0.4


@pytest.mark.parametrize(
    ("allowed", "tolerance", "wrong"),
    [(90, 90, False), (270, 90, True), (0, 45, True), (45, 90, False), (271, 170, True)],
)
def test_the_wrong_way_is_more_than_the_tolerance_off(allowed: float, tolerance: float, wrong: bool) -> None:
    rule = WrongWayRule(allowed=allowed, tolerance_deg=tolerance)
    played = play(_places(rule), [Actor(1, ACROSS), Actor(2, standing(0.5, 0.7))], 9)
    assert {one.finding.track for one in played.told("wrong_way")} == ({1} if wrong else set())
    if wrong:
        finding = played.told("wrong_way")[0].finding
        words = f"a thing in zone Gate heads 90 degrees; {allowed:.0f} is allowed, give or take {tolerance:.0f}"
        assert finding.reasoning == (words,)


@pytest.mark.parametrize("fps", [5, 15, 30])
@pytest.mark.parametrize("speed", [0.04, 0.1, 0.5, 1.5])
def test_each_crossing_counts_once_at_any_pace(fps: float, speed: float) -> None:
    """Somebody goes right, and back; another only right."""
    turn_s = 0.8 / speed

    def there_and_back(at_s: float) -> tuple[float, float]:
        return 0.1 + speed * (at_s if at_s < turn_s else max(2 * turn_s - at_s, 0)), 0.6

    actors = [Actor(1, there_and_back), Actor(2, straight((0.1, 0.5), (0.9, 0.5), turn_s))]
    played = play(_places(lines=(_line(alarm="backward", severity="HIGH"),)), actors, 2 * turn_s + 1, fps=fps)
    assert (played.last.lines[0].forward, played.last.lines[0].backward) == (2, 1)
    told = {(one.finding.zone, one.finding.track, one.finding.severity) for one in played.told("line_crossed")}
    assert told == {("trip", 1, "HIGH")}
    assert played.told()[0].finding.reasoning == ("a thing crossed line trip backward",)


def test_who_dithers_on_a_line_is_not_counted_ten_times() -> None:
    def dithering(at_s: float) -> tuple[float, float]:
        x = 0.1 + 0.1 * at_s if at_s < 4 else 0.5 + 0.012 * math.sin(9 * at_s) if at_s < 14 else 0.1 * (at_s - 9)
        return x, 0.6

    played = play(_places(lines=(_line(),)), [Actor(1, dithering)], 17)
    assert (played.last.lines[0].forward, played.last.lines[0].backward) == (1, 0)


def test_who_goes_around_the_end_of_a_line_or_turns_before_it_has_not_crossed() -> None:
    def around(at_s: float) -> tuple[float, float]:
        return 0.5 + 0.2 * math.cos(at_s), 0.25 - 0.2 * math.sin(at_s)

    def turning(at_s: float) -> tuple[float, float]:
        return 0.45 - 0.2 * abs(at_s - 2) / 2, 0.6

    played = play(_places(lines=(_line(),)), [Actor(1, around, gone_s=3.1), Actor(2, turning, gone_s=4)], 6)
    assert (played.last.lines[0].forward, played.last.lines[0].backward) == (0, 0)


def test_who_is_hidden_while_it_crosses_has_crossed_and_who_is_first_seen_late_too() -> None:
    hidden = [Actor(1, ACROSS, gone_s=4.0), Actor(1, ACROSS, born_s=5.5)]
    played = play(_places(lines=(_line(),)), hidden, 9)
    assert played.last.lines[0].forward == 1
    quick = Actor(2, straight((0.4, 0.6), (0.9, 0.6), 0.5))
    late = play(_places(lines=(_line(),)), [quick], 2, from_s=0.3)
    assert late.last.lines[0].forward == 1, "confirmed when it was over already"


def test_labels_choose_and_may_come_late() -> None:
    """A car and a person cross; the detector tells after half a second, and never of the third."""
    rules = (EntryRule(labels=("person",)), RestrictedRule(labels=("person",)))
    actors = [
        Actor(1, ACROSS, label="person", labelled_s=4.5),
        Actor(2, ACROSS, label="car", labelled_s=4.5),
        Actor(3, ACROSS),
    ]
    played = play(_places(*rules, lines=(_line(labels=("person",)),)), actors, 9)
    assert {one.finding.track for one in played.told()} == {1}
    assert played.spells("zone_entered")[0][0] == pytest.approx(4.5, abs=0.1)
    assert played.spells("line_crossed")[0][0] == pytest.approx(4.6, abs=0.1)
    assert played.last.lines[0].forward == 1
    entered = played.told("zone_entered")[0].finding
    assert entered.since_ns == pytest.approx(2.53 * SECOND, abs=0.1 * SECOND), "when it came in"
    assert entered.reasoning == ("a person came into zone Gate",)
    assert entered.confidence == pytest.approx(0.8, abs=0.1), "no surer than the label"
    assert max(report.zones[0].occupancy for _, report in played.reports) == 3


def test_hours_hold_and_without_a_trusted_clock_they_hold_always() -> None:
    rule = RestrictedRule(hours=NIGHT)
    line = _line(hours=NIGHT)
    for local, found in ((NOON, False), (LATE, True), (None, True)):
        played = play(_places(rule, lines=(line,)), [Actor(1, ACROSS)], 9, local=local)
        assert bool(played.told("roi_violation")) is found
        assert bool(played.told("line_crossed")) is found
        assert played.last.lines[0].forward == 1, "counted at any hour"
        if found:
            assert (UNTRUSTED in played.told()[0].finding.reasoning) is (local is None)


def test_after_hours_findings_are_graver_and_say_so() -> None:
    """U1.1"""
    rule = RestrictedRule(severity="MEDIUM")
    for local, severity in ((NOON, "MEDIUM"), (LATE, "HIGH"), (None, "MEDIUM")):
        finding = play(_places(rule, after_hours=AfterHours()), [Actor(1, ACROSS)], 4, local=local).told()[0].finding
        assert finding.severity == severity
        assert ("graver after hours: HIGH instead of MEDIUM" in finding.reasoning) is (severity == "HIGH")


def test_a_new_plan_keeps_what_is_still_there() -> None:
    places = _places(LoiteringRule(after_s=5), EntryRule(), lines=(_line(),))
    actors = [Actor(1, straight((0.1, 0.6), (0.6, 0.6), 3))]
    play(places, actors, 5)
    other = Zone(id="other", points=((0.5, 0.3), (0.7, 0.3), (0.7, 0.9), (0.5, 0.9)), rules=(EntryRule(),))
    second = Line(id="second", a=(0.2, 0.9), b=(0.2, 0.3))
    places.adopt(Plan(version=1, zones=(other, _zone(LoiteringRule(after_s=5))), lines=(second, _line())))
    assert places.plan.version == 1
    played = play(places, actors, 8, from_s=5)
    assert [zone.id for zone in played.last.zones] == ["other", "gate"]
    assert not played.told("zone_entered"), "who is in a new zone is no news"
    assert [zone.occupancy for zone in played.last.zones] == [1, 1]
    assert played.spells("loitering")[0][0] == pytest.approx(1.2 + 5, abs=0.1), "in the gate since before"
    assert [(line.id, line.forward) for line in played.last.lines] == [("second", 0), ("trip", 1)]


def test_a_zone_drawn_anew_begins_anew_and_a_line_that_is_gone_is_forgotten() -> None:
    places = _places(RestrictedRule(after_s=2), lines=(_line(),))
    actors = [Actor(1, straight((0.1, 0.6), (0.6, 0.6), 3))]
    assert play(places, actors, 5).last.zones[0].alarm
    wider = ((0.2, 0.3), (0.8, 0.3), (0.8, 0.9), (0.2, 0.9))
    places.adopt(Plan(zones=(_zone(RestrictedRule(after_s=2), points=wider),)))
    played = play(places, actors, 8, from_s=5)
    assert played.spells("roi_violation")[0][0] == pytest.approx(7, abs=0.1)
    assert played.last.lines == ()
    places.adopt(Plan(lines=(_line(),)))
    assert play(places, actors, 9, from_s=8).last.lines[0].forward == 0


def test_after_a_reset_counts_are_zero_and_nobody_came_from_anywhere() -> None:
    places = _places(EntryRule(), RestrictedRule(), lines=(_line(),))
    actors = [Actor(1, straight((0.1, 0.6), (0.6, 0.6), 3))]
    assert play(places, actors, 4).last.lines[0].forward == 1
    places.reset()
    played = play(places, actors, 4.4, from_s=4)
    assert not played.told()
    assert (played.last.lines[0].forward, played.last.zones[0].occupancy) == (0, 1)


def test_the_mask_is_made_once_for_each_plan_and_size() -> None:
    corner = Zone(id="tree", kind="exclude", points=((0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5)))
    places = Places(Plan(zones=(corner,)))
    mask = places.mask((160, 120))
    assert mask is not None
    assert mask is places.mask((160, 120))
    assert (mask.shape, int(mask[10, 10]), int(mask[100, 100])) == ((120, 160), 0, 255)
    assert places.step([], None, 0, NOON).zones == (), "only `watch` zones are counted in"
    places.adopt(Plan())
    assert places.mask((160, 120)) is None


def test_how_long_rules_must_see_what_stands_still() -> None:
    assert longest_wait_s(Plan()) == 0
    rules = (LoiteringRule(after_s=90), CrowdingRule(after_s=120), LeftRule(after_s=3000), SpeedRule(limit=1))
    assert longest_wait_s(Plan(zones=(_zone(*rules),))) == 120
    assert 0 < longest_wait_s(Plan(zones=(_zone(RemovedRule()),))) < 60


WALKS = st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0.25, 0.98)), min_size=1, max_size=12)


@given(WALKS, st.sampled_from([5.0, 15.0]))
def test_whoever_goes_wherever_counts_add_up(stops: list[tuple[float, float]], fps: float) -> None:
    """A line right across the picture: forward less backward is where one is, at most one apart; and a thing is in a
    zone once or not at all."""

    def way(at_s: float) -> tuple[float, float]:
        at = min(int(at_s), len(stops) - 1)
        (x, y), (u, v) = stops[at], stops[min(at + 1, len(stops) - 1)]
        return x + (u - x) * (at_s % 1), y + (v - y) * (at_s % 1)

    line = Line(id="trip", a=(0.5, 1.0), b=(0.5, 0.0))
    played = play(_places(EntryRule(), ExitRule(), lines=(line,)), [Actor(1, way, w=0.02)], len(stops) + 1, fps=fps)
    assert [report.zones[0].occupancy for _, report in played.reports if report.zones[0].occupancy > 1] == []
    (counted,) = played.last.lines
    start, end = stops[0][0], stops[-1][0]
    if abs(start - 0.5) > 0.03 and abs(end - 0.5) > 0.03:
        assert counted.forward - counted.backward == (end > 0.5) - (start > 0.5)
    entered = len({one.finding.since_ns for one in played.told("zone_entered")})
    left = len({one.finding.since_ns for one in played.told("zone_left")})
    assert abs(entered - left) <= 1
