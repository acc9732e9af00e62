"""What a device shall be: read, changed by whoever saw the newest version, and looked back at."""

from functools import partial
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud.store.clock import Clock
from cloud.store.desired import ANY, VersionConflictError
from cloud.store.remote import Remote
from cloud.web.asking import Woken, deed_of, device_of_path, number_of
from cloud.web.fleet_shapes import DesiredHistory, DesiredRequest, DesiredState
from cloud.web.guard import caller_of
from cloud.web.problems import ProblemError
from cloud.web.replies import body_of, reply
from cloud.web.wishes import check_uncovers_nothing, wish_of
from contract.remote import MOST_BYTES, Desired

_LARGEST: Final = 2**53
_KEPT: Final = 200


def desired_routes(remote: Remote, clock: Clock, on_asked: Woken) -> list[Route]:
    """The routes; `on_asked` is called when something is to be sent."""
    handlers = _Handlers(remote, clock, on_asked)
    return [
        Route("/v1/devices/{device}/desired", handlers.show, methods=["GET"]),
        Route("/v1/devices/{device}/desired", handlers.change, methods=["PUT"]),
        Route("/v1/devices/{device}/desired/history", handlers.history),
    ]


class _Handlers:
    def __init__(self, remote: Remote, clock: Clock, on_asked: Woken) -> None:
        self._remote = remote
        self._clock = clock
        self._on_asked = on_asked

    async def show(self, request: Request) -> Response:
        """`GET .../desired`: the newest, its version also as ETag."""
        device = await device_of_path(request, self._remote.fleet)
        return _tagged(state_of(await self._remote.desired.newest(device)))

    async def change(self, request: Request) -> Response:
        """`PUT .../desired`: whole, with the version that was seen in If-Match. The same again is no new version."""
        device = await device_of_path(request, self._remote.fleet)
        expected = _expected(request)
        wish = wish_of(await body_of(request, DesiredRequest, most=MOST_BYTES))
        check = None if _may_uncover(request) else partial(check_uncovers_nothing, wish)
        deed = deed_of(request, "desired.set", device)
        try:
            now_ms = self._clock.now_ms()
            desired = await self._remote.desired.set(device, wish, deed, expected=expected, now_ms=now_ms, check=check)
        except VersionConflictError as error:
            words = f"it was changed since: version {error.version} is there, you saw {expected}"
            remedy = "GET it again, and change what you find"
            raise ProblemError(412, words, field="If-Match", remedy=remedy) from error
        self._on_asked()
        return _tagged(state_of(desired))

    async def history(self, request: Request) -> Response:
        """`GET .../desired/history`: what it was before, newest first."""
        device = await device_of_path(request, self._remote.fleet)
        limit = number_of(request, "limit", 20, _KEPT) or 20
        before = number_of(request, "before", None, _LARGEST)
        found = await self._remote.desired.history(device, limit=limit + 1, before=before)
        items = [state_of(one) for one in found[:limit]]
        return reply(DesiredHistory(items=items, before=items[-1].version if len(found) > limit else None))


def _may_uncover(request: Request) -> bool:
    caller = caller_of(request)
    return caller is not None and caller.role == "admin"


def state_of(desired: Desired | None) -> DesiredState:
    """As the API says it; nothing is version 0."""
    if desired is None:
        return DesiredState()
    plain: dict[str, Any] = msgspec.to_builtins(desired)
    plain.pop("v", None)
    return msgspec.convert(plain, DesiredState)


def _tagged(state: DesiredState) -> Response:
    response = reply(state)
    response.headers["etag"] = f'"{state.version}"'
    return response


def _expected(request: Request) -> int:
    """The version that the caller saw, by If-Match; raise `ProblemError` 428 where it is missing."""
    given = request.headers.get("if-match", "").strip()
    text = given.removeprefix("W/").strip('"')
    if given == "*":
        return ANY
    if text.isascii() and text.isdigit() and len(text) < 17:  # noqa: PLR2004
        return int(text)
    remedy = 'send the ETag that GET gave, such as If-Match: "3"; "0" for the first; * overwrites whatever is there'
    if given:
        raise ProblemError(400, f"{given!r:.40} is no version", field="If-Match", remedy=remedy)
    raise ProblemError(428, "say which version you saw", field="If-Match", remedy=remedy)
