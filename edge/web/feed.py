"""Everything live, and every durable record exactly once, whatever carries it to the client.

A record's id is its row in the history, so a client that comes back and names the last one it has gets what it missed.
The history is the truth: the hub only says that there is more. Where it skips a row, because a slow client lost
messages or the replay overlaps, the rows between are read from the history and no row is sent twice.
"""

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from edge.core.errors import StoreError
from edge.core.hub import LiveMessage
from edge.web.callers import Caller, caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Query
from edge.web.problem import ProblemError

TOPICS: Final = Query(name="topics", about="Only these topics, separated by commas")
AFTER: Final = Query(name="after", about="Like Last-Event-ID, for clients that cannot set it", kind=int)
_PAGE: Final = 200
_ID: Final = re.compile(r"[0-9]{1,18}")
_FOR_PARTICIPANTS: Final = frozenset({"session", "ask"})
_MOST_SEEN: Final = 64
_LOOK_EVERY_NS: Final = 1_000_000_000
MOST_OF_ONE: Final = 8
"""Feeds of one participant at once: a page needs one, and for a while two where it was opened anew."""


class Line(Protocol):
    """What carries the feed to one client. Both methods wait as long as the client is slow."""

    async def tell(self, messages: Sequence[LiveMessage]) -> None:
        """Send these, in order."""
        ...

    async def still_here(self, t_ms: int) -> None:
        """Send something that means nothing, so that proxies and watchdogs let the connection be."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for: the row that it has already, if any, and topics, where none means all."""

    after: int | None
    topics: frozenset[str]
    mine: "Mine | None" = None
    """What a participant may hear, where that is who listens."""
    token: str | None = None
    """The token by which the client was let in."""


class Mine:
    """Which live messages are about a participant's own sessions."""

    def __init__(self, participant: str) -> None:
        self._participant = participant
        self._sessions: OrderedDict[str, None] = OrderedDict()

    def hears(self, message: LiveMessage) -> bool:
        """Whether it is. A question that is over names no participant, but a session that was seen before."""
        session_id, participant = _said(message, "session_id"), _said(message, "participant")
        if participant == self._participant and isinstance(session_id, str):
            self._sessions[session_id] = None
            if len(self._sessions) > _MOST_SEEN:
                self._sessions.popitem(last=False)
            return True
        return participant is None and session_id in self._sessions


class Feeds:
    """All feeds that are open, be it as server-sent events or as WebSockets: at most `max_event_streams` at once."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._of: Counter[str] = Counter()
        self.open = 0

    @contextmanager
    def admitted(self, caller: Caller) -> Iterator[None]:
        """Count one more inside; refuse one too many, of all or of one participant."""
        if self.open >= self._deps.settings.max_event_streams:
            raise _too_many(f"{self.open} event streams are open already", "close one, or raise web.max_event_streams")
        if caller.subject is not None and self._of[caller.subject] >= MOST_OF_ONE:
            raise _too_many(f"{MOST_OF_ONE} feeds of this participant are open already", "close a page")
        key = caller.subject or ""
        self.open += 1
        self._of[key] += 1
        try:
            yield
        finally:
            self.open -= 1
            self._of[key] -= 1
            if not self._of[key]:
                del self._of[key]

    async def feed(self, line: Line, wish: Wish) -> "Feed":
        """A feed that begins where the history is now; a problem if that cannot be read."""
        try:
            return Feed(self._deps, line, wish, newest=await self._deps.history.newest_row())
        except StoreError as error:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "5"}) from error


def wish_of(scope: Scope) -> Wish:
    """Header `Last-Event-ID`, else the parameter `after`, and the parameter `topics`."""
    params = QueryParams(scope["query_string"])
    header = Headers(scope=scope).get("last-event-id")
    raw, field = (header, "Last-Event-ID") if header else (params.get("after") or "", AFTER.name)
    if raw and not _ID.fullmatch(raw):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"{field} must be a row's number, not {raw!r:.40}",
            field=field,
            remedy="send back the id of the last event, or none",
        )
    topics = frozenset(name for name in params.get("topics", "").split(",") if name)
    after, caller = int(raw) if raw else None, caller_of(scope)
    token = caller.token if caller.role else None
    if caller.subject is None:
        return Wish(after, topics, token=token)
    return Wish(None, _open_to_participants(topics), Mine(caller.subject), token)


class Feed:
    """What one client is told. `_cursor` is the last row that it has."""

    def __init__(self, deps: WebDeps, line: Line, wish: Wish, *, newest: int) -> None:
        self._deps = deps
        self._line = line
        self._topics = wish.topics
        self._mine = wish.mine
        self._token = wish.token
        self._looked_ns = 0
        # A row beyond the newest is of another store, wiped since: everything here is new to the client.
        self._cursor = newest if wish.after is None else wish.after if wish.after <= newest else 0
        self._quiet = True

    async def run(self) -> None:
        """Greet, tell the newest of each kind, replay what was missed, then follow. Return if the store fails."""
        watch = self._deps.hub.watch()
        async with _registered(watch) as first:
            await self._say(self._greeting())
            for message in self._deps.hub.latest():
                await self._tell(message)
            try:
                await self._catch_up()
                message = await first
                while self._welcome():
                    await self._tell(message)
                    message = await anext(watch)
            except StoreError:
                return  # the client comes back with the row it has; the health of the store tells people

    async def keep_alive(self) -> None:
        """Say that we are still here whenever nothing was said for a while."""
        while True:
            self._quiet = True
            await self._deps.clock.sleep(self._deps.settings.event_keepalive_s)
            if self._quiet:
                await self._line.still_here(self._deps.clock.now().wall_ms)

    async def _tell(self, message: LiveMessage) -> None:
        if self._topics and message.topic not in self._topics:
            return
        if self._mine and not self._mine.hears(message):
            return
        if message.id is None:
            await self._say(message)
        elif message.id == self._cursor + 1:
            await self._say(message)
            self._cursor = message.id
        elif message.id > self._cursor:
            await self._catch_up()

    def _welcome(self) -> bool:
        """Whether who was let in still would be. A link is looked at each time: its participant may be erased."""
        now_ns = self._deps.clock.mono_ns()
        if self._token is None or (self._mine is None and now_ns - self._looked_ns < _LOOK_EVERY_NS):
            return True
        self._looked_ns = now_ns
        return self._deps.auth.who(self._token) is not None

    async def _catch_up(self) -> None:
        if self._topics and "record" not in self._topics:
            return
        while rows := await self._deps.history.history(None, after=self._cursor, limit=_PAGE):
            await self._say(*(LiveMessage("record", record, row) for row, record in rows))
            self._cursor = rows[-1][0]

    async def _say(self, *messages: LiveMessage) -> None:
        self._quiet = False
        await self._line.tell(messages)

    def _greeting(self) -> LiveMessage:
        deps = self._deps
        quiet_s = deps.settings.event_keepalive_s
        now_ms = deps.clock.now().wall_ms
        hello = {"device": deps.device, "version": deps.version, "t_ms": now_ms, "keepalive_s": quiet_s}
        return LiveMessage("hello", hello, self._cursor)


def _too_many(detail: str, remedy: str) -> ProblemError:
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, remedy=remedy, headers={"Retry-After": "10"})


def _open_to_participants(topics: frozenset[str]) -> frozenset[str]:
    if topics - _FOR_PARTICIPANTS:
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "A participant may hear of their own sessions only",
            field=TOPICS.name,
            remedy="ask for session and ask",
        )
    return topics or _FOR_PARTICIPANTS


def _said(message: LiveMessage, name: str) -> Any:
    """A field of what a message says, be it a struct or plain."""
    data = message.data
    return data.get(name) if isinstance(data, Mapping) else getattr(data, name, None)


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
