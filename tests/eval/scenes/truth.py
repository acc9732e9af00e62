"""What is true of a scene, and how what the product said of it is judged.

An `Expected` is one event that must open: its type, its zone or line, the second at which it becomes true and how much
later it may be told. Every other event that opens is false, but for what the scene tolerates, and for `motion` while
something can be seen moving.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from contract.plan import Plan
from edge.vision.state import ConditionKind
from tests.support.rendered_camera import Weather
from tests.support.rendered_movers import Mover, is_seen

MOTION: Final = "motion"
_EARLY_S: Final = 0.8
"""An event may be told so much before it is true: a walker's shadow is half a step ahead, and where the picture's edge
cuts somebody the middle of what is seen is not the middle of the person."""
_LINGERS_S: Final = 1.5
"""Motion may be told so long after the last of it."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An event that must open between `at_s` and `within_s` later."""

    type: str
    zone: str | None = None
    at_s: float
    within_s: float = 1.5
    or_type: str | None = None
    """Another type that is right as well."""


@dataclass(frozen=True, kw_only=True)
class ExpectedCondition:
    """A condition of the picture that must be told between `at_s` and `within_s` later, and held until `to_s`; within
    `recovers_s` after that the picture must be called fit again."""

    kind: ConditionKind
    at_s: float
    within_s: float = 5.0
    to_s: float = math.inf
    recovers_s: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Tolerated:
    """Events of a type that are neither asked for nor wrong, between two times."""

    type: str
    zone: str | None = None
    from_s: float = 0.0
    to_s: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A script: what is to be seen, the plan of the place, and the truth."""

    name: str
    seconds: float
    plan: Plan = field(default_factory=Plan)
    movers: tuple[Mover, ...] = ()
    weather: tuple[Weather, ...] = ()
    expected: tuple[Expected, ...] = ()
    conditions: tuple[ExpectedCondition, ...] = ()
    tolerated: tuple[Tolerated, ...] = ()
    counts: tuple[tuple[str, int, int], ...] = ()
    """Of each line at the end: its id, crossings forward, crossings backward."""
    occupied: tuple[tuple[str, float, int], ...] = ()
    """Zone, second, and how many are in it then."""
    same_track: tuple[tuple[float, float], ...] = ()
    """Pairs of seconds between which the one thing in the picture must keep its number."""
    settings: dict[str, Any] = field(default_factory=dict)
    noise: float = 2.5
    seed: int = 1


@dataclass(frozen=True)
class Opened:
    """An event that the product opened."""

    at_s: float
    type: str
    zone: str | None


@dataclass(frozen=True)
class Glimpse:
    """What the product showed at one frame: the condition, and the numbers of what moves."""

    at_s: float
    condition: str
    tracks: tuple[int, ...]
    occupancy: dict[str, int]
    counts: dict[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a scene went: delays of what was found, words for what was missed and for what was false."""

    delays_s: tuple[float, ...]
    missed: tuple[str, ...]
    false: tuple[str, ...]

    @property
    def found(self) -> int:
        """How many of the things that had to be found were."""
        return len(self.delays_s)

    @property
    def due(self) -> int:
        """How many things had to be found."""
        return self.found + len(self.missed)


def judge(scene: Scene, opened: Sequence[Opened], shown: Sequence[Glimpse]) -> Verdict:
    """Hold what the product said against the truth."""
    delays: list[float] = []
    missed: list[str] = []
    left = list(opened)
    for wanted in scene.expected:
        match = next((one for one in left if _matches(wanted, one)), None)
        if match is None:
            missed.append(_words(wanted.type, wanted.zone, wanted.at_s))
        else:
            left.remove(match)
            delays.append(match.at_s - wanted.at_s)
    false = [_words(one.type, one.zone, one.at_s) for one in left if not _excused(scene, one)]
    for part in (_conditions(scene, shown), _states(scene, shown)):
        delays += part.delays_s
        missed += part.missed
        false += part.false
    return Verdict(delays_s=tuple(delays), missed=tuple(missed), false=tuple(false))


def _matches(wanted: Expected, one: Opened) -> bool:
    same = one.type in {wanted.type, wanted.or_type} and wanted.zone in {None, one.zone}
    return same and wanted.at_s - _EARLY_S <= one.at_s <= wanted.at_s + wanted.within_s


def _excused(scene: Scene, one: Opened) -> bool:
    if one.type == MOTION and any(
        is_seen(mover, one.at_s - back) for mover in scene.movers for back in (0, _LINGERS_S)
    ):
        return True
    return any(
        one.type == rule.type and rule.zone in {None, one.zone} and rule.from_s <= one.at_s <= rule.to_s
        for rule in scene.tolerated
    )


def _conditions(scene: Scene, shown: Sequence[Glimpse]) -> Verdict:
    delays, missed, false = [], [], []
    for wanted in scene.conditions:
        told = [one.at_s for one in shown if one.condition == wanted.kind]
        began = next((at_s for at_s in told if wanted.at_s <= at_s <= wanted.at_s + wanted.within_s), None)
        if began is None:
            missed.append(_words(wanted.kind, None, wanted.at_s))
            continue
        delays.append(began - wanted.at_s)
        after = wanted.to_s + wanted.recovers_s
        late = [one for one in shown if one.at_s >= after and one.condition not in {"ok", *_due(scene, one.at_s)}]
        if late:
            false.append(f"still {late[0].condition} at {late[0].at_s:.1f} s")
    strange = [one for one in shown if one.condition not in {"ok", "starting", *_due(scene, one.at_s)}]
    if strange and not false:
        false.append(f"{strange[0].condition} at {strange[0].at_s:.1f} s")
    return Verdict(delays_s=tuple(delays), missed=tuple(missed), false=tuple(false))


def _due(scene: Scene, at_s: float) -> set[str]:
    """Conditions that may be told now. While one begins or ends, the picture may be called anything."""
    due: set[str] = set()
    for wanted in scene.conditions:
        if wanted.at_s <= at_s <= wanted.to_s + wanted.recovers_s:
            due |= {wanted.kind, "starting"}
        if at_s - wanted.at_s <= wanted.within_s or 0 <= at_s - wanted.to_s <= wanted.recovers_s:
            due |= (
                {"covered", "moved", "blurred", "black", "bright", "frozen", "starting"}
                if at_s >= wanted.at_s
                else set()
            )
    return due


def _states(scene: Scene, shown: Sequence[Glimpse]) -> Verdict:
    """Counts of lines, occupancy of zones, numbers of things."""
    right: list[float] = []
    missed: list[str] = []
    for line, forward, backward in scene.counts:
        got = shown[-1].counts.get(line)
        _note(right, missed, got == (forward, backward), f"{line} counted {got}, not {(forward, backward)}")
    for zone, at_s, count in scene.occupied:
        found = _near(shown, at_s).occupancy.get(zone)
        _note(right, missed, found == count, f"{found} in {zone} at {at_s:.0f} s, not {count}")
    for before, after in scene.same_track:
        first, second = _near(shown, before).tracks, _near(shown, after).tracks
        same = len(first) == 1 and first == second
        _note(right, missed, same, f"track {first} at {before:.1f} s, {second} at {after:.1f} s")
    return Verdict(delays_s=tuple(right), missed=tuple(missed), false=())


def _note(right: list[float], missed: list[str], holds: bool, words: str) -> None:
    if holds:
        right.append(0.0)
    else:
        missed.append(words)


def _near(shown: Sequence[Glimpse], at_s: float) -> Glimpse:
    return min(shown, key=lambda one: abs(one.at_s - at_s))


def _words(kind: str, zone: str | None, at_s: float) -> str:
    return f"{kind}{f' in {zone}' if zone else ''} at {at_s:.1f} s"
