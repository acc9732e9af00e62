"""A scene about the learned normal: people walk on the pavement for minutes, then somebody drives there."""

from typing import Final

import numpy as np

from tests.eval.scenes.behaviour import walk
from tests.eval.scenes.truth import MOTION, Expected, Scene, Tolerated
from tests.support.rendered_movers import Car, Mover, Person

_NORMAL_S: Final = 190.0
_TYPES: Final = ("unusual_activity", "sudden_motion")


def unusual_scenes() -> tuple[Scene, ...]:
    """Every scene of this file."""
    drives, runs = walk(200, -0.2, 1.2, y=0.60, pace=0.55), walk(222, 1.1, -0.1, y=0.60, pace=0.5)
    return (
        Scene(
            name="car among walkers",
            seconds=234,
            movers=(*_walkers(), Car(path=drives, long=0.3), Person(path=runs)),
            expected=tuple(
                Expected(type=_TYPES[0], or_type=_TYPES[1], at_s=path[0][0] + 0.3, within_s=2.5)
                for path in (drives, runs)
            ),
            tolerated=(Tolerated(type=MOTION), *(Tolerated(type=kind, from_s=200, to_s=206) for kind in _TYPES)),
        ),
    )


def _walkers() -> list[Mover]:
    """People at their own paces, both ways, a few seconds apart, on the whole breadth of the pavement."""
    rng = np.random.default_rng(11)
    found: list[Mover] = []
    start_s = 12.0
    while start_s < _NORMAL_S - 14:
        ends = (-0.1, 1.1) if rng.random() < 0.5 else (1.1, -0.1)
        pace, y, coat = rng.uniform(0.09, 0.14), rng.uniform(0.52, 0.66), int(rng.choice((40, 60, 190, 205)))
        found.append(Person(path=walk(start_s, *ends, y=float(y), pace=float(pace)), coat=coat))
        start_s += float(rng.uniform(3.0, 9.0))
    return found
