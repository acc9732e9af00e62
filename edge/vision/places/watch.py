"""What goes on in the zones and on the lines of a plan: who is where, who crossed what, which rules are broken."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from contract.plan import (
    CrowdingRule,
    EntryRule,
    ExitRule,
    LeftRule,
    LoiteringRule,
    Plan,
    RemovedRule,
    RestrictedRule,
    Rule,
    Zone,
)
from edge.vision.findings import Finding, Thing
from edge.vision.pixels.luma import Plane
from edge.vision.places.crossings import Crossed, Crossings
from edge.vision.places.geometry import foot_of
from edge.vision.places.hours import after_hours_bonus, is_within
from edge.vision.places.masking import counting_mask
from edge.vision.places.moments import Held, Labelled
from edge.vision.places.objects import ObjectRule, Objects
from edge.vision.places.patches import View
from edge.vision.places.presence import Member, Passage, Presence
from edge.vision.places.rules import LASTING, RuleJudge
from edge.vision.places.telling import (
    LINE_CROSSED,
    ZONE_ENTERED,
    ZONE_LEFT,
    Case,
    When,
    line_name,
    named,
    sureness,
    told,
    zone_name,
)
from edge.vision.state import LineState, ZoneState

__all__ = ["PlaceReport", "Places", "View", "longest_wait_s"]
_MOST: Final = 64
"""So many findings a frame are enough."""
_SETTLING_S: Final = 5.0
"""What was left or taken is recognised within so long; then its spot is remembered."""


class PlaceReport(Struct, frozen=True):
    """What one frame says about the places of a plan: `zones` are the `watch` zones, in the order of the plan, whose
    version is `plan_version`."""

    findings: tuple[Finding, ...]
    zones: tuple[ZoneState, ...]
    lines: tuple[LineState, ...]
    plan_version: int = 0


class Places:
    """The zones and lines of one camera; belongs to one thread at a time. Times are nanoseconds of the frames."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._zones = _watched(plan)
        self._rules = _lasting_of(self._zones)
        self._object_rules, self._object_zones = _object_rules_of(self._zones)
        self._presence = Presence(self._zones)
        self._crossings = Crossings(plan.lines)
        self._judge = RuleJudge()
        self._objects = Objects()
        self._passages: Labelled[tuple[Passage, Rule]] = Labelled()
        self._crossed: Labelled[Crossed] = Labelled()
        self._held = Held()
        self._counts: dict[str, tuple[int, int]] = {}
        self._masks: dict[tuple[int, int], Plane | None] = {}

    @property
    def plan(self) -> Plan:
        """The plan that holds."""
        return self._plan

    def adopt(self, plan: Plan) -> None:
        """Let `plan` hold from now on. Counts, and who is where, stay for zones and lines that are still there; where
        one was drawn anew, who is in it now is no news."""
        self._plan = plan
        self._zones = _watched(plan)
        self._rules = _lasting_of(self._zones)
        self._object_rules, self._object_zones = _object_rules_of(self._zones)
        self._presence.adopt(self._zones)
        self._crossings.adopt(plan.lines)
        self._passages.clear()
        self._crossed.clear()
        self._held.clear()
        self._counts = {line.id: self._counts[line.id] for line in plan.lines if line.id in self._counts}
        self._masks.clear()

    def mask(self, size: tuple[int, int]) -> Plane | None:
        """255 where motion counts, 0 where include, exclude or privacy zones say that it is ignored, uint8
        [height, width]; None if it counts everywhere. `size` is (width, height). It is the same plane each time."""
        if size not in self._masks:
            self._masks = {size: counting_mask(self._plan, size)}
        return self._masks[size]

    def step(
        self,
        things: Sequence[Thing],
        view: View | None,
        at_ns: int,
        local: dt.datetime | None,
        *,
        judged: bool = True,
    ) -> PlaceReport:
        """Judge one frame. `local` is the time of the place (`PlanClock`), None if not known: then rules with hours
        hold always. Without a `view` (while the background is learned, or the picture is no good) nothing is said
        about objects left or removed. A picture that is not `judged` proves of nobody that they are still there."""
        when = When(at_ns, after_hours_bonus(self._plan, local), local is not None)
        self._note_moments(things, when, local)
        members = self._presence.members(at_ns)
        findings = self._held.going_on(at_ns) + (self._lasting(members, when, local) if judged else [])
        if view is not None:
            findings += self._left_and_removed(things, view, when, local)
        states = self._zone_states(members, findings), self._line_states()
        return PlaceReport(tuple(findings[:_MOST]), *states, plan_version=self._plan.version)

    def reset(self) -> None:
        """Forget who is where, and count from zero."""
        for part in (self._presence, self._crossings, self._judge, self._objects):
            part.reset()
        for moments in (self._passages, self._crossed, self._held):
            moments.clear()
        self._counts.clear()

    def _note_moments(self, things: Sequence[Thing], when: When, local: dt.datetime | None) -> None:
        """Who came, left or crossed a line: counted, and told for a while."""
        feet = [foot_of(thing.box) for thing in things]
        for passage in self._presence.step(things, feet, when.at_ns):
            for rule in passage.zone.rules:
                if _is_about(rule, passage) and is_within(rule.hours, local):
                    self._passages.put((passage, rule), rule.labels, passage.thing, when.at_ns)
        for crossed in self._crossings.step(things, feet, when.at_ns):
            self._crossed.put(crossed, crossed.line.labels, crossed.thing, when.at_ns)
        newest = {thing.box.track: thing for thing in things}
        for (passage, rule), thing in self._passages.settle(newest, when.at_ns):
            self._held.put(told(_passage_case(passage, thing), passage.zone, rule, when), when.at_ns)
        for crossed, thing in self._crossed.settle(newest, when.at_ns):
            self._count(crossed, thing, when, local)

    def _count(self, crossed: Crossed, thing: Thing, when: When, local: dt.datetime | None) -> None:
        line = crossed.line
        forward, backward = self._counts.get(line.id, (0, 0))
        self._counts[line.id] = forward + crossed.forward, backward + (not crossed.forward)
        if line.alarm in ("both", "forward" if crossed.forward else "backward") and is_within(line.hours, local):
            self._held.put(told(_crossed_case(crossed, thing), line, line, when), when.at_ns)

    def _lasting(self, members: Sequence[list[Member]], when: When, local: dt.datetime | None) -> list[Finding]:
        found: list[Finding] = []
        for zone, rules, inside in zip(self._zones, self._rules, members, strict=True):
            if inside:
                found += self._judge.judge(zone, rules, inside, when, local)
        self._judge.forget(when.at_ns)
        return found

    def _left_and_removed(
        self, things: Sequence[Thing], view: View, when: When, local: dt.datetime | None
    ) -> list[Finding]:
        if not self._object_rules:
            return []
        self._objects.step(things, view, self._object_zones, when.at_ns)
        return self._objects.findings([one for one in self._object_rules if is_within(one[1].hours, local)], when)

    def _zone_states(self, members: Sequence[list[Member]], findings: Sequence[Finding]) -> tuple[ZoneState, ...]:
        alarmed = {finding.zone for finding in findings}
        return tuple(
            ZoneState(id=zone.id, occupancy=len(inside), alarm=zone.id in alarmed)
            for zone, inside in zip(self._zones, members, strict=True)
        )

    def _line_states(self) -> tuple[LineState, ...]:
        counts = [(line.id, *self._counts.get(line.id, (0, 0))) for line in self._plan.lines]
        return tuple(LineState(id=name, forward=forward, backward=backward) for name, forward, backward in counts)


def longest_wait_s(plan: Plan) -> float:
    """For how long what stands still must be kept apart from the background so that the rules of `plan` can see it;
    0 if no rule needs it."""
    return max((_wait_s(rule) for zone in _watched(plan) for rule in zone.rules), default=0.0)


def _watched(plan: Plan) -> tuple[Zone, ...]:
    return tuple(zone for zone in plan.zones if zone.kind == "watch")


def _lasting_of(zones: Sequence[Zone]) -> tuple[tuple[Rule, ...], ...]:
    return tuple(tuple(rule for rule in zone.rules if isinstance(rule, LASTING)) for zone in zones)


def _object_rules_of(zones: Sequence[Zone]) -> tuple[list[ObjectRule], list[Zone]]:
    """The rules about objects, and the zones that have any."""
    rules = [(zone, rule) for zone in zones for rule in zone.rules if isinstance(rule, LeftRule | RemovedRule)]
    return rules, list({zone.id: zone for zone, _ in rules}.values())


def _wait_s(rule: Rule) -> float:
    match rule:
        case LoiteringRule() | RestrictedRule() | CrowdingRule():
            return rule.after_s
        case LeftRule() | RemovedRule():
            return _SETTLING_S
        case _:
            return 0.0


def _is_about(rule: Rule, passage: Passage) -> bool:
    return isinstance(rule, EntryRule if passage.entered else ExitRule)


def _passage_case(passage: Passage, thing: Thing) -> Case:
    kind, did = (ZONE_ENTERED, "came into") if passage.entered else (ZONE_LEFT, "left")
    words = f"{named(thing)} {did} {zone_name(passage.zone)}"
    return Case(type=kind, since_ns=passage.at_ns, things=(thing,), confidence=sureness(thing), words=words)


def _crossed_case(crossed: Crossed, thing: Thing) -> Case:
    way = "forward" if crossed.forward else "backward"
    words = f"{named(thing)} crossed {line_name(crossed.line)} {way}"
    return Case(type=LINE_CROSSED, since_ns=crossed.at_ns, things=(thing,), confidence=sureness(thing), words=words)
