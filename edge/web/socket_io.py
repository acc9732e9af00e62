"""Socket.IO for the existing clients (S0.20): `subscribe` joins the room of a user and a video, `new_prediction` tells.

The same gate, networks and tokens hold as for every other route; a page that cannot send a header gives its token as
`auth: {token}`.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from anyio import to_thread
from starlette.datastructures import QueryParams
from starlette.types import Message, Receive, Scope, Send

from contract.messages import Prediction
from edge.web.access import Access
from edge.web.callers import caller_of
from edge.web.connection import say_farewell, while_connected
from edge.web.deps import WebDeps
from edge.web.endpoint import WEBSOCKET, Endpoint
from edge.web.feed import Feeds
from edge.web.problem import ProblemError
from edge.web.segment_push import Listener, NotWelcomeError, Places, prediction_in, room_of

if TYPE_CHECKING:
    from edge.web.socket_engine import SocketEngine

PATH: Final = "/socket.io/"
_BODY_WITHIN_S: Final = 10.0
_log = logging.getLogger(__name__)


class SocketIo:
    """`/socket.io/` as an ASGI application, by polling and by WebSocket."""

    def __init__(self, deps: WebDeps, feeds: Feeds) -> None:
        self._deps = deps
        self._feeds = feeds
        self._places = Places(deps.sessions)
        self._listeners: dict[str, Listener] = {}
        self._engine: SocketEngine | None = None
        self._loading = asyncio.Lock()
        self._telling: asyncio.Task[None] | None = None
        self._farewell: asyncio.Task[None] | None = None

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        about = "Socket.IO: `subscribe` to a user and a video, `new_prediction` for each segment"
        return [
            Endpoint(
                path=PATH,
                access=Access.OPEN_OR_OWN,
                summary=about,
                method=method,
                app=self,
                media="text/plain",
                acts=False,
            )
            for method in ("GET", "POST", WEBSOCKET)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or serve a WebSocket."""
        engine, params = await self._ready(), QueryParams(scope["query_string"])
        if "j" in params:  # an answer as a script is one that the pages of everybody could read
            raise ProblemError(HTTPStatus.BAD_REQUEST, "JSONP is not spoken here", field="j", remedy="use CORS")
        if "sid" not in params and engine.clients >= self._deps.settings.max_event_streams:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{engine.clients} clients are connected already",
                remedy="close one, or raise web.max_event_streams",
                headers={"Retry-After": "10"},
            )
        if scope["type"] == "websocket":
            _check_upgrade(engine, params)
            with self._feeds.admitted(caller_of(scope)):
                await self._serve(engine, scope, receive, send)
        elif scope["method"] == "POST":
            await _served_soon(engine, scope, receive, send)
        else:
            await _polled(engine, scope, receive, send)

    async def _serve(self, engine: "SocketEngine", scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await engine.serve(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - what the library makes of a stranger's packet is no news
            _log.debug("a Socket.IO client was let go: %r", error)
            await say_farewell(send, {"type": "websocket.close"})

    async def _ready(self) -> "SocketEngine":
        async with self._loading:
            if self._engine is None:
                engine_type = await to_thread.run_sync(_load)
                self._engine = engine_type(
                    connect=self._connected, subscribe=self._subscribed, disconnect=self._disconnected
                )
                self._farewell = asyncio.create_task(self._close(self._engine), name="socket.io farewell")
            return self._engine

    async def _connected(self, sid: str, environ: dict[str, Any], auth: Any) -> bool:
        listener = Listener(caller_of(environ["asgi.scope"]), self._deps.auth)
        token = auth.get("token") if isinstance(auth, dict) else None
        if isinstance(token, str) and token:
            try:
                listener.show(token)
            except NotWelcomeError:
                return False
        self._listeners[sid] = listener
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell(), name="socket.io segments")
        return True

    async def _subscribed(self, sid: str, *said: Any) -> dict[str, Any]:
        """S0.20; the answer is for clients that ask for an acknowledgement."""
        listener, engine = self._listeners.get(sid), self._engine
        if listener is None or engine is None:
            return {"success": False, "error": "Not connected"}
        try:
            room = listener.hear(said[0] if said else None)
        except NotWelcomeError as error:
            return {"success": False, "error": str(error)}
        if room in listener.rooms:
            await engine.enter(sid, room.name)
        else:
            await engine.leave(sid, room.name)
        return {"success": True, "room": room.name}

    async def _disconnected(self, sid: str, *_reason: Any) -> None:
        self._listeners.pop(sid, None)
        if self._engine:
            self._engine.wake(sid)
        if not self._listeners and self._telling:
            self._telling.cancel()
            self._telling = None

    async def _tell(self) -> None:
        async for message in self._deps.hub.watch():
            if (made := prediction_in(message)) and self._engine:
                await self._emit(self._engine, made)

    async def _emit(self, engine: "SocketEngine", made: Prediction) -> None:
        room = room_of(made)
        mine = [(sid, listener) for sid, listener in self._listeners.items() if room in listener.rooms]
        for sid, listener in mine:
            if not listener.welcome or engine.lags(sid):
                await engine.drop(sid)
        if room and mine:
            told = msgspec.to_builtins(await self._places.segment(made))
            await engine.emit("new_prediction", told, room=room.name)

    async def _close(self, engine: "SocketEngine") -> None:
        await self._deps.closing.wait()
        if self._telling:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await engine.close()


def _check_upgrade(engine: "SocketEngine", params: QueryParams) -> None:
    """The library refuses a WebSocket that is not to its mind without a word."""
    wanted = {"EIO": "4", "transport": "websocket"}
    for name, value in wanted.items():
        if params.get(name) != value:
            raise ProblemError(
                HTTPStatus.BAD_REQUEST,
                f"{name} must be {value}, not {params.get(name, '')!r:.40}",
                field=name,
                remedy="use a client of Socket.IO 3 or newer",
            )
    if "sid" in params and not engine.knows(params["sid"]):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "This session is over or never was", field="sid", remedy="connect")


async def _served_soon(engine: "SocketEngine", scope: Scope, receive: Receive, send: Send) -> None:
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            await engine.serve(scope, receive, send)
    except TimeoutError as error:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive as a whole") from error


async def _polled(engine: "SocketEngine", scope: Scope, receive: Receive, send: Send) -> None:
    """Answer who waits for news. Who hangs up meanwhile is gone; the library would wait until it should be pinged."""
    asked: Message = {**await receive(), "more_body": False}

    async def once() -> Message:
        return asked

    if asked["type"] == "http.request":
        await while_connected(receive, asyncio.Event(), engine.serve(scope, once, send))


def _load() -> "type[SocketEngine]":
    from edge.web.socket_engine import SocketEngine

    return SocketEngine
