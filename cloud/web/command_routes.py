"""What devices shall do once: asked of one or of many, followed to its end, and called back while nobody took it."""

import base64
import binascii
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NoReturn, get_args

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud.store.clock import Clock
from cloud.store.commands import (
    ENDS,
    Asked,
    CommandConflictError,
    CommandSlice,
    NotCancellableError,
    TooManyCommandsError,
)
from cloud.store.remote import Remote
from cloud.web.asking import Woken, command_of_path, deed_of, device_of_path
from cloud.web.fleet_shapes import (
    MOST_DEVICES,
    CommandPage,
    CommandReport,
    CommandRequest,
    FleetCommandRequest,
    command_of,
)
from cloud.web.parameters import slice_of
from cloud.web.problems import WHICH_DEVICES, ProblemError
from cloud.web.replies import body_of, reply
from contract.ids import check_id, new_token
from contract.remote import CommandName

_NAMES: Final = get_args(CommandName)
_STATES: Final = ("open", "queued", "sent", "accepted", "running", *ENDS)
_MOST_BYTES: Final = 128 * 1024
_KEY_PARTS: Final = 3


def command_routes(remote: Remote, clock: Clock, on_asked: Woken) -> list[Route]:
    """The routes; `on_asked` is called when something is to be sent."""
    handlers = _Handlers(remote, clock, on_asked)
    return [
        Route("/v1/commands", handlers.all),
        Route("/v1/commands/{command}", handlers.report),
        Route("/v1/devices/commands", handlers.ask_many, methods=["POST"]),
        Route("/v1/devices/{device}/commands", handlers.of_device, methods=["GET"]),
        Route("/v1/devices/{device}/commands", handlers.ask_one, methods=["POST"]),
        Route("/v1/devices/{device}/commands/{command}", handlers.show),
        Route("/v1/devices/{device}/commands/{command}/cancel", handlers.cancel, methods=["POST"]),
    ]


class _Handlers:
    def __init__(self, remote: Remote, clock: Clock, on_asked: Woken) -> None:
        self._remote = remote
        self._clock = clock
        self._on_asked = on_asked

    async def all(self, request: Request) -> Response:
        """`GET /v1/commands`: of all devices or of one, newest first."""
        return await self._page(request, request.query_params.get("device") or None)

    async def of_device(self, request: Request) -> Response:
        """`GET /v1/devices/{device}/commands`."""
        return await self._page(request, await device_of_path(request, self._remote.fleet))

    async def show(self, request: Request) -> Response:
        """`GET /v1/devices/{device}/commands/{command}`."""
        device = await device_of_path(request, self._remote.fleet)
        return reply(command_of(await self._one(device, command_of_path(request))))

    async def report(self, request: Request) -> Response:
        """`GET /v1/commands/{command}`: how far every device is that was asked under this id."""
        command_id = command_of_path(request)
        rows = await self._remote.commands.page(CommandSlice(command_id=command_id, limit=MOST_DEVICES))
        if not rows:
            raise ProblemError(
                404, f"there is no command {command_id!r:.80}", field="command", remedy="see /v1/commands"
            )
        return reply(_report_of(command_id, rows))

    async def ask_one(self, request: Request) -> Response:
        """`POST /v1/devices/{device}/commands`: 201, or 200 where it was asked before under the same id."""
        device = await device_of_path(request, self._remote.fleet)
        wanted = await body_of(request, CommandRequest, most=_MOST_BYTES)
        command_id, fresh = await self._ask(request, [device], wanted)
        return reply(command_of(await self._one(device, command_id)), 201 if fresh else 200)

    async def ask_many(self, request: Request) -> Response:
        """`POST /v1/devices/commands`: all of `devices` are asked, or none."""
        wanted = await body_of(request, FleetCommandRequest, most=_MOST_BYTES)
        known = await self._remote.fleet.known(wanted.devices)
        for place, device in enumerate(wanted.devices):
            if device not in known:
                remedy = f"{WHICH_DEVICES}; nobody was asked"
                raise ProblemError(404, f"device {device!r} never spoke", field=f"$.devices[{place}]", remedy=remedy)
        command_id, fresh = await self._ask(request, wanted.devices, wanted)
        rows = await self._remote.commands.page(CommandSlice(command_id=command_id, limit=MOST_DEVICES))
        return reply(_report_of(command_id, rows), 201 if fresh else 200)

    async def cancel(self, request: Request) -> Response:
        """`POST .../cancel`: while it was not accepted. One that was sent may still be on its way; `reason` says so."""
        device = await device_of_path(request, self._remote.fleet)
        command_id = command_of_path(request)
        deed = deed_of(request, "command.cancel", device)
        try:
            found = await self._remote.commands.cancel(device, command_id, deed, now_ms=self._clock.now_ms())
        except NotCancellableError as error:
            remedy = "see what becomes of it; ask for something else afterwards"
            raise ProblemError(409, f"it cannot be cancelled: {error}", field="command", remedy=remedy) from error
        if not found:
            _unknown(device, command_id)
        return reply(command_of(await self._one(device, command_id)))

    async def _ask(self, request: Request, devices: Sequence[str], wanted: CommandRequest) -> tuple[str, int]:
        if wanted.name not in _NAMES:
            remedy = f"use {', '.join(_NAMES)}"
            raise ProblemError(400, f"{wanted.name!r:.60} is no command", field="$.name", remedy=remedy)
        now_ms = self._clock.now_ms()
        command_id = new_token("cmd") if wanted.command_id is UNSET else wanted.command_id
        asked = Asked(command_id, wanted.name, wanted.arguments, now_ms + round(wanted.expires_s * 1000))
        deed = deed_of(request, "command.ask", "")
        try:
            fresh = await self._remote.commands.ask(devices, asked, deed, now_ms=now_ms)
        except CommandConflictError as error:
            remedy = "use another id, or none"
            raise ProblemError(409, str(error), field="$.command_id", remedy=remedy) from error
        except TooManyCommandsError as error:
            raise ProblemError(429, str(error), remedy="wait for them, or cancel some") from error
        self._on_asked()
        return command_id, fresh

    async def _one(self, device: str, command_id: str) -> dict[str, Any]:
        rows = await self._remote.commands.page(CommandSlice(device=device, command_id=command_id, limit=1))
        return rows[0] if rows else _unknown(device, command_id)

    async def _page(self, request: Request, device: str | None) -> Response:
        wanted = slice_of(request.query_params, also={"state"})
        state = request.query_params.get("state") or None
        if state and state not in _STATES:
            remedy = f"use {', '.join(_STATES)}"
            raise ProblemError(400, f"state: {state!r:.40} is no state of a command", field="state", remedy=remedy)
        after = _key_of(wanted.after) if wanted.after else None
        asked = CommandSlice(device=device, state=state, limit=wanted.limit + 1, after=after)
        rows = await self._remote.commands.page(asked)
        shown = rows[: wanted.limit]
        following = _cursor_of(shown[-1]) if len(rows) > wanted.limit else None
        return reply(CommandPage(items=[command_of(row) for row in shown], after=following))


def _report_of(command_id: str, rows: list[dict[str, Any]]) -> CommandReport:
    states = dict(Counter(row["state"] for row in rows))
    items = sorted((command_of(row) for row in rows), key=lambda one: one.device)
    return CommandReport(command_id=command_id, done=set(states) <= set(ENDS), states=states, items=items)


def _unknown(device: str, command_id: str) -> NoReturn:
    remedy = "see /v1/devices/{device}/commands"
    raise ProblemError(404, f"{device} has no command {command_id!r:.80}", field="command", remedy=remedy)


def _cursor_of(row: dict[str, Any]) -> str:
    text = f"{row['asked_ms']}/{row['device']}/{row['command_id']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _key_of(cursor: str) -> tuple[int, str, str]:
    try:
        parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("/")
        if len(parts) == _KEY_PARTS and parts[0].isascii() and parts[0].isdigit() and len(parts[0]) < 17:  # noqa: PLR2004
            return int(parts[0]), check_id(parts[1]), check_id(parts[2])
    except (binascii.Error, UnicodeError, ValueError):  # of an id, too
        pass  # the same refusal as for one of another list
    remedy = "give `after` as the page before had it, or leave it out to begin again"
    raise ProblemError(400, "after: it is none that an earlier page gave", field="after", remedy=remedy)
