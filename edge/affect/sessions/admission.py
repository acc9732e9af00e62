"""How a session is let in: what was wished, what stands against it, on which seat, and by which cameras."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from contract.sessions import CheckList, SessionView, Stimulus, StimulusClock
from edge.affect.session import default_session_id
from edge.affect.sessions.checklist import Situation, check
from edge.affect.sessions.filmed import cameras_for
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.hall import Hall
from edge.affect.sessions.kept import KeptSession, view_of
from edge.affect.sessions.people import People
from edge.affect.sessions.room import Room, printable, pseudonym
from edge.affect.sessions.seats import Seat, seat_for, shared_seat
from edge.affect.sessions.shelf import Shelf
from edge.core.errors import RefusedError, UnknownError


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


class Admission:
    """Belongs to the event loop."""

    def __init__(
        self, room: Room, people: People, shelf: Shelf, hall: Hall, folders: SessionFolders | None = None
    ) -> None:
        self._room = room
        self._people = people
        self._shelf = shelf
        self._hall = hall
        self._folders = folders

    async def checks(self, wish: Wish) -> CheckList:
        """What stands between now and that session; raise `StoreError` if that cannot be found out."""
        problem, stimulus = "", None
        try:
            stimulus = self._stimulus(wish)
        except UnknownError as error:
            problem = str(error)
        return await self._checks(wish.participant, stimulus, self._seat(wish), problem)

    async def admit(self, wish: Wish) -> SessionView | tuple[KeptSession, Stimulus | None]:
        """The session that is to begin and what it shows, or the one of that id that is there.

        Raise `InvalidIdError`, `UnknownError`, `StoreError`, or `RefusedError` with all that stands against it.
        """
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
        return kept, stimulus

    async def _there(self, wish: Wish, session_id: str = "") -> SessionView | None:
        """The session of that id as it is; raise `RefusedError` if it is another participant's, or was erased."""
        wanted = session_id or printable(wish.session_id, "session_id", 200)
        if self._hall.is_erased(wanted):
            raise RefusedError("this session was erased: begin one of another id")
        try:
            kept = await self._hall.kept(wanted)
        except UnknownError:
            return None
        if kept.participant != wish.participant:
            raise RefusedError("this session id is another participant's: choose another")
        running = self._hall.find(wanted)
        return running.view() if running else view_of(kept)

    def _stimulus(self, wish: Wish) -> Stimulus | None:
        if wish.stimulus is not None:
            return self._shelf.get(wish.stimulus)
        return self._shelf.numbered(wish.video_id) if wish.video_id is not None else None

    def _seat(self, wish: Wish) -> Seat:
        known = self._people.find(wish.participant)
        own = self._room.needs.viewings.sensor_of(wish.participant)
        named = wish.sensor or (known.sensor if known else None) or own
        sensors = self._room.needs.sensors()
        used = self._hall.used()
        seat = seat_for(wish.participant, named, sensors=sensors, used=used, wearers=self._wearers())
        if wish.external and (seat.sensor is None or seat.problem):
            shared = shared_seat(seat, sensors, used)
            return Seat(next((one for one in sensors if one.id == shared), None))
        return seat

    def _wearers(self) -> dict[str, str]:
        """To whom each sensor was given, by the settings or here; what was said here comes first."""
        named = ((self._room.needs.viewings.sensor_of(one.id), one.id) for one in self._people.all())
        return {sensor: person for sensor, person in named if sensor} | self._people.wearers()

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


def _refuse_unless_ready(found: CheckList, *, overrule: bool) -> None:
    stops = [f"{one.name}: {one.detail}" for one in found.checks if one.state == "stop"]
    warnings = [f"{one.name}: {one.detail}" for one in found.checks if one.state == "warning"]
    if stops:
        raise RefusedError(f"a session cannot begin: {'; '.join(stops)}")
    if warnings and not overrule:
        raise RefusedError(f"a session should not begin: {'; '.join(warnings)}. Begin it with overrule to do so anyway")
