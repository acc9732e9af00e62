"""The sessions that run: begun after their checks, told of, kept in time, and ended by somebody or at last by us."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from contract.messages import Marker
from contract.sessions import (
    Ask,
    AskReason,
    CheckList,
    NewLabel,
    SessionLabel,
    SessionMarker,
    SessionView,
    Stimulus,
    StimulusClock,
)
from edge.affect.session import default_session_id
from edge.affect.sessions import labels as saying
from edge.affect.sessions.checklist import Situation, check
from edge.affect.sessions.consensus import Consensus
from edge.affect.sessions.filmed import cameras_for
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.kept import KeptSession, record_of, view_of
from edge.affect.sessions.people import People
from edge.affect.sessions.room import Room, plain_text, printable, pseudonym
from edge.affect.sessions.running import Running, believed
from edge.affect.sessions.seats import Seat, seat_for, shared_seat
from edge.affect.sessions.shelf import Shelf
from edge.core.clock import Stamp
from edge.core.errors import RefusedError, UnknownError

_MOST_MARKERS: Final = 10_000
_START: Final = "start"
"""The marker at which a stimulus that is shown elsewhere begins."""
_LATELY: Final = 16
"""Ended sessions that are remembered, for their last segments are judged a moment later."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A session as somebody wants it to begin."""

    participant: str
    stimulus: str | None = None
    video_id: int | None = None
    sensor: str | None = None
    session_id: str = ""
    at_ms: int | None = None
    overrule: bool = False
    external: bool = False
    cameras: Sequence[str] | None = None


class Floor:
    """Belongs to the event loop. Methods that change something are called in the room's turn."""

    def __init__(
        self, room: Room, people: People, shelf: Shelf, consensus: Consensus, folders: SessionFolders | None = None
    ) -> None:
        self._room = room
        self._folders = folders
        self._people = people
        self._shelf = shelf
        self._consensus = consensus
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

    async def checks(self, wish: Wish) -> CheckList:
        """What stands between now and that session; raise `StoreError` if that cannot be found out."""
        problem, stimulus = "", None
        try:
            stimulus = self._stimulus(wish)
        except UnknownError as error:
            problem = str(error)
        return await self._checks(wish.participant, stimulus, self._seat(wish), problem)

    async def start(self, wish: Wish) -> SessionView:
        """Begin a session, or return the one of that id."""
        pseudonym(wish.participant)
        stimulus = self._stimulus(wish)
        if wish.session_id and (there := await self._there(wish)):
            return there
        if wish.external:
            await self._people.came_by_client(wish.participant)
        self._people.get(wish.participant)
        found = await self._checks(wish.participant, stimulus, self._seat(wish), "")
        kept = await self._filmed(self._kept(wish, stimulus, found), wish.cameras)
        if there := await self._there(wish, kept.session_id):
            return there
        if not wish.external:
            _refuse_unless_ready(found, overrule=wish.overrule)
        return await self._begin(kept, stimulus)

    async def end(self, session_id: str, reason: str) -> SessionView:
        """End one; raise `UnknownError`. One that has ended stays as it is.

        Where the disk does not take that, it ends later, at the moment and for the reason that were meant.
        """
        running = self._running.get(session_id)
        if running is None:
            return view_of(await self.kept(session_id))
        now, reason = running.ending = running.ending or (self._room.needs.clock.now(), reason)
        self._room.needs.viewings.stop(session_id, now)
        if self._folders:
            self._folders.end(session_id)
        ended = msgspec.structs.replace(running.kept, end_ms=running.time_of(now), reason=reason)
        await self._room.call(self._room.book.put_sessions, [(ended, record_of(ended))], now)
        running.kept = ended
        self._leave(session_id, now)
        self._room.wake.set()
        view = running.view()
        self._room.publish(view)
        return view

    async def end_of(self, participant: str, reason: str) -> None:
        """End what runs of a participant."""
        for running in self.running():
            if running.kept.participant == participant:
                await self.end(running.kept.session_id, reason)

    def drop(self, participant: str, sessions: Sequence[str]) -> None:
        """They were erased: nothing of theirs runs, or ever comes back under these ids."""
        self._erased |= set(sessions)
        for running in self.running():
            if running.kept.participant == participant:
                self._leave(running.kept.session_id, self._room.needs.clock.now())
        for session_id in {
            *sessions,
            *(key for key, one in self._ended.items() if one.kept.participant == participant),
        }:
            self._ended.pop(session_id, None)
            self._room.needs.hub.forget("session", session_id)

    async def mark(self, session_id: str, *, name: str, note: str, at_ms: int | None) -> SessionMarker:
        """Mark a moment."""
        kept = await self._consented(session_id)
        running, now = self._running.get(session_id), self._room.needs.clock.now()
        if running is None and not note:
            raise RefusedError("this session has ended: write a note, or mark moments while it runs")
        if await self._room.call(self._room.book.marker_count, session_id) >= _MOST_MARKERS:
            raise RefusedError(f"a session has {_MOST_MARKERS} markers at most")
        if running:
            moment = running.moment(at_ms, now)
        else:
            moment = believed(at_ms, now.wall_ms) if at_ms else kept.end_ms or now.wall_ms
        if running and name.strip().lower() == _START and self._is_shown_elsewhere(kept.stimulus):
            running.place(StimulusClock(at_ms=moment, stimulus_ms=0))
        marker = SessionMarker(
            at_ms=moment,
            name=printable(name, "name", 100) or "note",
            note=plain_text(note, 4000),
            stimulus_ms=running.timeline.at(moment) if running else None,
        )
        told = Marker(session_id=session_id, **msgspec.structs.asdict(marker))
        await self._room.call(self._room.book.add_marker, kept, marker, told, now)
        self._room.wake.set()
        if running:
            running.markers.append(marker)
            self._room.publish(running.view())
        return marker

    async def label(self, session_id: str, given: Sequence[NewLabel]) -> int:
        """Keep what was said; how many labels were new."""
        kept, wanted = await self._consented(session_id), saying.checked(given)
        book, now = self._room.book, self._room.needs.clock.now()
        known = await self._room.call(book.known_labels, session_id, [one.label_id for one in wanted])
        if (
            await self._room.call(book.label_count, session_id) + len(wanted) - len(known)
            > self._room.settings.max_labels
        ):
            raise RefusedError(f"a session has {self._room.settings.max_labels} labels at most: see max_labels")
        running = self._running.get(session_id)
        fresh = [saying.made(one, kept, running, now) for one in wanted if one.label_id not in known]
        if fresh:
            told = saying.records_of(kept, fresh, running)
            await self._room.call(book.add_labels, kept, fresh, told, now)
            self._heard(kept, running, fresh)
        return len(fresh)

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

    async def keep_time(self) -> None:
        """Write down that the sessions run, and end those that nobody stopped."""
        now = self._room.needs.clock.now()
        for running in self.running():
            too_long = now.mono_ns - running.started.mono_ns > self._room.settings.longest_s * 1_000_000_000
            if running.ending or too_long:
                await self.end(running.kept.session_id, "stopped")
        if self._running:
            alive = [(one.kept, one.time_of(now)) for one in self._running.values()]
            await self._room.call(self._room.book.saw, alive)

    async def count_segments(self) -> None:
        """Look how many segments each has, and show what is new."""
        for running in self.running():
            count = await self._room.needs.records.count_of_subject(running.kept.session_id, kind="prediction")
            if count != running.segments and self._running.get(running.kept.session_id) is running:
                running.segments = count
                self._room.publish(running.view())

    async def _there(self, wish: Wish, session_id: str = "") -> SessionView | None:
        """The session of that id as it is; raise `RefusedError` if it is another participant's, or was erased."""
        wanted = session_id or printable(wish.session_id, "session_id", 200)
        if wanted in self._erased:
            raise RefusedError("this session was erased: begin one of another id")
        try:
            kept = await self.kept(wanted)
        except UnknownError:
            return None
        if kept.participant != wish.participant:
            raise RefusedError("this session id is another participant's: choose another")
        running = self._running.get(wanted)
        return running.view() if running else view_of(kept)

    def _stimulus(self, wish: Wish) -> Stimulus | None:
        if wish.stimulus is not None:
            return self._shelf.get(wish.stimulus)
        return self._shelf.numbered(wish.video_id) if wish.video_id is not None else None

    def _is_shown_elsewhere(self, stimulus: str | None) -> bool:
        return any(one.id == stimulus and one.kind == "external" for one in self._shelf.all())

    def _seat(self, wish: Wish) -> Seat:
        known = self._people.find(wish.participant)
        own = self._room.needs.viewings.sensor_of(wish.participant)
        named = wish.sensor or (known.sensor if known else None) or own
        sensors = self._room.needs.sensors()
        used = self._used()
        seat = seat_for(wish.participant, named, sensors=sensors, used=used, wearers=self._wearers())
        if wish.external and (seat.sensor is None or seat.problem):
            shared = shared_seat(seat, sensors, used)
            return Seat(next((one for one in sensors if one.id == shared), None))
        return seat

    def _wearers(self) -> dict[str, str]:
        """To whom each sensor was given, by the settings or here; what was said here comes first."""
        named = ((self._room.needs.viewings.sensor_of(one.id), one.id) for one in self._people.all())
        return {sensor: person for sensor, person in named if sensor} | self._people.wearers()

    def _used(self) -> dict[str, str]:
        return {one.kept.sensor: one.kept.participant for one in self._running.values() if one.kept.sensor}

    async def _checks(
        self, participant: str, stimulus: Stimulus | None, seat: Seat, stimulus_problem: str
    ) -> CheckList:
        needs, settings, known = self._room.needs, self._room.settings, self._people.find(participant)
        free = await asyncio.to_thread(needs.free_bytes, self._room.folder)
        return check(
            Situation(
                participant=participant,
                consent=known.consent if known else None,
                text=await asyncio.to_thread(self._people.text),
                sensor=seat.sensor,
                sensor_problem=seat.problem,
                clock_trusted=needs.clock.now().trusted,
                free_bytes=free,
                keep_free_bytes=settings.keep_free_bytes,
                model_problem=needs.model_problem(),
                stimulus=stimulus,
                stimulus_problem=stimulus_problem or (self._shelf.problem(stimulus) if stimulus else ""),
            )
        )

    def _kept(self, wish: Wish, stimulus: Stimulus | None, found: CheckList) -> KeptSession:
        now, known = self._room.needs.clock.now(), self._people.get(wish.participant)
        number = wish.video_id if stimulus is None else stimulus.number
        seat = self._seat(wish)
        at_ms = now.wall_ms if wish.at_ms is None else wish.at_ms
        plays_itself = wish.external and stimulus is not None
        return KeptSession(
            session_id=wish.session_id or default_session_id(wish.participant, number, at_ms),
            participant=wish.participant,
            start_ms=now.wall_ms,
            video_id=number,
            stimulus=stimulus.id if stimulus else None,
            sensor=seat.sensor.id if seat.sensor else None,
            warnings=[f"{one.name}: {one.detail}" for one in found.checks if one.state != "ok"],
            external=wish.external,
            clock_trusted=now.trusted,
            consent=known.consent,
            checks=found.checks,
            pieces=[StimulusClock(at_ms=now.wall_ms, stimulus_ms=0)] if plays_itself else [],
        )

    async def _filmed(self, kept: KeptSession, wanted: Sequence[str] | None) -> KeptSession:
        """With the cameras that record it; raise `RefusedError` if some that were asked for cannot."""
        known = self._folders.cameras() if self._folders else ()
        text = await asyncio.to_thread(self._people.text)
        cameras, warnings = cameras_for(
            wanted, settings=self._room.settings, known=known, consent=kept.consent, text=text
        )
        return msgspec.structs.replace(kept, cameras=cameras, warnings=[*kept.warnings, *warnings])

    async def _begin(self, kept: KeptSession, stimulus: Stimulus | None) -> SessionView:
        """The viewing begins, and ends, at the moment itself and not once the disk has it: segments go by that."""
        await self.end_of(kept.participant, "replaced")
        needs = self._room.needs
        now = needs.clock.now()
        kept = msgspec.structs.replace(kept, start_ms=now.wall_ms)
        needs.viewings.start(kept.participant, kept.video_id, now, session_id=kept.session_id, sensor=kept.sensor)
        if self._folders:
            self._folders.begin(kept, now, stimulus)
        try:
            await self._room.call(self._room.book.put_sessions, [(kept, record_of(kept))], now)
        except BaseException:  # also where whoever asked has gone away meanwhile
            needs.viewings.stop(kept.session_id, needs.clock.now())
            if self._folders:
                self._folders.abandon(kept.session_id)
            raise
        duration_ms = stimulus.duration_ms if stimulus else None
        running = self._running[kept.session_id] = Running(kept, now, duration_ms=duration_ms)
        self._people.count_session([kept.participant], 1)
        self._room.wake.set()
        view = running.view()
        self._room.publish(view)
        return view

    async def _consented(self, session_id: str) -> KeptSession:
        kept = await self.kept(session_id)
        if not self._people.agreed(kept.participant):
            raise RefusedError(f"{kept.participant} took the consent back: nothing more is kept of them")
        return kept

    def _found(self, session_id: str) -> Running:
        if session_id not in self._running:
            raise UnknownError(f"no session {session_id!r:.80} runs")
        return self._running[session_id]

    def _heard(self, kept: KeptSession, running: Running | None, fresh: Sequence[SessionLabel]) -> None:
        self._room.wake.set()
        for label in fresh:
            if kept.stimulus:
                self._consensus.hear(kept.stimulus, kept.participant, label)
        if running:
            running.hear(fresh)
            self.close_asks([kept.session_id], fresh)
            self._room.publish(running.view())

    def _leave(self, session_id: str, now: Stamp) -> None:
        left = self._ended[session_id] = self._running.pop(session_id)
        while len(self._ended) > _LATELY:
            self._ended.popitem(last=False)
        if left.open_ask(now.mono_ns):
            self._silence(session_id)
        self._room.needs.hub.forget("session", session_id)
        self._room.needs.viewings.stop(session_id, now)

    def _silence(self, session_id: str) -> None:
        self._room.needs.hub.publish("ask", {"session_id": session_id, "ask": None})
        self._room.needs.hub.forget("ask", session_id)


def _refuse_unless_ready(found: CheckList, *, overrule: bool) -> None:
    stops = [f"{one.name}: {one.detail}" for one in found.checks if one.state == "stop"]
    warnings = [f"{one.name}: {one.detail}" for one in found.checks if one.state == "warning"]
    if stops:
        raise RefusedError(f"a session cannot begin: {'; '.join(stops)}")
    if warnings and not overrule:
        raise RefusedError(f"a session should not begin: {'; '.join(warnings)}. Begin it with overrule to do so anyway")
