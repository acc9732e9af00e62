"""The sessions that run: begun after their checks, kept in time, and ended by somebody or at last by us."""

import msgspec

from contract.sessions import SessionView, Stimulus
from edge.affect.sessions.admission import Admission, Wish
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.hall import Hall
from edge.affect.sessions.kept import KeptSession, record_of, view_of
from edge.affect.sessions.people import People
from edge.affect.sessions.room import Room
from edge.affect.sessions.running import Running


class Floor:
    """Belongs to the event loop. Methods that change something are called in the room's turn."""

    def __init__(
        self, room: Room, people: People, hall: Hall, admission: Admission, folders: SessionFolders | None = None
    ) -> None:
        self._room = room
        self._people = people
        self._hall = hall
        self._admission = admission
        self._folders = folders

    async def start(self, wish: Wish) -> SessionView:
        """Begin a session, or return the one of that id; raise what `Admission.admit` raises."""
        admitted = await self._admission.admit(wish)
        return admitted if isinstance(admitted, SessionView) else await self._begin(*admitted)

    async def end(self, session_id: str, reason: str) -> SessionView:
        """End one; raise `UnknownError`. One that has ended stays as it is.

        Where the disk does not take that, it ends later, at the moment and for the reason that were meant.
        """
        running = self._hall.find(session_id)
        if running is None:
            return view_of(await self._hall.kept(session_id))
        now, reason = running.ending = running.ending or (self._room.needs.clock.now(), reason)
        self._room.needs.viewings.stop(session_id, now)
        if self._folders:
            self._folders.end(session_id)
        ended = msgspec.structs.replace(running.kept, end_ms=running.time_of(now), reason=reason)
        await self._room.call(self._room.book.put_sessions, [(ended, record_of(ended))], now)
        running.kept = ended
        self._hall.leave(session_id, now)
        self._room.wake.set()
        view = running.view()
        self._room.publish(view)
        return view

    async def end_of(self, participant: str, reason: str) -> None:
        """End what runs of a participant."""
        for running in self._hall.running():
            if running.kept.participant == participant:
                await self.end(running.kept.session_id, reason)

    async def keep_time(self) -> None:
        """Write down that the sessions run, and end those that nobody stopped."""
        now = self._room.needs.clock.now()
        for running in self._hall.running():
            too_long = now.mono_ns - running.started.mono_ns > self._room.settings.longest_s * 1_000_000_000
            if running.ending or too_long:
                await self.end(running.kept.session_id, "stopped")
        if alive := [(one.kept, one.time_of(now)) for one in self._hall.running()]:
            await self._room.call(self._room.book.saw, alive)

    async def count_segments(self) -> None:
        """Look how many segments each has, and show what is new."""
        for running in self._hall.running():
            count = await self._room.needs.records.count_of_subject(running.kept.session_id, kind="prediction")
            if count != running.segments and self._hall.find(running.kept.session_id) is running:
                running.segments = count
                self._room.publish(running.view())

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
        running = Running(kept, now, duration_ms=duration_ms)
        self._hall.enter(running)
        self._people.count_session([kept.participant], 1)
        self._room.wake.set()
        view = running.view()
        self._room.publish(view)
        return view
