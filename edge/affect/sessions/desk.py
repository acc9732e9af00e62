"""The desk of sessions: what `edge.web.session_port.SessionPort` asks for, over the rooms of this package.

A `Service` as well: `await desk.open()` before the first use, `run()` beside the others, `await desk.close()` last.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import Erasure, Prediction
from contract.sessions import (
    Ask,
    CheckList,
    ConsentText,
    NewLabel,
    Participant,
    SessionMarker,
    SessionView,
    Stimulus,
    StimulusClock,
)
from edge.affect.sessions.archive import Archive
from edge.affect.sessions.consensus import SLICE_MS, Consensus
from edge.affect.sessions.erasing import Erasing
from edge.affect.sessions.floor import Floor, Wish
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.gate import ConsentGate
from edge.affect.sessions.kept import record_of
from edge.affect.sessions.known import Known
from edge.affect.sessions.needs import DeskNeeds
from edge.affect.sessions.people import People
from edge.affect.sessions.room import PART, Room
from edge.affect.sessions.settings import SessionSettings
from edge.affect.sessions.shelf import Shelf
from edge.core.backoff import Backoff
from edge.core.errors import RefusedError, StoreError
from edge.core.health import State
from edge.core.service import Pulse

KEEP_TIME_S: Final = 30.0
"""How often it is written down that a session runs: so much of its end can be uncertain after a crash."""
_BUSY_S, _IDLE_S = 1.0, 5.0
_log = logging.getLogger(__name__)


class SessionDesk:
    """Participants, stimuli and sessions of this device. Belongs to the event loop. Health part: `sessions`."""

    def __init__(self, folder: Path, *, settings: SessionSettings, needs: DeskNeeds) -> None:
        """`folder` is made if it is not there."""
        self.name = PART
        self.pulse = Pulse(needs.clock)
        self.consensus = Consensus(reach_s=settings.consensus_reach_s)
        """What participants said of each stimulus."""
        self._needs = needs
        self._room = Room(folder, settings, needs)
        self._people = People(self._room)
        self._shelf = Shelf(self._room)
        self.folders = _folders(folder, self._room, needs.folders)
        """A `Service` of its own: the folders of sessions; None where none are made."""
        self._floor = Floor(self._room, self._people, self._shelf, self.consensus, self.folders)
        self.known = Known(self._floor, self._shelf, self.consensus)
        """What estimating emotion, and asking, needs of the sessions that run."""
        self._archive = Archive(self._room, self._floor, self._shelf)
        self._erasing = Erasing(self._room, self._people, self._floor, self.consensus, self.folders)
        self._backoff = Backoff(random.Random(PART), first_s=1.0, limit_s=8.0)  # noqa: S311 - jitter
        self._failing = ""
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
            await self._end_left_running()
            if self.folders:
                leaving = await self._room.call(self._room.book.erasing)
                await self.folders.open({participant for participant, _, _ in leaving})
        except BaseException:
            await self._room.close()
            raise
        for stimulus, participant, place, probe, times in said:
            self.consensus.count(stimulus, participant, place, (probe, times))
        self._room.wake.set()

    async def run(self) -> None:
        """Keep the sessions' time, end what nobody stopped, and hand over what the store did not take."""
        looked_ns: int | None = None
        while True:
            self.pulse.beat()
            self._floor.close_asks([one.kept.session_id for one in self._floor.running()])
            try:
                if looked_ns is None or self._needs.clock.mono_ns() - looked_ns >= KEEP_TIME_S * 1e9:
                    looked_ns = self._needs.clock.mono_ns()
                    await self._patiently(self._keep())
                await self._patiently(self.tell())
                await self._floor.count_segments()
            except StoreError as error:
                self._failed(str(error))
                await self._needs.clock.sleep(self._backoff.next())
            else:
                self._worked()
                await self._rest()

    async def close(self) -> None:
        """End what runs as `restarted`, hand over what can be, and let go of the files."""
        try:
            async with self._room.turn:
                for running in self._floor.running():
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

    def participants(self) -> Sequence[Participant]:
        """Everybody who is known, by id."""
        return self._people.all()

    async def put_participant(self, participant: str, *, sensor: str | None, note: str) -> Participant:
        """Make or change a participant."""
        async with self._room.turn:
            return await self._people.put(participant, sensor=sensor, note=note)

    def consent_text(self) -> ConsentText:
        """The text that participants agree to now."""
        return self._people.text()

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

    def took_back(self, participant: str) -> bool:
        """Whether they agreed once and do no more."""
        known = self._people.find(participant)
        return known is not None and known.consent is not None and not known.consent.given

    @property
    def takes_strangers(self) -> bool:
        """Whether it is enough that a client asked."""
        return self._room.settings.external_consent

    async def erase(self, participant: str) -> Erasure:
        """Erase everything of them on this device, and tell the cloud to do so."""
        return await self._erasing.erase(participant)

    def stimuli(self) -> Sequence[Stimulus]:
        """Everything that can be watched, by id."""
        return self._shelf.all()

    async def put_stimulus(self, stimulus: Stimulus) -> Stimulus:
        """Make or change a stimulus."""
        async with self._room.turn:
            return await self._shelf.put(stimulus)

    async def put_video(self, stimulus: str, chunks: AsyncIterator[bytes], size_bytes: int | None) -> Stimulus:
        """Keep the video file of a stimulus."""
        self._refuse_if_shown(stimulus)
        return await self._shelf.put_video(stimulus, chunks, size_bytes)

    def video_of(self, stimulus: str) -> Path | None:
        """The video file, if it is there."""
        return self._shelf.video_of(stimulus)

    async def remove_stimulus(self, stimulus: str) -> None:
        """Forget a stimulus and its file."""
        async with self._room.turn:
            self._refuse_if_shown(stimulus)
            await self._shelf.remove(stimulus)
            self.consensus.forget_stimulus(stimulus)

    async def checks(self, participant: str, *, stimulus: str | None, sensor: str | None) -> CheckList:
        """What stands between now and a session."""
        self._people.get(participant)
        return await self._floor.checks(Wish(participant=participant, stimulus=stimulus, sensor=sensor))

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

    def running(self) -> Sequence[SessionView]:
        """The sessions that have not ended, oldest first."""
        return [one.view() for one in self._floor.running()]

    async def session(self, session_id: str) -> SessionView:
        """One session, running or ended, with its labels and markers."""
        return await self._archive.session(session_id)

    async def sessions(self, participant: str | None, *, limit: int) -> Sequence[SessionView]:
        """The newest sessions, newest first, without their labels and markers."""
        return await self._archive.sessions(participant, limit)

    async def mark(self, session_id: str, *, name: str, note: str, at_ms: int | None) -> SessionMarker:
        """Mark a moment of a running session (by default now), or note something on any session."""
        async with self._room.turn:
            return await self._floor.mark(session_id, name=name, note=note, at_ms=at_ms)

    def tell_clock(self, session_id: str, clock: StimulusClock) -> None:
        """Who plays the stimulus says where it is."""
        self._floor.tell_clock(session_id, clock)

    async def label(self, session_id: str, labels: Sequence[NewLabel]) -> int:
        """Keep what the participant said; how many of the labels were new."""
        async with self._room.turn:
            return await self._floor.label(session_id, labels)

    def open_ask(self, session_id: str) -> Ask | None:
        """The question that waits for an answer."""
        return self._floor.open_ask(session_id)

    def stimulus_ms(self, session_id: str, at_ms: int) -> int | None:
        """Where the stimulus of a running session was at a moment."""
        running = self._floor.find(session_id)
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

    def _refuse_if_shown(self, stimulus: str) -> None:
        self._shelf.get(stimulus)
        if self._floor.shows(stimulus):
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

    async def _rest(self) -> None:
        """Until something waits for the store, or a question's time may be up."""
        waking = asyncio.ensure_future(self._room.wake.wait())
        try:
            await self._first_of(waking, _BUSY_S if self._floor.running() else _IDLE_S)
        finally:
            waking.cancel()
            await asyncio.gather(waking, return_exceptions=True)

    async def _patiently(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to the end, with proof of progress: a large store is erased for minutes."""
        working = asyncio.ensure_future(work)
        try:
            while not working.done():
                self.pulse.beat()
                await self._first_of(working, _IDLE_S)
            await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _first_of(self, awaited: "asyncio.Future[Any]", seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._needs.clock.sleep(seconds))
        try:
            await asyncio.wait({sleeping, awaited}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            await asyncio.gather(sleeping, return_exceptions=True)

    def _failed(self, problem: str) -> None:
        self._failing = problem
        self._needs.health.set(PART, State.DEGRADED, problem)

    def _worked(self) -> None:
        self._backoff.reset()
        if self._failing:
            self._failing = ""
            self._needs.health.set(PART, State.OK)


def _folders(folder: Path, room: Room, needs: FolderNeeds | None) -> SessionFolders | None:
    if needs is None:
        return None
    return SessionFolders(folder / "folders", room=room, settings=room.settings.folder, needs=needs)
