"""The rules of a zone that hold as long as something goes on: restricted, loitering, crowding, speed, wrong way."""

from collections.abc import Hashable, Sequence
from typing import Final

from contract.plan import CrowdingRule, LoiteringRule, RestrictedRule, Rule, SpeedRule, WrongWayRule, Zone
from edge.vision.findings import LOITERING, Finding
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

    def judge(self, zone: Zone, rule: Rule, members: Sequence[Member], when: When) -> Finding | None:
        """What `rule` has to say about the members of `zone`."""
        meant = members
        if rule.labels:
            meant = [member for member in members if fits(rule.labels, member.thing.box.label)]
        case = self._case(zone, rule, meant, when.at_ns) if meant else None
        return told(case, zone, rule, when) if case else None

    def forget(self, at_ns: int) -> None:
        """Let go of what has ended."""
        self._spells = {key: spell for key, spell in self._spells.items() if at_ns - spell[1] <= _PAUSE_NS}

    def reset(self) -> None:
        """Nothing goes on."""
        self._spells.clear()

    def _case(self, zone: Zone, rule: Rule, members: Sequence[Member], at_ns: int) -> Case | None:
        match rule:
            case RestrictedRule() | LoiteringRule():
                return _stays(zone, rule, members, at_ns)
            case CrowdingRule():
                return self._crowds(zone, rule, members, at_ns)
            case SpeedRule():
                return self._speeds(zone, rule, members, at_ns)
            case WrongWayRule():
                return self._goes_wrong(zone, rule, members, at_ns)
            case _:
                return None

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
        fast = [member for member in members if member.thing.speed > rule.limit]
        lasting = self._lasting(zone, rule, fast, at_ns, _SPEEDING_S)
        if not lasting:
            return None
        lasting.sort(key=lambda one: -one[0].thing.speed)
        thing = lasting[0][0].thing
        words = (
            f"{named(thing)} in {zone_name(zone)} moves {thing.speed:.2f} picture widths a second; "
            f"{rule.limit:.2f} is the limit"
        )
        return Case(
            type=SPEEDING,
            since_ns=lasting[0][1],
            things=[member.thing for member, _ in lasting],
            confidence=against(thing.speed, rule.limit),
            words=words,
        )

    def _goes_wrong(self, zone: Zone, rule: WrongWayRule, members: Sequence[Member], at_ns: int) -> Case | None:
        wrong = [member for member in members if _off(member, rule) > rule.tolerance_deg]
        lasting = self._lasting(zone, rule, wrong, at_ns, _WRONG_S)
        if not lasting:
            return None
        lasting.sort(key=lambda one: -_off(one[0], rule))
        thing = lasting[0][0].thing
        words = (
            f"{named(thing)} in {zone_name(zone)} heads {thing.heading_deg or 0:.0f} degrees; "
            f"{rule.allowed:.0f} is allowed, give or take {rule.tolerance_deg:.0f}"
        )
        return Case(
            type=WRONG_WAY,
            since_ns=lasting[0][1],
            things=[member.thing for member, _ in lasting],
            confidence=sureness(thing),
            words=words,
        )

    def _lasting(
        self, zone: Zone, rule: Rule, members: Sequence[Member], at_ns: int, least_s: float
    ) -> list[tuple[Member, int]]:
        """The members of whom it has been so for `least_s`, each with since when."""
        if not members:
            return []
        since = [(member, self._since((zone.id, rule, member.thing.box.track), at_ns)) for member in members]
        return [(member, began_ns) for member, began_ns in since if at_ns - began_ns >= least_s * 1e9]

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
    longest = min(staying, key=lambda member: member.since_ns)
    thing, since_ns = longest.thing, longest.since_ns
    seconds = (at_ns - since_ns) / 1e9
    if isinstance(rule, LoiteringRule):
        kind, confidence = LOITERING, against(seconds, rule.after_s)
        words = f"{named(thing)} stays in {zone_name(zone)} for {seconds:.0f} s; {rule.after_s:.0f} s is the limit"
    else:
        kind, confidence = ROI_VIOLATION, sureness(thing)
        words = f"{named(thing)} is in {zone_name(zone)} for {seconds:.1f} s; {rule.after_s:.1f} s are tolerated"
    things = [thing, *(member.thing for member in staying if member is not longest)]
    return Case(type=kind, since_ns=since_ns, things=things, confidence=confidence, words=words)


def _off(member: Member, rule: WrongWayRule) -> float:
    """By how many degrees a thing goes another way than is allowed, 0 to 180; 0 while it does not go."""
    heading = member.thing.heading_deg
    return 0.0 if heading is None else abs((heading - rule.allowed + 180) % 360 - 180)
