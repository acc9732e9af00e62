"""Things that go where a test says, and what the rules of a place make of them; no pictures involved."""

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contract.messages import Box
from edge.vision.findings import Finding, Thing
from edge.vision.places.watch import PlaceReport, Places

SECOND = 1_000_000_000
NOON = dt.datetime(2026, 6, 3, 12, tzinfo=dt.UTC)
"""A Wednesday."""
Way = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class Actor:
    """A thing whose foot goes `way(s)`; seen from `born_s` until before `gone_s`, as `label` from `labelled_s`."""

    track: int
    way: Way
    born_s: float = 0.0
    gone_s: float = math.inf
    label: str = "motion"
    labelled_s: float = 0.0
    w: float = 0.05
    h: float = 0.15
    aspect: float = 4 / 3

    def thing(self, at_s: float) -> Thing | None:
        """The thing at one moment; None while it is not seen."""
        if not self.born_s <= at_s < self.gone_s:
            return None
        (x, y), (x0, y0) = self.way(at_s), self.way(max(at_s - 0.25, self.born_s))
        passed_s = max(min(0.25, at_s - self.born_s), 1e-9)
        across, down = (x - x0) / passed_s, (y - y0) / passed_s / self.aspect
        speed = math.hypot(across, down)
        return Thing(
            box=Box(
                x=x - self.w / 2,
                y=y - self.h,
                w=self.w,
                h=self.h,
                label=self.label if at_s >= self.labelled_s else "motion",
                track=self.track,
            ),
            still=False,
            since_ns=round(self.born_s * SECOND),
            moving_s=at_s - self.born_s,
            dwell_s=0.0,
            habitual_share=0.0,
            speed=speed,
            heading_deg=math.degrees(math.atan2(across, -down)) % 360 if speed >= 0.03 else None,
            age_s=at_s - self.born_s,
            label_confidence=0.8 if self.label != "motion" else 0.0,
            origin=self.way(self.born_s),
        )


@dataclass(frozen=True)
class Told:
    """A finding and when it was told."""

    at_s: float
    finding: Finding


@dataclass(frozen=True)
class Play:
    """Every report of a play, with its time."""

    reports: Sequence[tuple[float, PlaceReport]]

    @property
    def last(self) -> PlaceReport:
        """The final report."""
        return self.reports[-1][1]

    def told(self, kind: str | None = None) -> list[Told]:
        """All findings, or those of one type."""
        return [
            Told(at_s, finding)
            for at_s, report in self.reports
            for finding in report.findings
            if kind in (None, finding.type)
        ]

    def spells(self, kind: str) -> list[tuple[float, float]]:
        """From when until when findings of a type were told without a pause of half a second."""
        spells: list[tuple[float, float]] = []
        for one in self.told(kind):
            if spells and one.at_s - spells[-1][1] < 0.5:
                spells[-1] = spells[-1][0], one.at_s
            else:
                spells.append((one.at_s, one.at_s))
        return spells


def play(
    places: Places,
    actors: Sequence[Actor],
    until_s: float,
    *,
    from_s: float = 0.0,
    fps: float = 15.0,
    local: dt.datetime | None = NOON,
) -> Play:
    """Show actors to `places`, frame after frame; without a view of the picture."""
    reports = []
    for count in range(round((until_s - from_s) * fps)):
        at_s = from_s + count / fps
        things = [thing for actor in actors if (thing := actor.thing(at_s))]
        reports.append((at_s, places.step(things, None, round(at_s * SECOND), local)))
    return Play(reports)


def straight(start: tuple[float, float], end: tuple[float, float], seconds: float, from_s: float = 0.0) -> Way:
    """From `start` to `end` within `seconds`; then it stays there."""

    def way(at_s: float) -> tuple[float, float]:
        part = min(max((at_s - from_s) / seconds, 0.0), 1.0)
        return start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])

    return way


def standing(x: float, y: float) -> Way:
    """Always in one place."""
    return lambda _: (x, y)
