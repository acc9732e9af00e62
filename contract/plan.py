"""The plan of a place: what people have drawn over a camera's picture, and what is to be watched there.

A plan is one versioned document for each camera: zones, lines, privacy, sensitivity, schedules. It is drawn in the
page or sent from afar, kept on the device, and holds no secret. Coordinates are shares of the picture: 0,0 is the upper
left corner, 1,1 the lower right. Directions are degrees clockwise, 0 up, 90 right.
"""

from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from contract.errors import InvalidPlanError
from contract.ids import Id
from contract.messages import Ratio, Severity

MOST_BYTES: Final = 128 * 1024
"""A larger document is no plan."""
_LEAST_AREA: Final = 1e-4
Point = tuple[Ratio, Ratio]
Name = Annotated[str, Meta(max_length=60, description="what people call it")]
Seconds = Annotated[float, Meta(ge=1, le=86_400)]
Direction = Annotated[float, Meta(ge=0, lt=360, description="degrees clockwise, 0 up, 90 right")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](?![\s\S])", description="such as 22:00")]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a plan."""


class Hours(_Part, frozen=True, kw_only=True):
    """A span of each of some days, by the plan's time zone. An end before the start is on the next day; a start equal
    to the end is the whole day."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)] = DAYS
    start: TimeOfDay
    end: TimeOfDay


class _Rule(_Part, frozen=True, kw_only=True, tag_field="type"):
    """What all rules have: how grave it is, when it holds (None: always), and for which detected classes (empty: for
    all that moves, detected or not)."""

    severity: Severity = "MEDIUM"
    hours: Hours | None = None
    labels: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()


class EntryRule(_Rule, frozen=True, kw_only=True, tag="entry"):
    """Something comes into the zone from outside. Event `zone_entered`."""


class ExitRule(_Rule, frozen=True, kw_only=True, tag="exit"):
    """Something leaves the zone. Event `zone_left`."""


class RestrictedRule(_Rule, frozen=True, kw_only=True, tag="restricted"):
    """Something is in the zone at all, longer than `after_s`. Event `roi_violation`, as long as it goes on."""

    after_s: Annotated[float, Meta(ge=0, le=3600)] = 0.5


class LoiteringRule(_Rule, frozen=True, kw_only=True, tag="loitering"):
    """One thing stays in the zone for so long. Event `loitering`."""

    after_s: Seconds = 60.0


class CrowdingRule(_Rule, frozen=True, kw_only=True, tag="crowding"):
    """So many things or more are in the zone at once, for `after_s`. Event `crowding`."""

    count: Annotated[int, Meta(ge=2, le=500)] = 5
    after_s: Annotated[float, Meta(ge=0, le=3600)] = 2.0


class SpeedRule(_Rule, frozen=True, kw_only=True, tag="speed"):
    """Something is faster than this share of the picture's width a second. Event `speeding`."""

    limit: Annotated[float, Meta(gt=0, le=20, description="picture widths a second")]


class WrongWayRule(_Rule, frozen=True, kw_only=True, tag="wrong_way"):
    """Something goes against the direction that is allowed. Event `wrong_way`."""

    allowed: Direction
    tolerance_deg: Annotated[float, Meta(ge=10, le=170)] = 90.0


class LeftRule(_Rule, frozen=True, kw_only=True, tag="object_left"):
    """Something was brought and stands still for so long. Event `object_left`."""

    after_s: Seconds = 30.0


class RemovedRule(_Rule, frozen=True, kw_only=True, tag="object_removed"):
    """Something that belonged to the scene is gone for so long. Event `object_removed`."""

    after_s: Seconds = 10.0


Rule = (
    EntryRule
    | ExitRule
    | RestrictedRule
    | LoiteringRule
    | CrowdingRule
    | SpeedRule
    | WrongWayRule
    | LeftRule
    | RemovedRule
)


class Zone(_Part, frozen=True, kw_only=True):
    """A polygon. `include`: what moves outside of all of these is ignored; `exclude`: what moves inside is ignored;
    `privacy`: painted over in every picture that leaves the capture room; `watch`: has rules and an occupancy count.
    """

    id: Id
    name: Name = ""
    kind: Literal["include", "exclude", "privacy", "watch"] = "watch"
    points: Annotated[tuple[Point, ...], Meta(min_length=3, max_length=32)]
    rules: Annotated[tuple[Rule, ...], Meta(max_length=12)] = ()


class Line(_Part, frozen=True, kw_only=True):
    """A trip line from `a` to `b`. Who crosses it to the right hand of one who looks from `a` to `b` goes `forward`.

    Crossings are counted both ways; one in a direction of `alarm` is an event `line_crossed`.
    """

    id: Id
    name: Name = ""
    a: Point
    b: Point
    alarm: Literal["none", "forward", "backward", "both"] = "both"
    severity: Severity = "LOW"
    hours: Hours | None = None
    labels: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()


class AfterHours(_Part, frozen=True, kw_only=True):
    """When nobody is expected: what is unusual then is `score_bonus` sigma graver (U1.1)."""

    hours: Hours = Hours(start="22:00", end="06:00")
    score_bonus: Annotated[float, Meta(ge=0, le=5)] = 1.5


class Plan(_Part, frozen=True, kw_only=True):
    """The plan of one camera. `version` grows with each change; a writer names the version that it changed."""

    v: Literal[1] = 1
    version: Annotated[int, Meta(ge=0)] = 0
    zones: Annotated[tuple[Zone, ...], Meta(max_length=32)] = ()
    lines: Annotated[tuple[Line, ...], Meta(max_length=16)] = ()
    sensitivity: Annotated[float, Meta(ge=0.25, le=4, description="divides the learned alarm threshold")] | None = None
    """None: what the configuration says."""
    after_hours: AfterHours | None = None
    face_blur: Annotated[bool, Meta(description="whether faces are made unrecognisable in every picture")] = False
    timezone: Annotated[str, Meta(max_length=64, description="IANA name for hours; empty: the device's own")] = ""

    def __post_init__(self) -> None:
        """What types alone do not say."""
        ids = [zone.id for zone in self.zones] + [line.id for line in self.lines]
        doubled = next((one for one in ids if ids.count(one) > 1), None)
        if doubled:
            raise ValueError(f"two zones or lines have the id {doubled!r}")
        for zone in self.zones:
            _check_zone(zone)
        for line in self.lines:
            if line.a == line.b:
                raise ValueError(f"line {line.id!r} begins where it ends")
        _check_timezone(self.timezone)


def decode_plan(raw: bytes) -> Plan:
    """Read a plan from JSON; raise `InvalidPlanError` that names the field and what would be right."""
    if len(raw) > MOST_BYTES:
        raise InvalidPlanError(f"plan: {len(raw)} bytes are too many; {MOST_BYTES} is the limit")
    try:
        return msgspec.json.decode(raw, type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidPlanError(f"plan: {error}") from error


def encode_plan(plan: Plan) -> bytes:
    """A plan as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def uncovered(before: Plan, wanted: Plan) -> str:
    """The place in `wanted` that shows what `before` hides: a privacy zone moved or removed, or faces; else empty."""
    kept = {zone.points for zone in wanted.zones if zone.kind == "privacy"}
    for zone in before.zones:
        if zone.kind == "privacy" and zone.points not in kept:
            return f"zones.{zone.id}"
    return "face_blur" if before.face_blur and not wanted.face_blur else ""


def area(points: tuple[Point, ...]) -> float:
    """The share of the picture that a polygon without crossings encloses: the shoelace formula."""
    turned = (*points[1:], points[0])
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, turned, strict=True))) / 2


def _check_zone(zone: Zone) -> None:
    if area(zone.points) < _LEAST_AREA:
        raise ValueError(f"zone {zone.id!r} encloses nothing; draw it larger")
    if zone.rules and zone.kind != "watch":
        raise ValueError(f"zone {zone.id!r} is of the kind {zone.kind!r}: only a `watch` zone has rules")


def _check_timezone(name: str) -> None:
    if not name:
        return
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"timezone {name!r:.80} is not known here; use a name such as Europe/Berlin") from error
