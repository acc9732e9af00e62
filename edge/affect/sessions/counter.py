"""What can be read at the desk: who takes part, what there is to be watched, and the sessions as they are and were."""

from collections.abc import Sequence
from pathlib import Path

from contract.messages import Prediction
from contract.sessions import Ask, ConsentText, Participant, SessionView, Stimulus
from edge.affect.sessions.archive import Archive
from edge.affect.sessions.hall import Hall
from edge.affect.sessions.people import People
from edge.affect.sessions.room import Room
from edge.affect.sessions.shelf import Shelf


class Counter:
    """Changes nothing. Belongs to the event loop; what is awaited may raise `StoreError` or `UnknownError`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._people = People(room)
        self._shelf = Shelf(room)
        self._hall = Hall(room)
        self._archive = Archive(room, self._hall, self._shelf)

    def participants(self) -> Sequence[Participant]:
        """Everybody who is known, by id."""
        return self._people.all()

    def consent_text(self) -> ConsentText:
        """The text that participants agree to now."""
        return self._people.text()

    def took_back(self, participant: str) -> bool:
        """Whether they agreed once and do no more."""
        known = self._people.find(participant)
        return known is not None and known.consent is not None and not known.consent.given

    @property
    def takes_strangers(self) -> bool:
        """Whether it is enough that a client asked."""
        return self._room.settings.external_consent

    def stimuli(self) -> Sequence[Stimulus]:
        """Everything that can be watched, by id."""
        return self._shelf.all()

    def video_of(self, stimulus: str) -> Path | None:
        """The video file, if it is there."""
        return self._shelf.video_of(stimulus)

    def running(self) -> Sequence[SessionView]:
        """The sessions that have not ended, oldest first."""
        return [one.view() for one in self._hall.running()]

    async def session(self, session_id: str) -> SessionView:
        """One session, running or ended, with its labels and markers."""
        return await self._archive.session(session_id)

    async def sessions(self, participant: str | None, *, limit: int) -> Sequence[SessionView]:
        """The newest sessions, newest first, without their labels and markers."""
        return await self._archive.sessions(participant, limit)

    def open_ask(self, session_id: str) -> Ask | None:
        """The question that waits for an answer."""
        return self._hall.open_ask(session_id)

    def stimulus_ms(self, session_id: str, at_ms: int) -> int | None:
        """Where the stimulus of a running session was at a moment."""
        running = self._hall.find(session_id)
        return running.timeline.at(at_ms) if running else None

    async def segments(self, session_id: str) -> Sequence[Prediction]:
        """What was predicted in a session, oldest first."""
        return await self._archive.segments(session_id)

    async def predictions(
        self, video_id: int, *, user_id: str | None, session_id: str | None, since_ms: int | None
    ) -> Sequence[Prediction]:
        """What was predicted of a video, by start; both filters hold together."""
        return await self._archive.predictions(video_id, user_id, session_id, since_ms)

    async def report(self, session_id: str) -> str:
        """The end report: one HTML page that needs no other file."""
        return await self._archive.report(session_id)
