"""Scenes about what people and cars do: zones, lines and their rules.

People walk on the pavement or the road; the background has 16 s to be learned before anything happens.
"""

from itertools import pairwise
from typing import Final

from contract.plan import (
    CrowdingRule,
    EntryRule,
    ExitRule,
    LeftRule,
    Line,
    LoiteringRule,
    Plan,
    Point,
    RemovedRule,
    RestrictedRule,
    Rule,
    SpeedRule,
    WrongWayRule,
    Zone,
)
from tests.eval.scenes.truth import MOTION, Expected, Scene, Tolerated
from tests.support.rendered_movers import Bag, Car, Person, Waypoint
from tests.support.rendered_place import Pixels

BEGIN_S: Final = 16.0
_PATH_Y: Final = 0.60
"""Feet of those who walk along the pavement."""


def behaviour_scenes() -> tuple[Scene, ...]:
    """Every scene of this file."""
    return (
        _restricted(),
        _crossing(),
        _loitering(),
        _wrong_way(),
        _speeding(),
        _crowding(),
        _left(),
        _removed(),
        _ignored(),
        _occluded(),
    )


def strip(left: float, right: float, top: float = 0.46, bottom: float = 0.67) -> tuple[Point, ...]:
    """A rectangle on the pavement."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def walk(start_s: float, start: float, end: float, *, y: float = _PATH_Y, pace: float = 0.11) -> tuple[Waypoint, ...]:
    """From one x to another at `pace` picture widths a second."""
    return (start_s, start, y), (start_s + abs(end - start) / pace, end, y)


def _zone(name: str, points: tuple[Point, ...], *rules: Rule) -> Plan:
    return Plan(zones=(Zone(id=name, points=points, rules=rules),))


def _restricted() -> Scene:
    """One walks through the zone, one passes below it. In the zone from x 0.4 to 0.6."""
    first = walk(BEGIN_S, -0.1, 1.1)
    in_s, out_s = _when(first, 0.4), _when(first, 0.6)
    rules = RestrictedRule(after_s=0.5), EntryRule(), ExitRule()
    return Scene(
        name="restricted zone",
        seconds=52,
        plan=_zone("yard", strip(0.4, 0.6), *rules),
        movers=(Person(path=first), Person(path=walk(36, -0.1, 1.1, y=0.80), coat=190)),
        expected=(
            Expected(type=MOTION, at_s=BEGIN_S + 0.5, within_s=2.5),
            Expected(type="zone_entered", zone="yard", at_s=in_s, within_s=1.0),
            Expected(type="roi_violation", zone="yard", at_s=in_s + 0.5, within_s=1.0),
            Expected(type="zone_left", zone="yard", at_s=out_s, within_s=1.5),
        ),
        occupied=(("yard", (in_s + out_s) / 2, 1), ("yard", 30.0, 0), ("yard", 41.5, 0)),
    )


def _crossing() -> Scene:
    """A line across the pavement: crossed to the right, then back; a third turns round before it."""
    there, back = walk(BEGIN_S, -0.1, 1.1), walk(34, 1.1, -0.1)
    hesitant = (*walk(52, -0.1, 0.36), *walk(57, 0.36, -0.1))
    gate = Line(id="gate", a=(0.5, 0.9), b=(0.5, 0.4), alarm="both")
    return Scene(
        name="line crossed",
        seconds=66,
        plan=Plan(lines=(gate,)),
        movers=(Person(path=there), Person(path=back, coat=200), Person(path=hesitant)),
        expected=(
            Expected(type="line_crossed", zone="gate", at_s=_when(there, 0.5), within_s=1.0),
            Expected(type="line_crossed", zone="gate", at_s=_when(back, 0.5), within_s=1.0),
        ),
        counts=(("gate", 1, 1),),
    )


def _loitering() -> Scene:
    """One comes and stays 20 s; before, one passes through without stopping."""
    passing = walk(BEGIN_S, -0.1, 1.1)
    comes = walk(30, -0.1, 0.5)
    goes = walk(comes[-1][0] + 20, 0.5, 1.1)
    entered_s = _when(comes, 0.35)
    return Scene(
        name="loitering",
        seconds=68,
        plan=_zone("door", strip(0.35, 0.65), LoiteringRule(after_s=10)),
        movers=(Person(path=passing, coat=190), Person(path=(*comes, *goes), fidget=0.012)),
        expected=(Expected(type="loitering", zone="door", at_s=entered_s + 10, within_s=3.0),),
    )


def _wrong_way() -> Scene:
    """Cars go right, as is allowed; then one goes left."""
    right = [Car(path=walk(start, -0.2, 1.2, y=0.9, pace=0.3)) for start in (BEGIN_S, 23.0)]
    wrong = walk(32, 1.2, -0.2, y=0.9, pace=0.3)
    lane = (0.1, 0.72), (0.9, 0.72), (0.9, 0.97), (0.1, 0.97)
    return Scene(
        name="wrong way",
        seconds=42,
        plan=_zone("lane", lane, WrongWayRule(allowed=90)),
        movers=(*right, Car(path=wrong, paint=40)),
        expected=(Expected(type="wrong_way", zone="lane", at_s=_when(wrong, 0.9), within_s=1.5),),
    )


def _speeding() -> Scene:
    """Two cars keep to the limit of 0.4 widths a second, a third goes at 0.7."""
    slow = [Car(path=walk(start, -0.2, 1.2, y=0.9, pace=0.25)) for start in (BEGIN_S, 24.0)]
    fast = walk(34, -0.2, 1.2, y=0.9, pace=0.7)
    lane = (0.1, 0.72), (0.9, 0.72), (0.9, 0.97), (0.1, 0.97)
    return Scene(
        name="speeding",
        seconds=42,
        plan=_zone("lane", lane, SpeedRule(limit=0.4)),
        movers=(*slow, Car(path=fast, paint=220)),
        expected=(Expected(type="speeding", zone="lane", at_s=_when(fast, 0.1), within_s=1.2),),
    )


def _crowding() -> Scene:
    """Three stand together, which is allowed; the fourth makes it a crowd."""
    goes_s = 54.0
    spots = ((BEGIN_S, 0.20, 60), (18.0, 0.42, 190), (20.0, 0.64, 40), (36.0, 0.86, 200))
    people = [_stander(start, spot, goes_s, coat) for start, spot, coat in spots]
    fourth_in_s = _when(people[3].path, 0.95)
    return Scene(
        name="crowding",
        seconds=64,
        plan=_zone("square", strip(0.1, 0.95), CrowdingRule(count=4, after_s=2)),
        movers=tuple(people),
        expected=(Expected(type="crowding", zone="square", at_s=fourth_in_s + 2, within_s=2.5),),
        occupied=(("square", 33.0, 3), ("square", 48.0, 4)),
    )


def _stander(start_s: float, spot: float, until_s: float, coat: int) -> Person:
    """Comes from the nearer side, stands, and leaves by it."""
    side = -0.1 if spot < 0.5 else 1.1
    return Person(path=(*walk(start_s, side, spot), *walk(until_s, spot, side)), coat=coat, fidget=0.012, tall=0.28)


def _left() -> Scene:
    """Somebody puts a bag down and goes; later somebody else only stands about for a while."""
    comes, goes_s = walk(BEGIN_S, -0.1, 0.5), 25.0
    put_s = goes_s - 1.0
    goes = walk(goes_s, 0.5, 1.1)
    loafer = _stander(44, 0.25, 55, 200)
    return Scene(
        name="object left",
        seconds=66,
        plan=_zone("hall", strip(0.15, 0.85), LeftRule(after_s=8)),
        movers=(
            Person(path=(*comes, *goes), carries=22, drops_s=put_s),
            Bag(path=((put_s, 0.545, _PATH_Y + 0.01), (999, 0.545, _PATH_Y + 0.01)), luma=22),
            loafer,
        ),
        expected=(Expected(type="object_left", zone="hall", at_s=_when(goes, 0.62) + 6, within_s=9.0),),
    )


def _removed() -> Scene:
    """A bag has always stood there; somebody takes it."""
    comes, goes_s = walk(BEGIN_S, -0.1, 0.5), 23.5
    taken_s = goes_s - 0.5
    goes = walk(goes_s, 0.5, 1.1)
    return Scene(
        name="object removed",
        seconds=48,
        plan=_zone("hall", strip(0.15, 0.85), RemovedRule(after_s=5)),
        movers=(
            Person(path=(*comes, *goes), carries=22, drops_s=taken_s, takes=True),
            Bag(path=((0, 0.545, _PATH_Y + 0.01), (taken_s, 0.545, _PATH_Y + 0.01)), luma=22, high=0.1),
        ),
        expected=(Expected(type="object_removed", zone="hall", at_s=taken_s + 5, within_s=7.0),),
    )


def _ignored() -> Scene:
    """Cars drive where nothing counts; then somebody walks where it does."""
    road = Zone(id="road", kind="exclude", points=((0, 0.68), (1, 0.68), (1, 1), (0, 1)))
    cars = tuple(Car(path=walk(start, -0.2, 1.2, y=0.92, pace=0.3), long=0.22) for start in (BEGIN_S, 24.0, 30.0))
    person = walk(40, -0.1, 1.1)
    return Scene(
        name="excluded zone",
        seconds=54,
        plan=Plan(zones=(road,)),
        movers=(Person(path=person),),
        weather=(_Unseen(cars),),
        expected=(Expected(type=MOTION, at_s=40.9, within_s=2.0),),
    )


def _occluded() -> Scene:
    """Indoors, without shadows, somebody walks behind a pillar: the same person comes out."""
    path = walk(BEGIN_S, -0.1, 1.1)
    return Scene(
        name="behind a pillar",
        seconds=30,
        movers=(Person(path=path, shadow=False),),
        weather=(_Pillar(0.46, 0.57),),
        same_track=((_when(path, 0.36), _when(path, 0.70)),),
        tolerated=(Tolerated(type=MOTION),),
    )


class _Unseen:
    """Movers that do not count as seen: where they are, nothing must be told."""

    def __init__(self, movers: tuple[Car, ...]) -> None:
        self._movers = movers

    def paint(self, canvas: Pixels, size: tuple[int, int], at_s: float) -> None:
        """See `Scenery`."""
        for mover in self._movers:
            mover.draw(canvas, size, at_s)


class _Pillar:
    """Hides what is behind it, from one share of the width to another."""

    def __init__(self, left: float, right: float) -> None:
        self._span = left, right

    def give(self, picture: Pixels, at_s: float) -> Pixels:
        """See `Output`: the pillar's own noise is that of what it hides, far weaker."""
        del at_s
        left, right = (round(share * picture.shape[1]) for share in self._span)
        hidden = picture.copy()
        hidden[:, left:right] = 60 + (picture[:, left:right] & 3)
        return hidden


def _when(path: tuple[Waypoint, ...], x: float) -> float:
    """When a path first reaches `x`."""
    for (before, start, _), (after, end, _) in pairwise(path):
        if min(start, end) <= x <= max(start, end) and start != end:
            return before + (after - before) * (x - start) / (end - start)
    raise ValueError(f"the path never comes to {x}")
