"""One table of routes: what serves them, who may use them and what they say, from which OpenAPI is generated too."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute, request_response
from starlette.types import ASGIApp

from edge.web.access import Access, Guarded
from edge.web.problem import ProblemError

Handler = Callable[[Request], Awaitable[Response]]
WEBSOCKET: Final = "WEBSOCKET"
_USUAL_BODY_BYTES: Final = 16 * 1024
_BODY_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query parameter. `least` and `most` bound an integer."""

    name: str
    about: str
    kind: type[int] | type[str] = str
    default: int | str | None = None
    least: int = 0
    most: int = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A route. `handler` answers a request; `app` is used instead where a response is open-ended."""

    path: str
    access: Access
    summary: str
    method: str = "GET"
    handler: Handler | None = None
    app: ASGIApp | None = None
    answer: Any = None
    """The msgspec type of a JSON answer; None where `media` is no JSON or there is no content."""
    body: Any = None
    """The msgspec type of a JSON request."""
    upload: str = ""
    """The media type of a request that is a file."""
    status: int = 200
    media: str = "application/json"
    queries: tuple[Query, ...] = ()
    failures: Mapping[int, Any] = field(default_factory=dict)
    """The msgspec type of an answer by its status, where a failure is not told as a problem document."""
    acts: bool = True
    """Whether a method other than GET changes something; false for what only carries messages to and fro."""
    noted: bool = True
    """Whether the audit log has it, if it changes something; false for the data of a session, which is kept itself."""
    documented: bool = True
    """Whether OpenAPI lists it; only second names of the page's files are left out."""

    @property
    def changes(self) -> bool:
        """Whether it changes something: then a viewer may not use it, unless it concerns only themselves."""
        return self.acts and self.method not in {"GET", WEBSOCKET}

    @property
    def action(self) -> str:
        """What the audit log calls it; empty where it notes nothing."""
        return f"{self.method} {self.path}" if self.changes and self.noted else ""

    def route(self) -> BaseRoute:
        """It as Starlette's router wants it, with its access check."""
        app = self.app or (request_response(self.handler) if self.handler else None)
        if app is None:
            raise ValueError(f"{self.path} has neither handler nor app")
        guarded = Guarded(app, self.access, changes=self.changes, action=self.action)
        if self.method == WEBSOCKET:
            return WebSocketRoute(self.path, guarded)
        return Route(self.path, guarded, methods=[self.method])


def owner_get(path: str, summary: str, handler: Handler, kind: Any, queries: tuple[Query, ...] = ()) -> Endpoint:
    """A GET with a JSON answer for who signed in."""
    return Endpoint(path=path, access=Access.SIGNED_IN, summary=summary, handler=handler, answer=kind, queries=queries)


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response of any msgspec value; nothing that the appliance says may be cached."""
    content = msgspec.json.encode(value)
    shown = {"Cache-Control": "no-store", **(headers or {})}
    return Response(content, status_code=status, headers=shown, media_type="application/json")


async def body_of(request: Request, kind: Any, *, most_bytes: int = _USUAL_BODY_BYTES) -> Any:
    """The JSON body as `kind`; a problem that names the field if it is not one, or has more than `most_bytes`."""
    raw = await raw_body(request, most_bytes=most_bytes)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what, _, path = str(error).partition(" - at ")
        field = path.strip("`") or "$"
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"The body cannot be used: {what}",
            field=field,
            remedy=f"correct {field if field != '$' else 'it'}; /openapi.json describes what is expected",
        ) from error


async def raw_body(request: Request, *, most_bytes: int = _USUAL_BODY_BYTES) -> bytes:
    """The body as it came; a problem if it is too long, or too long in coming."""
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            return await _bytes_of(request, most_bytes)
    except (TimeoutError, ClientDisconnect) as error:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive as a whole") from error


def integer_of(request: Request, query: Query) -> int | None:
    """An integer parameter or its default; a problem that names it if it is none or out of its bounds."""
    return integer_in(request.query_params, query)


def integer_in(params: Mapping[str, str], query: Query) -> int | None:
    """The same, of parameters that were read already."""
    raw = params.get(query.name)
    if raw is None or raw == "":
        return query.default if isinstance(query.default, int) else None
    digits = raw.isascii() and raw.isdigit() and len(raw) <= len(str(query.most))
    if not digits or not query.least <= int(raw) <= query.most:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"{query.name} must be a whole number from {query.least} to {query.most}, not {raw!r:.40}",
            field=query.name,
        )
    return int(raw)


async def _bytes_of(request: Request, most: int) -> bytes:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > most:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {most} bytes")
    return bytes(raw)
