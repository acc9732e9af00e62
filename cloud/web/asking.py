"""What every handler that looks after devices needs: which device is meant, and who asks."""

from collections.abc import Callable

from starlette.requests import Request

from cloud.store.audit import Deed
from cloud.store.fleet import Fleet
from cloud.web.guard import caller_of
from cloud.web.noting import leave_to_handler
from cloud.web.problems import WHICH_DEVICES, ProblemError
from contract.errors import InvalidIdError
from contract.ids import check_id

Woken = Callable[[], None]
"""Called when something was asked that is to be sent at once."""


async def device_of_path(request: Request, fleet: Fleet) -> str:
    """The device that the path names; raise `ProblemError` 404 unless it has spoken."""
    device = str(request.path_params["device"])
    try:
        check_id(device, "device")
    except InvalidIdError as error:
        raise ProblemError(404, str(error), field="device", remedy=WHICH_DEVICES) from error
    if device not in await fleet.known([device]):
        raise ProblemError(404, f"device {device!r} never spoke", field="device", remedy=WHICH_DEVICES)
    return device


def command_of_path(request: Request) -> str:
    """The command that the path names; raise `ProblemError` 404 for what no command can be called."""
    try:
        return check_id(str(request.path_params["command"]), "command")
    except InvalidIdError as error:
        raise ProblemError(404, str(error), field="command", remedy="see /v1/commands") from error


def deed_of(request: Request, action: str, target: str) -> Deed:
    """What the caller is about to do; the store notes it together with doing it."""
    caller = caller_of(request)
    leave_to_handler(request)
    return Deed(
        actor=caller.user if caller else "",
        action=action,
        target=target,
        address=address_of(request),
    )


def address_of(request: Request) -> str:
    """Where the caller is, as the server or a proxy that it trusts says."""
    return request.client.host if request.client else "unknown"


def number_of(request: Request, name: str, default: int | None, most: int) -> int | None:
    """The whole number that the query names, from 1 to `most`; raise `ProblemError`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 18 and 1 <= int(text) <= most):  # noqa: PLR2004
        remedy = f"use a number within that, or leave {name} out"
        raise ProblemError(
            400, f"{name}: {text!r:.40} is not a whole number from 1 to {most}", field=name, remedy=remedy
        )
    return int(text)
