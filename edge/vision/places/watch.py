"""What goes on in the zones and on the lines of a plan: who is where, who crossed what, which rules are broken."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from contract.plan import Plan
from edge.vision.findings import Finding, Thing
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import Floats
from edge.vision.state import LineState, ZoneState


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What objects left and removed are seen in: the picture, the remembered background and the mask of what moves
    (255), all [height, width] of one size and valid for this step only."""

    luma: Plane
    background: Floats
    mask: Plane


@dataclass(frozen=True, slots=True)
class PlaceReport:
    """What one frame says about the places of a plan: `zones` are the `watch` zones, in the order of the plan."""

    findings: tuple[Finding, ...]
    zones: tuple[ZoneState, ...]
    lines: tuple[LineState, ...]


class Places:
    """The zones and lines of one camera; belongs to one thread at a time. Times are nanoseconds of the frames."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @property
    def plan(self) -> Plan:
        """The plan that holds."""
        return self._plan

    def adopt(self, plan: Plan) -> None:
        """Let `plan` hold from now on. Counts, and who is where, stay for zones and lines that are still there; where
        one was drawn anew, who is in it now is no news."""
        self._plan = plan

    def mask(self, size: tuple[int, int]) -> Plane | None:
        """255 where motion counts, 0 where include, exclude or privacy zones say that it is ignored, uint8
        [height, width]; None if it counts everywhere. `size` is (width, height)."""
        return None

    def step(self, things: Sequence[Thing], view: View | None, at_ns: int, local: dt.datetime | None) -> PlaceReport:
        """Judge one frame. `local` is the time of the place (`PlanClock`), None if not known: then rules with hours
        hold always. Without a `view` (while the background is learned, or the picture is no good) nothing is said
        about objects left or removed."""
        zones = tuple(ZoneState(id=zone.id) for zone in self._plan.zones if zone.kind == "watch")
        return PlaceReport((), zones, tuple(LineState(id=line.id) for line in self._plan.lines))

    def reset(self) -> None:
        """Forget who is where, and count from zero."""


def longest_wait_s(plan: Plan) -> float:
    """For how long what stands still must be kept apart from the background so that the rules of `plan` can see it."""
    return 0.0
