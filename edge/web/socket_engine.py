"""The Socket.IO protocol by python-socketio, tamed: nothing of it outlives the server, and nobody can fill its queues.

This module alone imports the library, which takes its time and some megabytes: `edge.web.socket_io` imports it when the
first client comes. The library's own rules about origins are off, for the gate has ours; so is its log, for its lines
are about what strangers send.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import socketio
from starlette.types import Receive, Scope, Send

_LARGEST_BYTES: Final = 64 * 1024
_MOST_WAITING: Final = 256
"""Packets that may wait for one client; one that takes no more is let go."""
_log = logging.getLogger("edge.web.socket_io.wire")
_log.setLevel(logging.CRITICAL)
_log.propagate = False
Handler = Callable[..., Awaitable[Any]]


class SocketEngine:
    """One Socket.IO server as an ASGI application, with the rooms of its default namespace."""

    def __init__(self, *, connect: Handler, subscribe: Handler, disconnect: Handler) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            async_handlers=False,
            cors_allowed_origins=[],
            http_compression=False,
            max_http_buffer_size=_LARGEST_BYTES,
            logger=_log,
            engineio_logger=_log,
        )
        # Its background tasks sleep on when their client has left; these are ended with the engine.
        self._server.eio.start_background_task = self._begin
        # To hang up it would wait until a client that misbehaved has taken everything.
        self._server.eio.disconnect = self._hang_up
        self._server.on("connect", connect)
        self._server.on("subscribe", subscribe)
        self._server.on("unsubscribe", subscribe)
        self._server.on("disconnect", disconnect)
        self._app = socketio.ASGIApp(self._server, socketio_path="/socket.io/")

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._server.eio.sockets)

    def knows(self, engine_id: str) -> bool:
        """Whether a client of this id is connected."""
        return engine_id in self._server.eio.sockets

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket until it ends."""
        await self._app(scope, receive, send)

    async def enter(self, sid: str, room: str) -> None:
        """Put a client into a room."""
        await self._server.enter_room(sid, room)

    async def leave(self, sid: str, room: str) -> None:
        """Take a client out of a room."""
        await self._server.leave_room(sid, room)

    async def emit(self, event: str, data: Any, *, room: str) -> None:
        """Tell everybody in a room."""
        await self._server.emit(event, data, room=room)

    def lags(self, sid: str) -> bool:
        """Whether a client takes nothing any more."""
        socket = self._socket_of(sid)
        return socket is not None and socket.queue.qsize() >= _MOST_WAITING

    async def drop(self, sid: str) -> None:
        """Let a client go at once."""
        if socket := self._socket_of(sid):
            await _end(socket)

    def wake(self, sid: str) -> None:
        """End the answer that a client which leaves still waits for: the library lets it wait for the next ping."""
        if socket := self._socket_of(sid):
            socket.queue.put_nowait(None)

    async def close(self) -> None:
        """Let everybody go and end what runs in the background."""
        for socket in list(self._server.eio.sockets.values()):
            await _end(socket)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, target: Handler, *args: Any, **kwargs: Any) -> "asyncio.Task[Any]":
        task = asyncio.ensure_future(target(*args, **kwargs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _hang_up(self, engine_id: str) -> None:
        if socket := self._server.eio.sockets.pop(engine_id, None):
            await _end(socket)

    def _socket_of(self, sid: str) -> Any | None:
        engine_id = self._server.manager.eio_sid_from_sid(sid, "/")
        return self._server.eio.sockets.get(engine_id)


async def _end(socket: Any) -> None:
    """Close without waiting for a client that may not listen; the `None` wakes whoever would have told it more."""
    await socket.close(wait=False, abort=True)
    socket.queue.put_nowait(None)
