"""`GET /v1/events/stream`: everything live as server-sent events, and every durable record exactly once.

A record's `id:` is its row in the history, so a client that comes back with `Last-Event-ID` gets what it missed. The
history is the truth: the live feed only says that there is more. Where it skips a row, because a slow client lost
messages or the replay overlaps, the rows between are read from the history and no row is sent twice.

Written out rather than taken from a library: the format is ten lines, and the usual library keeps a task that outlives
the response and replaces uvicorn's signal handling when it is imported.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.datastructures import Headers, QueryParams
from starlette.types import Message, Receive, Scope, Send

from edge.core.errors import StoreError
from edge.core.hub import LiveMessage
from edge.web.connection import say_farewell, while_connected
from edge.web.deps import WebDeps
from edge.web.problem import ProblemError

_PAGE: Final = 200
_ID: Final = re.compile(r"[0-9]{1,18}")
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_OPENING: Final = b"retry: 2000\n\n"
_KEEP_ALIVE: Final = b": still here\n\n"
_END: Final[Message] = {"type": "http.response.body", "body": b"", "more_body": False}


class EventStream:
    """The stream as an ASGI application; at most `max_event_streams` at once."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._encoder = _Encoder()
        self.open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves, the store fails or the appliance stops."""
        after, topics = last_event_id(scope), _topics(scope)
        if self.open >= self._deps.settings.max_event_streams:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self.open} event streams are open already",
                remedy="close one, or raise web.max_event_streams",
                headers={"Retry-After": "10"},
            )
        self.open += 1
        try:
            newest = await self._newest_row()
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if scope["method"] != "HEAD":
                feed = _Feed(self._deps, send, self._encoder, topics)
                works = feed.run(after, newest), feed.keep_alive()
                await while_connected(receive, self._deps.closing, *works)
            await say_farewell(send, _END)
        finally:
            self.open -= 1

    async def _newest_row(self) -> int:
        try:
            return await self._deps.history.newest_row()
        except StoreError as error:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "5"}) from error


def last_event_id(scope: Scope) -> int | None:
    """The row that the client had last: header `Last-Event-ID`, else the parameter `after`; None where neither is."""
    raw = Headers(scope=scope).get("last-event-id") or QueryParams(scope["query_string"]).get("after") or ""
    if not raw:
        return None
    if not _ID.fullmatch(raw):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"Last-Event-ID must be a row's number, not {raw!r:.40}",
            field="Last-Event-ID",
            remedy="send back the id of the last event, or none",
        )
    return int(raw)


class _Feed:
    """What one client is sent. `_cursor` is the last row that it has."""

    def __init__(self, deps: WebDeps, send: Send, encoder: "_Encoder", topics: frozenset[str]) -> None:
        self._deps = deps
        self._send = send
        self._encoder = encoder
        self._topics = topics
        self._cursor = 0
        self._quiet = True

    async def run(self, after: int | None, newest: int) -> None:
        """Greet, tell the newest of each kind, replay what was missed, then follow."""
        # A row beyond the newest is of another store, wiped since: everything here is new to the client.
        self._cursor = newest if after is None else after if after <= newest else 0
        watch = self._deps.hub.watch()
        async with _registered(watch) as first:
            await self._write(_OPENING + self._greeting())
            for message in self._deps.hub.latest():
                await self._tell(message)
            try:
                await self._catch_up()
                await self._tell(await first)
                async for message in watch:
                    await self._tell(message)
            except StoreError:
                return  # the client comes back with Last-Event-ID; the health of the store tells people

    async def keep_alive(self) -> None:
        """A comment whenever nothing was said for a while, so that proxies and watchdogs let the connection be."""
        while True:
            self._quiet = True
            await self._deps.clock.sleep(self._deps.settings.event_keepalive_s)
            if self._quiet:
                await self._write(_KEEP_ALIVE)

    async def _tell(self, message: LiveMessage) -> None:
        if self._topics and message.topic not in self._topics:
            return
        if message.id is None:
            await self._write(self._encoder.of(message))
        elif message.id == self._cursor + 1:
            await self._write(self._encoder.of(message))
            self._cursor = message.id
        elif message.id > self._cursor:
            await self._catch_up()

    async def _catch_up(self) -> None:
        if self._topics and "record" not in self._topics:
            return
        while rows := await self._deps.history.history(None, after=self._cursor, limit=_PAGE):
            await self._write(b"".join(event("record", record, row) for row, record in rows))
            self._cursor = rows[-1][0]

    async def _write(self, content: bytes) -> None:
        self._quiet = False
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    def _greeting(self) -> bytes:
        deps = self._deps
        hello = {"device": deps.device, "version": deps.version, "t_ms": deps.clock.now().wall_ms}
        return event("hello", hello, self._cursor)


class _Encoder:
    """Encodes a live message once for all who get it at the same moment."""

    def __init__(self) -> None:
        self._message: LiveMessage | None = None
        self._encoded = b""

    def of(self, message: LiveMessage) -> bytes:
        if message is not self._message:
            self._message, self._encoded = message, event(message.topic, message.data, message.id)
        return self._encoded


def event(topic: str, data: Any, row: int | None) -> bytes:
    """One event in the form of the HTML standard, section 9.2.6. JSON has no line breaks, so one data line does."""
    identity = b"" if row is None else b"id: %d\n" % row
    return b"event: %b\n%bdata: %b\n\n" % (topic.encode(), identity, msgspec.json.encode(data))


@asynccontextmanager
async def _registered(watch: AsyncIterator[LiveMessage]) -> AsyncIterator[asyncio.Future[LiveMessage]]:
    """Inside, the watcher is surely registered with the hub, and the first message is on its way."""
    first = asyncio.ensure_future(anext(watch))
    try:
        await asyncio.sleep(0)
        yield first
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await watch.aclose()  # type: ignore[attr-defined]


def _topics(scope: Scope) -> frozenset[str]:
    wanted = QueryParams(scope["query_string"]).get("topics", "")
    return frozenset(name for name in wanted.split(",") if name)
