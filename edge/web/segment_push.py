"""Segments as they close, for clients that subscribe to a user and a video (S0.19, S0.20): who may hear which.

What is pushed is what the next reading would add, in the same shape, with the place that the segment has among those of
its viewing. A client that was away reads what it missed (S0.11); nothing is kept for it here.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from contract.messages import Prediction, Record
from edge.core.errors import EdgeError
from edge.core.hub import LiveMessage
from edge.web.auth import Auth
from edge.web.callers import Caller
from edge.web.legacy_emotion_views import Segment, with_cluster
from edge.web.legacy_requests import LegacyError, user_of, video_number
from edge.web.session_port import SessionPort

_MOST_ROOMS: Final = 16
_MOST_KNOWN: Final = 256


class NotWelcomeError(Exception):
    """A client asked for what it may not have, or what is none; the message says why, in words for the client."""


class Subscription(Struct, frozen=True, kw_only=True):
    """What a client sends (S0.19). Other fields are ignored."""

    action: Literal["subscribe", "unsubscribe"] = "subscribe"
    video_id: int | str
    user_id: str | None = None
    token: str | None = None
    """For pages that cannot send it as a header."""


@dataclass(frozen=True, slots=True)
class Room:
    """Whose segments of which video. A user id may have an underscore, a video id none: no two have one name."""

    user_id: str
    video_id: int

    @property
    def name(self) -> str:
        """S0.20."""
        return f"{self.user_id}_{self.video_id}"


class Listener:
    """One connected client: who it is, and the rooms it is in."""

    def __init__(self, caller: Caller, auth: Auth) -> None:
        self._auth = auth
        self._subject = caller.subject
        self._token = caller.token if caller.role else None
        self.rooms: set[Room] = set()

    @property
    def welcome(self) -> bool:
        """Whether the token that it came with still signs somebody in; true for who needed none."""
        return self._token is None or self._auth.who(self._token) is not None

    def show(self, token: str) -> None:
        """The client says who it is. A participant stays one: another token cannot make more of it."""
        signed = self._auth.who(token)
        if signed is None:
            raise NotWelcomeError("Invalid token")
        if self._subject is None:
            self._token, self._subject = token, signed.participant

    def hear(self, raw: Any) -> Room:
        """Do what a subscription says; the room that it is about. Raise `NotWelcomeError`."""
        try:
            wish = msgspec.convert(raw, Subscription)
            if wish.token:
                self.show(wish.token)
            room = Room(user_of(wish.user_id or self._subject), video_number(wish.video_id))
        except (msgspec.ValidationError, LegacyError) as error:
            raise NotWelcomeError(str(error)) from error
        if self._subject not in {None, room.user_id}:
            raise NotWelcomeError("This token is of another user")
        if wish.action == "unsubscribe":
            self.rooms.discard(room)
        elif len(self.rooms) >= _MOST_ROOMS and room not in self.rooms:
            raise NotWelcomeError(f"A client may be in {_MOST_ROOMS} rooms at most")
        else:
            self.rooms.add(room)
        return room


class Places:
    """The place of a segment among those of its viewing, from 0 (S0.12), for viewings that are listened to."""

    def __init__(self, port: SessionPort | None) -> None:
        self._port = port
        self._known: OrderedDict[str, tuple[int, int]] = OrderedDict()
        """By session: the start of the newest segment that was told, and its place."""

    async def segment(self, made: Prediction) -> Segment:
        """A prediction in the shape of S0.11."""
        return with_cluster(made, await self._place(made))

    async def _place(self, made: Prediction) -> int:
        session_id, length_ms = made.session_id or "", made.end_ms - made.start_ms
        start_ms, place = self._known.get(session_id, (0, 0))
        if not 0 <= made.start_ms - start_ms < 2 * length_ms:
            place = await self._count(made, session_id)
        elif made.start_ms > start_ms:
            place += 1
        if made.start_ms >= start_ms:
            self._known[session_id] = made.start_ms, place
            self._known.move_to_end(session_id)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return place

    async def _count(self, made: Prediction, session_id: str) -> int:
        """Those of the viewing that began before it; what the model counted where that cannot be read."""
        try:
            before = await self._port.segments(session_id) if self._port else None
        except EdgeError:
            before = None
        if before is None:
            return made.segment_index
        return sum(one.start_ms < made.start_ms for one in before)


def prediction_in(message: LiveMessage) -> Prediction | None:
    """The segment of a viewing that a message of the hub tells of, if it does."""
    record = message.data
    if message.topic != "record" or not isinstance(record, Record) or not isinstance(record.body, Prediction):
        return None
    return record.body if room_of(record.body) else None


def room_of(made: Prediction) -> Room | None:
    """Where a segment is told; None if it is of no viewing of a numbered video."""
    if made.session_id is None or made.user_id is None or made.video_id is None:
        return None
    return Room(made.user_id, made.video_id)
