"""How findings about zones and lines are told: their types, how grave and how sure they are, and the words."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from contract.messages import Box
from contract.plan import Line, Rule, Zone
from edge.vision.findings import BOXES, Finding, Thing
from edge.vision.places.hours import UNTRUSTED, lifted

ZONE_ENTERED: Final = "zone_entered"
ZONE_LEFT: Final = "zone_left"
ROI_VIOLATION: Final = "roi_violation"
CROWDING: Final = "crowding"
SPEEDING: Final = "speeding"
WRONG_WAY: Final = "wrong_way"
OBJECT_LEFT: Final = "object_left"
OBJECT_REMOVED: Final = "object_removed"
LINE_CROSSED: Final = "line_crossed"
UNLABELLED: Final = ("motion", "still", "")
"""What a box is called that no detector has looked at."""
_SURE_AFTER_S: Final = 2.0


class When(Struct, frozen=True):
    """The time of a frame: by its own clock, by how many sigma it is graver now, whether wall time is trusted."""

    at_ns: int
    bonus: float
    trusted: bool


class Case(Struct, frozen=True, kw_only=True):
    """What is the case: since when, about whom (the first is the worst), how sure, and in words."""

    type: str
    since_ns: int
    things: Sequence[Thing] = ()
    boxes: Sequence[Box] = ()
    confidence: float
    words: str


def told(case: Case, place: Zone | Line, rule: Rule | Line, when: When) -> Finding:
    """The finding that `rule` of `place` makes of a case."""
    worst = case.things[0] if case.things else None
    sure = worst.label_confidence if worst and rule.labels and worst.label_confidence else 1.0
    reasons = [case.words]
    severity = lifted(rule.severity, when.bonus)
    if severity != rule.severity:
        reasons.append(f"graver after hours: {severity} instead of {rule.severity}")
    if rule.hours and not when.trusted:
        reasons.append(UNTRUSTED)
    boxes = case.boxes or [thing.box for thing in case.things]
    of_one = case.things or len(boxes) == 1
    return Finding(
        type=case.type,
        since_ns=case.since_ns,
        severity=severity,
        confidence=round(min(max(case.confidence * sure, 0.0), 1.0), 3),
        reasoning=tuple(reasons),
        boxes=tuple(boxes[:BOXES]),
        zone=place.id,
        track=boxes[0].track if of_one else None,
    )


def fits(labels: Sequence[str], label: str) -> bool | None:
    """Whether a thing of a class is meant by a rule for `labels`; None while no detector has looked at it."""
    if not labels or label in labels:
        return True
    return None if label in UNLABELLED else False


def named(thing: Thing) -> str:
    """`a thing`, or what a detector took it for."""
    label = thing.box.label
    if label in UNLABELLED:
        return "a thing"
    return f"an {label}" if label[0] in "aeiou" else f"a {label}"


def zone_name(zone: Zone) -> str:
    """`zone Gate`, by its name or else its id."""
    return f"zone {zone.name or zone.id}"


def line_name(line: Line) -> str:
    """`line Gate`, by its name or else its id."""
    return f"line {line.name or line.id}"


def sureness(thing: Thing) -> float:
    """A half for what has just been seen for the first time, 1 for what is known for two seconds."""
    return 0.5 + 0.5 * min(thing.age_s / _SURE_AFTER_S, 1.0)


def against(value: float, limit: float) -> float:
    """A half at the limit, 1 at twice the limit."""
    return 0.5 * value / limit if limit > 0 else 1.0
