"""A desired state as somebody wrote it, checked as far as the cloud can: the device checks it once more, whole.

What a setting may be is the device's to know, for it may be older or newer than this. Which sections may be set from
afar, the shape of each, plans and models are of the contract, and each refusal names its place.
"""

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from cloud.store.desired import Wish
from cloud.web.fleet_shapes import DesiredRequest
from cloud.web.problems import ProblemError
from contract.codec import encode
from contract.errors import InvalidIdError
from contract.ids import check_id
from contract.plan import Plan, uncovered
from contract.remote import MOST_BYTES, SETTABLE, Desired

_BY_ID: Final = ("cameras", "sensors")
_WORDS: Final = ("log_level",)
_NUMBERS: Final = ("telemetry_every_s",)
_SCALAR_EXAMPLES: Final = {"log_level": 'such as "info"', "telemetry_every_s": "such as 60"}
_TUNABLE: Final = ("name", "fps", "jpeg_quality", "read_timeout_s", "open_timeout_s")
"""Of a camera: what leaves its view as it is."""
_ROOM: Final = 1024
"""Bytes left for what is added when it is sent: version, time, who."""


def wish_of(asked: DesiredRequest) -> Wish:
    """What is kept; raise `ProblemError` that names the field, such as `$.settings.cameras.front`."""
    for name, value in asked.settings.items():
        _check_section(name, value)
    plans = {_checked_id(camera, "$.plans"): _plan_of(camera, plan) for camera, plan in asked.plans.items()}
    wish = Wish(asked.settings, plans, msgspec.to_builtins(asked.models))
    _check_size(wish)
    return wish


def check_uncovers_nothing(wish: Wish, before: Desired | None) -> None:
    """What a picture hides was promised to people; raise `ProblemError` 403 unless `wish` hides all of it still.

    The plan that is in force without a desired one is known to the device alone: so to desire a first plan of a camera,
    or none any more, may uncover something too.
    """
    if _views(before.settings if before else {}) != _views(wish.settings):
        remedy = f"ask an admin, or change only {', '.join(_TUNABLE)}"
        words = "zones are drawn over what a camera looks at: to change that needs the role admin"
        raise ProblemError(403, words, field="$.settings.cameras", remedy=remedy, needs="admin")
    plans = before.plans if before else {}
    for camera in sorted(plans.keys() | wish.plans.keys()):
        wanted = msgspec.convert(wish.plans[camera], Plan) if camera in wish.plans else None
        known = plans.get(camera)
        if wanted is None or known is None or uncovered(known, wanted):
            remedy = "ask an admin, or send what is hidden now as it is, and more beside"
            words = f"this may show what privacy hides at {camera}, which needs the role admin"
            raise ProblemError(403, words, field=f"$.plans.{camera}", remedy=remedy, needs="admin")


def _views(settings: Mapping[str, Any]) -> Any:
    """What cameras there are and what they look at, as far as these settings say."""
    cameras = settings.get("cameras", {})
    if cameras is None:
        return None
    kept = {
        one: {name: value for name, value in (part or {}).items() if name not in _TUNABLE}
        for one, part in cameras.items()
    }
    return {one: part for one, part in kept.items() if part}


def _check_section(name: str, value: Any) -> None:
    place = f"$.settings.{name}"
    if name not in SETTABLE:
        remedy = f"settable from afar are {', '.join(SETTABLE)}; the rest is the device's own configuration"
        _refuse(place, "this may not be set from afar", remedy)
    if value is None:
        return  # back to what the device's own configuration says
    if name in _WORDS or name in _NUMBERS:
        _check_scalar(name, value, place)
    elif not isinstance(value, dict):
        _refuse(place, f"must be an object, not {_kind(value)}", "give the settings to change, by name")
    elif name in _BY_ID:
        _check_by_id(value, place)


def _check_scalar(name: str, value: Any, place: str) -> None:
    fits = isinstance(value, str) if name in _WORDS else isinstance(value, int | float) and not isinstance(value, bool)
    if not fits:
        _refuse(
            place, f"must be a {'word' if name in _WORDS else 'number'}, not {_kind(value)}", _SCALAR_EXAMPLES[name]
        )


def _check_by_id(value: dict[str, Any], place: str) -> None:
    for one, settings in value.items():
        _checked_id(one, place)
        if settings is not None and not isinstance(settings, dict):
            _refuse(f"{place}.{one}", f"must be an object, not {_kind(settings)}", 'such as {"front": {"fps": 10}}')


def _plan_of(camera: str, plain: Any) -> Any:
    try:
        return msgspec.to_builtins(msgspec.convert(plain, Plan))
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `")
        _refuse(f"$.plans.{camera}{place.rstrip('`')[1:]}", what, "see Plan in /openapi.json")


def _checked_id(name: str, place: str) -> str:
    try:
        return check_id(name)
    except InvalidIdError as error:
        raise ProblemError(400, str(error), field=place, remedy="use the id of the device's own") from error


def _check_size(wish: Wish) -> None:
    plain = {**wish._asdict(), "version": 1, "set_at": "2026-01-01T00:00:00.000Z"}
    size = len(encode(msgspec.convert(plain, Desired))) + _ROOM
    if size > MOST_BYTES:
        words = f"{size} bytes are more than the {MOST_BYTES} that can be sent"
        raise ProblemError(413, words, field="$", remedy="leave out what the device's own configuration says already")


def _kind(value: Any) -> str:
    words = ((bool, "a boolean"), (str, "a word"), (list, "a list"), (dict, "an object"))
    return next((word for kind, word in words if isinstance(value, kind)), "a number")


def _refuse(place: str, what: str, remedy: str) -> NoReturn:
    raise ProblemError(400, what, field=place, remedy=remedy)
