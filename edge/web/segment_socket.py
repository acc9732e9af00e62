"""`WS /predictions` (S0.19): a client says `{"action": "subscribe", "video_id", "user_id"}` and gets segments.

There is one segment a message. Existing clients take every message for one, so nothing else is ever said: a
subscription has no answer, and one that is refused closes the socket with 1008 and the reason.
"""

from typing import Final

import msgspec
from starlette.types import Message, Receive, Scope, Send

from edge.web.access import Access
from edge.web.callers import caller_of
from edge.web.connection import say_farewell, while_connected
from edge.web.deps import WebDeps
from edge.web.endpoint import WEBSOCKET, Endpoint
from edge.web.feed import Feeds
from edge.web.segment_push import Listener, NotWelcomeError, Places, prediction_in, room_of

_GOING_AWAY: Final = 1001
_REFUSED: Final = 1008
_GONE: Final[Message] = {"type": "websocket.disconnect"}
_LONGEST_REASON: Final = 110
"""Bytes of a close frame's reason are 123 at most."""


class SegmentSocket:
    """The socket as an ASGI application."""

    def __init__(self, deps: WebDeps, feeds: Feeds) -> None:
        self._deps = deps
        self._feeds = feeds
        self._places = Places(deps.sessions)

    def endpoints(self) -> list[Endpoint]:
        """The one route."""
        return [
            Endpoint(
                path="/predictions",
                access=Access.OPEN_OR_OWN,
                summary='Segments as they close, one a message, after {"action": "subscribe", "video_id", "user_id"}',
                method=WEBSOCKET,
                app=self,
            )
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until the client leaves, is no more welcome, or the appliance stops."""
        with self._feeds.admitted(caller_of(scope)):
            visit = _Visit(Listener(caller_of(scope), self._deps.auth), receive)
            await receive()
            await send({"type": "websocket.accept"})
            stayed = await while_connected(visit.receive, self._deps.closing, self._tell(visit, send))
            if visit.refusal:
                await say_farewell(send, {"type": "websocket.close", "code": _REFUSED, "reason": visit.refusal})
            elif stayed:
                await say_farewell(send, {"type": "websocket.close", "code": _GOING_AWAY, "reason": "come back"})

    async def _tell(self, visit: "_Visit", send: Send) -> None:
        async for message in self._deps.hub.watch():
            made = prediction_in(message)
            if made is None or room_of(made) not in visit.listener.rooms:
                continue
            if not visit.listener.welcome:
                visit.refusal = "Token expired"
                return
            told = msgspec.json.encode(await self._places.segment(made)).decode()
            await send({"type": "websocket.send", "text": told})


class _Visit:
    """A client that is connected. `refusal` is why it has to go, once it has."""

    def __init__(self, listener: Listener, receive: Receive) -> None:
        self.listener = listener
        self.refusal = ""
        self._receive = receive

    async def receive(self) -> Message:
        """What the client did, once it is done with; a client that is refused is as good as gone."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        try:
            self.listener.hear(msgspec.json.decode(message.get("text") or message.get("bytes") or b""))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.refusal = "That is no JSON"
        except NotWelcomeError as error:
            self.refusal = str(error).encode("ascii", "replace").decode()[:_LONGEST_REASON]
        return _GONE if self.refusal else message
