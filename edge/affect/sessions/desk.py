"""The desk of sessions: what `edge.web.session_port.SessionPort` asks for, over the rooms of this package.

A `Service` as well: `await desk.open()` before the first use, `run()` beside the others, `await desk.close()` last.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from contract.messages import Erasure
from contract.sessions import (
    CheckList,
    NewLabel,
    Participant,
    SessionMarker,
    SessionView,
    Stimulus,
    StimulusClock,
)
from edge.affect.sessions.admission import Admission, Wish
from edge.affect.sessions.consensus import SLICE_MS, Consensus
from edge.affect.sessions.counter import Counter
from edge.affect.sessions.erasing import Erasing
from edge.affect.sessions.floor import Floor
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.gate import ConsentGate
from edge.affect.sessions.hearing import Hearing
from edge.affect.sessions.kept import record_of
from edge.affect.sessions.known import Known
from edge.affect.sessions.needs import DeskNeeds
from edge.affect.sessions.room import PART, Room
from edge.affect.sessions.rounds import Chores, Rounds
from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import RefusedError, StoreError
from edge.core.service import Pulse

_log = logging.getLogger(__name__)


class SessionDesk(Counter):
    """Participants, stimuli and sessions of this device. Belongs to the event loop. Health part: `sessions`."""

    def __init__(self, folder: Path, *, settings: SessionSettings, needs: DeskNeeds) -> None:
        """`folder` is made if it is not there."""
        self.name = PART
        self.pulse = Pulse(needs.clock)
        self.consensus = Consensus(reach_s=settings.consensus_reach_s)
        """What participants said of each stimulus."""
        super().__init__(Room(folder, settings, needs))
        self._needs = needs
        self.folders = _folders(folder, self._room, needs.folders)
        """A `Service` of its own: the folders of sessions; None where none are made."""
        self._admission = Admission(self._room, self._people, self._shelf, self._hall, self.folders)
        self._floor = Floor(self._room, self._people, self._hall, self._admission, self.folders)
        self._hearing = Hearing(self._room, self._people, self._shelf, self._hall, self.consensus)
        self.known = Known(self._hall, self._shelf, self.consensus)
        """What estimating emotion, and asking, needs of the sessions that run."""
        self._erasing = Erasing(self._room, self._people, self._hall, self.consensus, self.folders)
        self._rounds = Rounds(needs, self.pulse)
        heard = (self.folders.recorder.predicted,) if self.folders else ()
        self.gate = ConsentGate(needs.sink, self._people.agreed, *heard)
        """Where predictions go through, so that nothing is kept of who did not agree."""

    async def open(self) -> None:
        """Read what is kept; sessions that a killed daemon left running end as `restarted`. Raise `StoreError`: then
        nothing may be kept of anybody who goes by a name, for nobody knows who agreed."""
        self._needs.viewings.may_name = self._people.agreed  # nobody, should the file not open
        try:
            await self._room.open()
            await self._people.load()
            await self._shelf.load()
            said = await self._room.call(self._room.book.said_of_stimuli, SLICE_MS)
            felt = await self._room.call(self._room.book.felt_of_stimuli, SLICE_MS)
            await self._end_left_running()
            if self.folders:
                leaving = await self._room.call(self._room.book.erasing)
                await self.folders.open({participant for participant, _, _ in leaving})
        except BaseException:
            await self._room.close()
            raise
        for stimulus, participant, place, probe, times in said:
            self.consensus.count(stimulus, participant, place, (probe, times))
        for stimulus, participant, place, valence, valences, arousal, arousals in felt:
            self.consensus.feel(stimulus, participant, place, (0, valence, valences))
            self.consensus.feel(stimulus, participant, place, (1, arousal, arousals))
        self._room.wake.set()

    async def run(self) -> None:
        """Keep the sessions' time, end what nobody stopped, and hand over what the store did not take."""
        chores = Chores(
            close_asks=lambda: self._hall.close_asks([one.kept.session_id for one in self._hall.running()]),
            keep=self._keep,
            tell=self.tell,
            count=self._floor.count_segments,
            busy=lambda: bool(self._hall.running()),
            wake=self._room.wake,
        )
        await self._rounds.run(chores)

    async def close(self) -> None:
        """End what runs as `restarted`, hand over what can be, and let go of the files."""
        try:
            async with self._room.turn:
                for running in self._hall.running():
                    await self._floor.end(running.kept.session_id, "restarted")
            await self.tell()
        except StoreError as error:
            _log.warning("sessions end at the next start: %s", error)
        finally:
            if self.folders:
                await self.folders.close()
            await self._room.close()

    async def tell(self) -> None:
        """Hand to the store now what it has not taken; raise `StoreError` if it takes nothing."""
        await self._room.tell()

    async def put_participant(self, participant: str, *, sensor: str | None, note: str) -> Participant:
        """Make or change a participant."""
        async with self._room.turn:
            return await self._people.put(participant, sensor=sensor, note=note)

    async def consent(self, participant: str, *, given: bool, text_sha256: str, witness: str) -> Participant:
        """Record that they agree to the text of that digest, or take it back, which ends their session."""
        async with self._room.turn:
            self._people.get(participant)
            text = self._people.text()
            if given and text.sha256 != text_sha256:
                raise RefusedError("this is not the text of now: show that one, and let them agree to it")
            made = await self._people.consent(participant, given=given, text=text, witness=witness)
            if not given:
                await self._floor.end_of(participant, "withdrawn")
            return made

    async def came_by_client(self, participant: str) -> None:
        """A client that asks for consent itself brings them; raise `RefusedError` if that is not consent enough."""
        async with self._room.turn:
            await self._people.came_by_client(participant)

    async def erase(self, participant: str) -> Erasure:
        """Erase everything of them on this device, and tell the cloud to do so."""
        return await self._erasing.erase(participant)

    async def put_stimulus(self, stimulus: Stimulus) -> Stimulus:
        """Make or change a stimulus."""
        async with self._room.turn:
            return await self._shelf.put(stimulus)

    async def put_video(self, stimulus: str, chunks: AsyncIterator[bytes], size_bytes: int | None) -> Stimulus:
        """Keep the video file of a stimulus."""
        self._refuse_if_shown(stimulus)
        return await self._shelf.put_video(stimulus, chunks, size_bytes)

    async def remove_stimulus(self, stimulus: str) -> None:
        """Forget a stimulus and its file."""
        async with self._room.turn:
            self._refuse_if_shown(stimulus)
            await self._shelf.remove(stimulus)
            self.consensus.forget_stimulus(stimulus)

    async def checks(self, participant: str, *, stimulus: str | None, sensor: str | None) -> CheckList:
        """What stands between now and a session."""
        self._people.get(participant)
        return await self._admission.checks(Wish(participant=participant, stimulus=stimulus, sensor=sensor))

    async def start(  # noqa: PLR0913 - all that a start may say
        self,
        participant: str,
        *,
        stimulus: str | None = None,
        video_id: int | None = None,
        sensor: str | None = None,
        session_id: str = "",
        at_ms: int | None = None,
        overrule: bool = False,
        external: bool = False,
        cameras: Sequence[str] | None = None,
    ) -> SessionView:
        """Begin a session; one that this participant has running ends. The same id again returns it as it is."""
        wish = Wish(
            participant=participant,
            stimulus=stimulus,
            video_id=video_id,
            sensor=sensor,
            session_id=session_id,
            at_ms=at_ms,
            overrule=overrule,
            external=external,
            cameras=cameras,
        )
        async with self._room.turn:
            return await self._floor.start(wish)

    async def stop(self, session_id: str) -> SessionView:
        """End a session; one that has ended is returned as it is."""
        async with self._room.turn:
            return await self._floor.end(session_id, "stopped")

    async def mark(self, session_id: str, *, name: str, note: str, at_ms: int | None) -> SessionMarker:
        """Mark a moment of a running session (by default now), or note something on any session."""
        async with self._room.turn:
            return await self._hearing.mark(session_id, name=name, note=note, at_ms=at_ms)

    def tell_clock(self, session_id: str, clock: StimulusClock) -> None:
        """Who plays the stimulus says where it is."""
        self._hall.tell_clock(session_id, clock)

    async def label(self, session_id: str, labels: Sequence[NewLabel]) -> int:
        """Keep what the participant said; how many of the labels were new."""
        async with self._room.turn:
            return await self._hearing.label(session_id, labels)

    def _refuse_if_shown(self, stimulus: str) -> None:
        self._shelf.get(stimulus)
        if self._hall.shows(stimulus):
            raise RefusedError(f"a session that runs shows {stimulus}: end it first")

    async def _end_left_running(self) -> None:
        now = self._needs.clock.now()
        for kept, seen_ms in await self._room.call(self._room.book.left_running):
            last_ms = await self._archive.last_known_ms(kept, seen_ms)
            ended = msgspec.structs.replace(kept, end_ms=last_ms, reason="restarted")
            await self._room.call(self._room.book.put_sessions, [(ended, record_of(ended))], now)

    async def _keep(self) -> None:
        await self._erasing.resume()
        async with self._room.turn:
            await self._floor.keep_time()
            settings = self._room.settings
            gone = await self._room.call(self._room.book.trim, settings.max_sessions, settings.max_bytes)
            self._people.count_session(gone, -1)


def _folders(folder: Path, room: Room, needs: FolderNeeds | None) -> SessionFolders | None:
    if needs is None:
        return None
    return SessionFolders(folder / "folders", room=room, settings=room.settings.folder, needs=needs)
