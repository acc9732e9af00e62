"""Live pictures: `multipart/x-mixed-replace` for every browser and program, one JPEG a message for WebSocket clients.

Both are plain ASGI: one coroutine and one socket write a frame and viewer, on bytes that all viewers share. A stalled
viewer waits in its own `send`; what is held for it is one part in uvicorn and the kernel's bounded send buffer.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from starlette.datastructures import QueryParams
from starlette.types import Message, Receive, Scope, Send

from edge.core.slot import Slot, SlotClosedError
from edge.web.callers import caller_of
from edge.web.connection import say_farewell, while_connected
from edge.web.deps import WebDeps
from edge.web.endpoint import Query, integer_in
from edge.web.lookup import camera_in
from edge.web.problem import ProblemError
from edge.web.relay import BOUNDARY, Picture, TooManyViewersError, Watcher

_START: Final[Message] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"multipart/x-mixed-replace; boundary=frame"),
        (b"cache-control", b"no-cache, no-store, must-revalidate"),
        (b"pragma", b"no-cache"),
        (b"expires", b"0"),
        (b"x-accel-buffering", b"no"),
    ],
}
OVERLAY: Final = Query(
    name="overlay",
    kind=int,
    about="1 for the picture with boxes, zones and the time drawn in, 0 for the camera's own; "
    "without it the setting web.live_overlay decides",
    most=1,
)
_END: Final[Message] = {"type": "http.response.body", "body": b"", "more_body": False}
_GOING_AWAY: Final = 1001
_LOOK_EVERY: Final = 10
"""Pictures between two looks whether who watches may still."""


class MotionJpeg:
    """`GET /live` and `GET /live/{camera}` (S1.4, S1.5, S1.11)."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves, the camera is stopped or the appliance ends."""
        with _watching(self._deps, scope) as pictures:
            if scope["method"] == "HEAD":
                await send(_start())
                await send(_END)
                return
            work = _send_parts(pictures, send, _welcome(self._deps, scope))
            if await while_connected(receive, self._deps.closing, work):
                await say_farewell(send, _END)


class WebSocketJpeg:
    """`WS /ws/live[?camera=]` (S1.13): what a client sends is read and ignored."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves, the camera is stopped or the appliance ends."""
        with _watching(self._deps, scope) as pictures:
            await receive()
            await send({"type": "websocket.accept"})
            work = _send_messages(pictures, send, _welcome(self._deps, scope))
            if await while_connected(receive, self._deps.closing, work):
                await say_farewell(send, {"type": "websocket.close", "code": _GOING_AWAY, "reason": "stopped"})


@contextmanager
def _watching(deps: WebDeps, scope: Scope) -> Iterator[Slot[Picture]]:
    """`Relays.watching` for the camera and the caller of a request, with its refusal as a problem."""
    params = QueryParams(scope["query_string"])
    camera = camera_in(deps.cameras, scope["path_params"].get("camera") or params.get("camera"))
    overlay, caller = _wants_overlay(deps, params), caller_of(scope)
    watcher = Watcher(caller.address, caller.user, caller.program)
    try:
        with deps.relays.watching(camera.id, watcher, overlay=overlay) as pictures:
            yield pictures
    except TooManyViewersError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"No more live pictures: {error}",
            remedy="close one, or raise web.max_viewers",
            headers={"Retry-After": "10"},
        ) from error


def _wants_overlay(deps: WebDeps, params: QueryParams) -> bool:
    if deps.paint is None:
        return False
    asked = integer_in(params, OVERLAY)
    return deps.settings.live_overlay if asked is None else bool(asked)


def _welcome(deps: WebDeps, scope: Scope) -> Callable[[], bool]:
    """Tells whether who was let in still would be; asked with each picture, it looks once in a while."""
    caller, pictures = caller_of(scope), itertools.count(1)
    token = caller.token if caller.role else None

    def still() -> bool:
        return token is None or next(pictures) % _LOOK_EVERY != 0 or deps.auth.who(token) is not None

    return still


async def _send_parts(pictures: Slot[Picture], send: Send, welcome: Callable[[], bool]) -> None:
    await send(_start())
    await send({"type": "http.response.body", "body": BOUNDARY, "more_body": True})
    seen = 0
    try:
        while welcome():
            seen, picture = await pictures.next(seen)
            await send({"type": "http.response.body", "body": picture.part, "more_body": True})
    except SlotClosedError:
        return


async def _send_messages(pictures: Slot[Picture], send: Send, welcome: Callable[[], bool]) -> None:
    seen = 0
    try:
        while welcome():
            seen, picture = await pictures.next(seen)
            await send({"type": "websocket.send", "bytes": picture.jpeg})
    except SlotClosedError:
        return


def _start() -> Message:
    # Middleware adds headers to the message it is given: each response has a list of its own.
    return {**_START, "headers": list(_START["headers"])}
