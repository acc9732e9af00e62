"""Scenes about light, weather and the camera itself: what is no motion, and what is a health event."""

from typing import Any, Final

from contract.plan import LeftRule, Plan, RemovedRule, RestrictedRule, Zone
from tests.eval.scenes.behaviour import BEGIN_S, strip, walk
from tests.eval.scenes.truth import MOTION, Expected, ExpectedCondition, Scene, Tolerated
from tests.support.rendered_camera import Weather
from tests.support.rendered_dullness import Beat, Compressed, Haze
from tests.support.rendered_movers import Person
from tests.support.rendered_weather import (
    Black,
    Covered,
    Defocused,
    Frozen,
    Light,
    Night,
    Rain,
    Shake,
    Tree,
    Turned,
)

TAMPERED: Final = "camera_tampered"
_WATCHFUL: Final = Plan(
    zones=(
        Zone(
            id="front",
            points=strip(0.05, 0.95, 0.3, 0.95),
            rules=(RestrictedRule(), LeftRule(after_s=5), RemovedRule(after_s=5)),
        ),
    )
)
"""Whatever is taken for a thing by mistake breaks a rule of this plan."""


def picture_scenes() -> tuple[Scene, ...]:
    """Every scene of this file."""
    return (*_harmless(), *_tampered())


def _harmless() -> tuple[Scene, ...]:
    """Nothing happens but to the light and the air; then somebody comes, who must be seen."""
    switch = ((20, 1.0), (20, 0.45), (29, 0.45), (29, 1.0))
    steps = ((20, 1.0), (20.4, 1.35), (22, 1.35), (22.2, 1.12), (28, 1.12), (29, 0.8), (33, 0.8), (33.3, 1.0))
    clouds = ((18, 1.0), (21, 0.72), (24, 0.75), (28, 1.0), (31, 0.8), (35, 1.0))
    return (
        _quiet("nothing at all"),
        _quiet("light switch", Light(switch)),
        _quiet("light in one corner", Light(switch, shaded=0.6)),
        _quiet("exposure steps", Light(steps)),
        _quiet("clouds", Light(clouds, shaded=0.2)),
        _quiet("shake", Shake(2.5)),
        _quiet("shake begins", Shake(2.5, from_s=20)),
        _quiet("rain", Rain()),
        _quiet("rain begins", Rain(from_s=20)),
        _quiet("swaying tree", Tree()),
        _quiet("infrared at night", Night(22, 36), noise=2.5, comes_s=48),
        _quiet("noisy sensor", noise=8.0),
        _quiet("fog", Haze(18, 34)),
        _quiet("dim from the start", Light(((0, 0.22),)), noise=1.5),
        _quiet("lamp beats the shutter", Beat()),
        _quiet("poor JPEG", Compressed(20)),
    )


def _quiet(name: str, *weather: Weather, noise: float = 2.5, comes_s: float = 42.0) -> Scene:
    """Nobody until `comes_s`: any event before is false."""
    path = walk(comes_s, 1.1, -0.1, y=0.62)
    return Scene(
        name=name,
        seconds=comes_s + 8,
        plan=_WATCHFUL,
        movers=(Person(path=path),),
        weather=weather,
        noise=noise,
        expected=(
            Expected(type=MOTION, at_s=comes_s + 0.9, within_s=2.5),
            Expected(type="roi_violation", zone="front", at_s=comes_s + 1.9, within_s=2.0),
        ),
    )


def _tampered() -> tuple[Scene, ...]:
    """Something is done to the camera at 30 s."""
    at_s, back_s = 30.0, 48.0
    return (
        _camera("covered", Covered(at_s, back_s), "covered", at_s=at_s, to_s=back_s),
        _camera("turned away", Turned(at_s), "moved", at_s=at_s, to_s=56.0),
        _camera("out of focus", Defocused(at_s), "blurred", at_s=at_s, to_s=64.0),
        _camera("black", Black(at_s, back_s), "black", at_s=at_s, to_s=back_s),
        _camera("frozen", Frozen(at_s, back_s), "frozen", at_s=at_s, to_s=back_s, tampered=False),
    )


def _camera(name: str, weather: Weather, kind: Any, *, at_s: float, to_s: float, tampered: bool = True) -> Scene:
    """Somebody passes before, so that what is lost is known to have been seen."""
    event = (Expected(type=TAMPERED, at_s=at_s, within_s=6.0),) if tampered else ()
    hand = Tolerated(type=MOTION, from_s=at_s, to_s=at_s + 1.0)
    back = Tolerated(type=MOTION, from_s=to_s, to_s=to_s + 1.0)
    return Scene(
        name=name,
        seconds=64,
        plan=_WATCHFUL,
        movers=(Person(path=walk(BEGIN_S, -0.1, 1.1)),),
        weather=(weather,),
        expected=(
            Expected(type=MOTION, at_s=BEGIN_S + 0.9, within_s=2.5),
            Expected(type="roi_violation", zone="front", at_s=BEGIN_S + 1.9, within_s=2.0),
            *event,
        ),
        conditions=(ExpectedCondition(kind=kind, at_s=at_s, within_s=10.0 if kind == "frozen" else 6.0, to_s=to_s),),
        tolerated=(hand, back),
    )
