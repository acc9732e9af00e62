"""The rules of a zone that hold as long as something goes on: restricted, loitering, crowding, speed, wrong way."""

import datetime as dt
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

from contract.plan import CrowdingRule, LoiteringRule, RestrictedRule, Rule, SpeedRule, WrongWayRule, Zone
from edge.vision.findings import LOITERING, Finding, Thing
from edge.vision.places.hours import is_within
from edge.vision.places.presence import Member
from edge.vision.places.telling import (
    CROWDING,
    ROI_VIOLATION,
    SPEEDING,
    WRONG_WAY,
    Case,
    When,
    against,
    fits,
    named,
    sureness,
    told,
    zone_name,
)

_PAUSE_NS: Final = 700_000_000
"""A shorter pause does not end what goes on."""
_SPEEDING_S: Final = 0.2
_WRONG_S: Final = 0.5
"""So long it must be so: for a moment a box can jump, when it parts from another."""


LASTING: Final = (RestrictedRule, LoiteringRule, CrowdingRule, SpeedRule, WrongWayRule)
"""Rules about who is in a zone; the others are about who comes, leaves, or left something."""


class RuleJudge:
    """Judges who is in a zone by its rules, frame after frame."""

    def __init__(self) -> None:
        self._spells: dict[Hashable, tuple[int, int]] = {}
        self._cases: dict[type[Rule], Callable[[Zone, Any, Sequence[Member], int], Case | None]] = {
            RestrictedRule: _stays,
            LoiteringRule: _stays,
            CrowdingRule: self._crowds,
            SpeedRule: self._speeds,
            WrongWayRule: self._goes_wrong,
        }

    def judge(
        self, zone: Zone, rules: Sequence[Rule], members: Sequence[Member], when: When, local: dt.datetime | None
    ) -> list[Finding]:
        """What `rules`, each one of `LASTING`, have to say about the members of `zone` at this time of the place."""
        found = []
        for rule in rules:
            meant = members
            if rule.labels:
                meant = [member for member in members if fits(rule.labels, member.thing.box.label)]
            if meant and is_within(rule.hours, local):
                case = self._cases[type(rule)](zone, rule, meant, when.at_ns)
                if case:
                    found.append(told(case, zone, rule, when))
        return found

    def forget(self, at_ns: int) -> None:
        """Let go of what has ended."""
        self._spells = {key: spell for key, spell in self._spells.items() if at_ns - spell[1] <= _PAUSE_NS}

    def reset(self) -> None:
        """Nothing goes on."""
        self._spells.clear()

    def _crowds(self, zone: Zone, rule: CrowdingRule, members: Sequence[Member], at_ns: int) -> Case | None:
        if len(members) < rule.count:
            return None
        began_ns = self._since((zone.id, rule), at_ns)
        if at_ns - began_ns < rule.after_s * 1e9:
            return None
        words = f"{len(members)} things are in {zone_name(zone)} at once; {rule.count} are a crowd"
        return Case(
            type=CROWDING,
            since_ns=began_ns,
            boxes=[member.thing.box for member in members],
            confidence=against(len(members), rule.count),
            words=words,
        )

    def _speeds(self, zone: Zone, rule: SpeedRule, members: Sequence[Member], at_ns: int) -> Case | None:
        fast = [(member.thing.speed, member.thing) for member in members if member.thing.speed > rule.limit]
        lasting = self._lasting(zone, rule, fast, at_ns, _SPEEDING_S)
        if not lasting:
            return None
        speed, since_ns, thing = lasting[0]
        words = (
            f"{named(thing)} in {zone_name(zone)} moves {speed:.2f} picture widths a second; "
            f"{rule.limit:.2f} is the limit"
        )
        return Case(
            type=SPEEDING,
            since_ns=since_ns,
            things=[thing for *_, thing in lasting],
            confidence=against(speed, rule.limit),
            words=words,
        )

    def _goes_wrong(self, zone: Zone, rule: WrongWayRule, members: Sequence[Member], at_ns: int) -> Case | None:
        headed = [(_off(member.thing.heading_deg, rule), member.thing) for member in members]
        wrong = [one for one in headed if one[0] > rule.tolerance_deg]
        lasting = self._lasting(zone, rule, wrong, at_ns, _WRONG_S)
        if not lasting:
            return None
        _, since_ns, thing = lasting[0]
        words = (
            f"{named(thing)} in {zone_name(zone)} heads {thing.heading_deg or 0:.0f} degrees; "
            f"{rule.allowed:.0f} is allowed, give or take {rule.tolerance_deg:.0f}"
        )
        return Case(
            type=WRONG_WAY,
            since_ns=since_ns,
            things=[thing for *_, thing in lasting],
            confidence=sureness(thing),
            words=words,
        )

    def _lasting(
        self, zone: Zone, rule: Rule, found: Sequence[tuple[float, Thing]], at_ns: int, least_s: float
    ) -> list[tuple[float, int, Thing]]:
        """Of things for which something is so to some degree those for which it has been so for `least_s`, each with
        the degree and since when; the worst first."""
        since = [(degree, self._since((zone.id, rule, thing.box.track), at_ns), thing) for degree, thing in found]
        lasting = [one for one in since if at_ns - one[1] >= least_s * 1e9]
        lasting.sort(key=itemgetter(0), reverse=True)
        return lasting

    def _since(self, key: Hashable, at_ns: int) -> int:
        """Since when something has been so that is so now."""
        began_ns, last_ns = self._spells.get(key, (at_ns, at_ns))
        if at_ns - last_ns > _PAUSE_NS:
            began_ns = at_ns
        self._spells[key] = began_ns, at_ns
        return began_ns


def _stays(zone: Zone, rule: RestrictedRule | LoiteringRule, members: Sequence[Member], at_ns: int) -> Case | None:
    after_ns = rule.after_s * 1e9
    staying = [member for member in members if at_ns - member.since_ns >= after_ns]
    if not staying:
        return None
    longest = min(staying, key=attrgetter("since_ns"))
    thing, since_ns = longest.thing, longest.since_ns
    seconds = (at_ns - since_ns) / 1e9
    if isinstance(rule, LoiteringRule):
        kind, confidence = LOITERING, against(seconds, rule.after_s)
        words = f"{named(thing)} stays in {zone_name(zone)} for {seconds:.0f} s; {rule.after_s:.0f} s is the limit"
    else:
        kind, confidence = ROI_VIOLATION, sureness(thing)
        words = f"{named(thing)} is in {zone_name(zone)} for {seconds:.1f} s; {rule.after_s:.1f} s are tolerated"
    things = [thing, *[member.thing for member in staying if member is not longest]]
    return Case(type=kind, since_ns=since_ns, things=things, confidence=confidence, words=words)


def _off(heading_deg: float | None, rule: WrongWayRule) -> float:
    """By how many degrees a thing goes another way than is allowed, 0 to 180; 0 while it does not go."""
    return 0.0 if heading_deg is None else abs((heading_deg - rule.allowed + 180) % 360 - 180)
