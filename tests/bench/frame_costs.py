"""What one frame costs from the JPEG to the findings, with a plan full of zones: CPU of the one thread that does it.

`empty` and `crowded` are the same drawn place, without anybody and with sixty people who walk about; what differs is
what moves and, a little, how long the JPEG is.
"""

import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from contract.plan import (
    CrowdingRule,
    EntryRule,
    ExitRule,
    LeftRule,
    Line,
    LoiteringRule,
    Plan,
    RemovedRule,
    RestrictedRule,
    SpeedRule,
    WrongWayRule,
    Zone,
)
from edge.core.frame import Frame
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis
from edge.vision.settings import VisionSettings
from tests.support.rendered_camera import RenderedCamera
from tests.support.rendered_movers import Person

WARM_UP: Final = 130
"""Frames in which the background is learned; they are not counted."""
_FRAME_NS: Final = 66_666_667
_SIZE: Final = (640, 480)
_DRAWN_S: Final = 24.0
_PEOPLE: Final = 60
_RULES: Final = (
    EntryRule(),
    ExitRule(),
    RestrictedRule(),
    LoiteringRule(after_s=30),
    CrowdingRule(count=10),
    SpeedRule(limit=0.8),
    WrongWayRule(allowed=90),
    LeftRule(after_s=20),
    RemovedRule(after_s=20),
)


def busy_plan() -> Plan:
    """Six zones with every rule there is, and three lines."""
    zones = tuple(
        Zone(id=f"zone-{at}", points=_rectangle(at % 3 / 3, at // 3 / 2, 1 / 3, 1 / 2), rules=_RULES) for at in range(6)
    )
    lines = tuple(Line(id=f"line-{at}", a=(at / 4, 0.0), b=(at / 4, 1.0)) for at in (1, 2, 3))
    return Plan(zones=zones, lines=lines)


def frame_ms(*pictures: Sequence[Frame]) -> list[float]:
    """Median CPU milliseconds of a frame after the background is learned, for each of several rows of pictures.

    They are taken in turn, a frame of each, so that a machine that is slow for a while is so for all.
    """
    analyses = [_analysis() for _ in pictures]
    taken: list[list[float]] = [[] for _ in pictures]
    for frames in zip(*pictures, strict=True):
        for analysis, frame, costs in zip(analyses, frames, taken, strict=True):
            began_ns = time.thread_time_ns()
            analysis.step(frame)
            costs.append((time.thread_time_ns() - began_ns) / 1e6)
    return [statistics.median(costs[WARM_UP:]) for costs in taken]


def _analysis() -> FrameAnalysis:
    store = ModelStore()
    return FrameAnalysis(
        store.load("motion"),
        store.load("anomaly"),
        VisionSettings(),
        np.random.default_rng(0),
        Path("unused.npz"),
        plan=busy_plan(),
    )


def crowd_costs() -> dict[str, dict[str, Any]]:
    """`frame_ms_empty`, `frame_ms_crowded` and their ratio."""
    empty, crowded = frame_ms(_drawn(()), _drawn(_crowd()))
    return {
        "frame_ms_empty": _figure(empty, "ms", None),
        "frame_ms_crowded": _figure(crowded, "ms", empty),
        "frame_crowd_ratio": _figure(crowded / empty, "ratio", 1.0),
    }


def _figure(value: float, unit: str, baseline: float | None) -> dict[str, Any]:
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": value / baseline if baseline else None}


def _rectangle(x: float, y: float, w: float, h: float) -> tuple[tuple[float, float], ...]:
    return (x, y), (x + w, y), (x + w, y + h), (x, y + h)


def _drawn(people: Iterable[Person]) -> list[Frame]:
    camera = RenderedCamera(tuple(people), size=_SIZE, seed=4)
    found = []
    for at, (_, picture) in enumerate(camera.pictures(_DRAWN_S), start=1):
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        found.append(Frame("bench", at, jpeg, *_SIZE, at * _FRAME_NS))
    return found


def _crowd() -> list[Person]:
    """People who begin to walk when the background is learned, and walk to and fro until the end."""
    rng = np.random.default_rng(6)
    found = []
    for _ in range(_PEOPLE):
        starts = [9.0, *np.sort(rng.uniform(10, _DRAWN_S, 3)), _DRAWN_S + 1]
        x, y = rng.uniform(0.03, 0.97, 5), rng.uniform(0.2, 0.98, 5)
        path = tuple((float(at_s), float(u), float(v)) for at_s, u, v in zip(starts, x, y, strict=True))
        found.append(Person(path=path, tall=0.13, coat=int(rng.choice((30, 60, 200, 220)))))
    return found
