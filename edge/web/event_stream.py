"""The live feed in its two forms: `GET /v1/events/stream` as server-sent events, `WS /v1/events/ws` as JSON messages.

The form of server-sent events is written out rather than taken from a library: it is ten lines, and the usual library
keeps a task that outlives the response and replaces uvicorn's signal handling when it is imported.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from starlette.types import Message, Receive, Scope, Send

from edge.core.hub import LiveMessage
from edge.web.callers import caller_of
from edge.web.connection import say_farewell, while_connected
from edge.web.deps import WebDeps
from edge.web.feed import Feeds, wish_of

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_OPENING: Final = b"retry: 2000\n\n"
_KEEP_ALIVE: Final = b": still here\n\n"
_END: Final[Message] = {"type": "http.response.body", "body": b"", "more_body": False}
_GOING_AWAY: Final = 1001
Encode = Callable[[LiveMessage], bytes]


class EventStream:
    """Server-sent events as an ASGI application."""

    def __init__(self, deps: WebDeps, feeds: Feeds) -> None:
        self._deps = deps
        self._feeds = feeds
        self._encode = once_for_all(lambda message: event(message.topic, message.data, message.id))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves, the store fails or the appliance stops."""
        wish = wish_of(scope)
        with self._feeds.admitted(caller_of(scope)):
            line = _EventLine(send, self._encode)
            feed = await self._feeds.feed(line, wish)
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if scope["method"] != "HEAD":
                await line.write(_OPENING)
                await while_connected(receive, self._deps.closing, feed.run(), feed.keep_alive())
            await say_farewell(send, _END)


class EventSocket:
    """The same as a WebSocket: one text message each, `{"topic", "data"}` and of records and the greeting an `id`.

    A quiet socket says `ping`. What a client sends is read and ignored. It is closed with 1001 when the appliance stops
    or the store cannot be read; the client comes back with `?after=` the last id it has.
    """

    def __init__(self, deps: WebDeps, feeds: Feeds) -> None:
        self._deps = deps
        self._feeds = feeds
        self._encode = once_for_all(message_of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves, the store fails or the appliance stops."""
        wish = wish_of(scope)
        with self._feeds.admitted(caller_of(scope)):
            feed = await self._feeds.feed(_MessageLine(send, self._encode), wish)
            await receive()
            await send({"type": "websocket.accept"})
            if await while_connected(receive, self._deps.closing, feed.run(), feed.keep_alive()):
                await say_farewell(send, {"type": "websocket.close", "code": _GOING_AWAY, "reason": "come back"})


class _EventLine:
    def __init__(self, send: Send, encode: Encode) -> None:
        self._send = send
        self._encode = encode

    async def tell(self, messages: Sequence[LiveMessage]) -> None:
        await self.write(b"".join(map(self._encode, messages)))

    async def still_here(self, _t_ms: int) -> None:
        await self.write(_KEEP_ALIVE)

    async def write(self, content: bytes) -> None:
        await self._send({"type": "http.response.body", "body": content, "more_body": True})


class _MessageLine:
    def __init__(self, send: Send, encode: Encode) -> None:
        self._send = send
        self._encode = encode

    async def tell(self, messages: Sequence[LiveMessage]) -> None:
        for message in messages:
            await self._send({"type": "websocket.send", "text": self._encode(message).decode()})

    async def still_here(self, t_ms: int) -> None:
        await self.tell([LiveMessage("ping", {"t_ms": t_ms})])


def once_for_all(encode: Encode) -> Encode:
    """`encode`, once for all clients who are told the same message at the same moment."""
    newest: tuple[LiveMessage | None, bytes] = None, b""

    def encoded(message: LiveMessage) -> bytes:
        nonlocal newest
        if message is not newest[0]:
            newest = message, encode(message)
        return newest[1]

    return encoded


def event(topic: str, data: Any, row: int | None) -> bytes:
    """One event in the form of the HTML standard, section 9.2.6. JSON has no line breaks, so one data line does."""
    identity = b"" if row is None else b"id: %d\n" % row
    return b"event: %b\n%bdata: %b\n\n" % (topic.encode(), identity, msgspec.json.encode(data))


def message_of(message: LiveMessage) -> bytes:
    """One message of the WebSocket."""
    identity = {} if message.id is None else {"id": message.id}
    return msgspec.json.encode({"topic": message.topic, **identity, "data": message.data})
