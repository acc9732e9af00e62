"""Who sits in the hall: the sessions that run, those that ended lately, and the questions that are open in them."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from contract.sessions import Ask, AskReason, SessionLabel, StimulusClock
from edge.affect.sessions import labels as saying
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.room import Room
from edge.affect.sessions.running import Running
from edge.core.clock import Stamp
from edge.core.errors import UnknownError

_LATELY: Final = 16
"""Ended sessions that are remembered, for their last segments are judged a moment later."""


class Hall:
    """Belongs to the event loop. Methods that change something are called in the room's turn."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._running: dict[str, Running] = {}
        self._ended: OrderedDict[str, Running] = OrderedDict()
        self._erased: set[str] = set()

    def running(self) -> list[Running]:
        """Oldest first."""
        return list(self._running.values())

    def find(self, session_id: str) -> Running | None:
        """One that runs."""
        return self._running.get(session_id)

    def lately(self, session_id: str) -> Running | None:
        """One that runs, or ended lately."""
        return self._running.get(session_id) or self._ended.get(session_id)

    def shows(self, stimulus: str) -> bool:
        """Whether a session that runs shows it."""
        return any(one.kept.stimulus == stimulus for one in self._running.values())

    async def kept(self, session_id: str) -> KeptSession:
        """One, running or ended; raise `UnknownError`."""
        if running := self._running.get(session_id):
            return running.kept
        found = await self._room.call(self._room.book.session, session_id) if session_id.isprintable() else None
        if found is None:
            raise UnknownError(f"there is no session {session_id!r:.80}")
        return found

    def used(self) -> dict[str, str]:
        """Who wears which sensor in a session that runs."""
        return {one.kept.sensor: one.kept.participant for one in self._running.values() if one.kept.sensor}

    def is_erased(self, session_id: str) -> bool:
        """Whether a session of that id was erased in this run."""
        return session_id in self._erased

    def enter(self, running: Running) -> None:
        """It runs now."""
        self._running[running.kept.session_id] = running

    def leave(self, session_id: str, now: Stamp) -> None:
        """It runs no more."""
        left = self._ended[session_id] = self._running.pop(session_id)
        while len(self._ended) > _LATELY:
            self._ended.popitem(last=False)
        if left.drop_ask():
            self._silence(session_id)
        self._room.needs.hub.forget("session", session_id)
        self._room.needs.viewings.stop(session_id, now)

    def drop(self, participant: str, sessions: Sequence[str]) -> None:
        """They were erased: nothing of theirs runs, or ever comes back under these ids."""
        self._erased |= set(sessions)
        for running in self.running():
            if running.kept.participant == participant:
                self.leave(running.kept.session_id, self._room.needs.clock.now())
        for session_id in {
            *sessions,
            *(key for key, one in self._ended.items() if one.kept.participant == participant),
        }:
            self._ended.pop(session_id, None)
            self._room.needs.hub.forget("session", session_id)

    def tell_clock(self, session_id: str, clock: StimulusClock) -> None:
        """Hear where the stimulus of a session that runs is."""
        running = self._found(session_id)
        if running.tell_clock(clock, self._room.needs.clock.now()):
            self._room.publish(running.view())

    def ask(self, session_id: str, reason: AskReason) -> Ask | None:
        """Put a question, unless one is open or the session does not run."""
        running = self._running.get(session_id)
        if running is None:
            return None
        ask = running.ask(reason, self._room.needs.clock.now(), round(self._room.settings.ask_expires_s * 1000))
        if ask:
            self._room.needs.hub.publish("ask", msgspec.to_builtins(ask), key=session_id)
        return ask

    def open_ask(self, session_id: str) -> Ask | None:
        """The question that waits."""
        running = self._running.get(session_id)
        return running.open_ask(self._room.needs.clock.mono_ns()) if running else None

    def close_asks(self, session_ids: Sequence[str], answered: Sequence[SessionLabel] = ()) -> None:
        """Close the questions whose time is up, and those that were answered."""
        now_ns, names = self._room.needs.clock.mono_ns(), saying.answered(answered)
        for session_id in session_ids:
            if session_id in self._running and self._running[session_id].close_ask(now_ns, names):
                self._silence(session_id)

    def _found(self, session_id: str) -> Running:
        if session_id not in self._running:
            raise UnknownError(f"no session {session_id!r:.80} runs")
        return self._running[session_id]

    def _silence(self, session_id: str) -> None:
        self._room.needs.hub.publish("ask", {"session_id": session_id, "ask": None})
        self._room.needs.hub.forget("ask", session_id)
