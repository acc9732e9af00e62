"""The folders of sessions: filled while these run, made whole once they ended, sent, shown and erased.

Nothing of a session waits for this service: what it is told, it notes in memory, and its own thread writes it down.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, ParamSpec, TypeVar

from contract.ids import new_token
from contract.sessions import Stimulus
from edge.affect.sessions.folder.cabinet import Cabinet, Item
from edge.affect.sessions.folder.catalogue import Catalogue, note_of, wearing_of
from edge.affect.sessions.folder.closing import Closing
from edge.affect.sessions.folder.filming import Filming
from edge.affect.sessions.folder.finishing import Finishing
from edge.affect.sessions.folder.layout import SessionNote
from edge.affect.sessions.folder.layout import State as FolderState
from edge.affect.sessions.folder.naming import folder_name
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.folder.recorder import Recorder
from edge.affect.sessions.folder.sending import EVICTED, Sending
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.folder.unread import Unread
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.room import Room
from edge.core.backoff import Backoff
from edge.core.clock import Stamp
from edge.core.errors import StoreError
from edge.core.health import State
from edge.core.service import Pulse

PART: Final = "session-folders"
_IDLE_S: Final = 5.0
_TRIES, _TRY_S = 20, 0.5
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_P = ParamSpec("_P")
_R = TypeVar("_R")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderStats:
    """Folders on the disk; of these, of sessions that run, and of sessions that ended but not whole or not offered yet;
    samples that were lost since the start, for the disk took none; folders whose note cannot be read."""

    folders: int
    running: int
    waiting: int
    dropped: int
    unread: int = 0


class SessionFolders:
    """A `Service`. Belongs to the event loop. Health part: `session-folders`."""

    def __init__(self, folder: Path, *, room: Room, settings: FolderSettings, needs: FolderNeeds) -> None:
        """`folder` is made if it is not there; `open` before the first use, `close` last."""
        self.name = PART
        self.pulse = Pulse(room.needs.clock)
        self.cabinet: Final = Cabinet(folder)
        self._room = room
        self._clock = room.needs.clock
        self._settings = settings
        self._needs = needs
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=PART)
        self._filming = Filming(needs.cameras)
        self.recorder: Final = Recorder(
            self.cabinet, viewings=room.needs.viewings, sink=room.needs.sink, call=self.call, wrote=needs.wrote
        )
        """Told of samples and predictions."""
        self.catalogue: Final = Catalogue()
        self.unread: Final = Unread(room, self.cabinet, device=needs.device, call=self.call)
        self._sending = Sending(room, self.cabinet, needs=needs, call=self.call)
        self._finishing = Finishing(
            self.catalogue,
            closing=Closing(room, self.cabinet, settings=settings, needs=needs, call=self.call),
            sending=self._sending,
            clock=self._clock,
            on_step=self._wake.set,
            wrote=needs.wrote,
        )
        self._backoff = Backoff(random.Random(PART), first_s=1.0, limit_s=16.0)  # noqa: S311 - jitter
        self._abandoned: list[str] = []
        self._flushed_ns = self._clock.mono_ns()

    async def open(self, leaving: Collection[str] = ()) -> None:
        """Find what lies there; nothing is done with folders of participants who are `leaving`, for they are about to
        be erased. Raise `StoreError` if the disk refuses."""
        try:
            self._finishing.host_boot = await self.call(_host_boot)
            self.catalogue.load(await self.call(self.cabinet.scan))
            for name, note in self.catalogue.notes.items():
                offered = self._needs.uploads is None or await self.call(self.cabinet.is_sent, name)
                if note.participant not in leaving and (note.state != "whole" or not offered):
                    self._finishing.add(name)
        except OSError as error:
            self._thread.shutdown()
            raise StoreError(f"the folders of sessions cannot be read: {error}") from error
        self._room.needs.health.set(PART, State.OK)

    def begin(self, kept: KeptSession, started: Stamp, stimulus: Stimulus | None) -> None:
        """A session begins at this moment."""
        self._filming.begin(kept.session_id, kept.participant, kept.cameras)
        if self._settings.enabled:
            name, note = self.catalogue.name_for(kept, self.cabinet.unread), self._note(kept, started, stimulus)
            self.catalogue.put(name, note)
            self.recorder.begin(name, note, most_waiting=self._settings.max_waiting)
        self._wake.set()

    def end(self, session_id: str) -> None:
        """A session has ended. What is late is still taken for a while."""
        self._filming.end(session_id)
        self.recorder.end(session_id, self._clock.mono_ns())
        self._wake.set()

    def cameras(self) -> Sequence[str]:
        """The cameras that can record a session."""
        return self._needs.cameras.known()

    def abandon(self, session_id: str) -> None:
        """A session that had begun here did not begin after all."""
        self._filming.end(session_id)
        self.recorder.abandon(session_id)
        if name := self.catalogue.name_of(session_id):
            self._abandoned.append(name)
        self._wake.set()

    def uploaded(self, file_id: str) -> None:
        """A file, of anybody's, is confirmed in object storage."""
        self._sending.uploaded(file_id)
        if self._sending.news:
            self._wake.set()

    async def run(self) -> None:
        """Write down what comes, and make whole what ended, until cancelled."""
        try:
            while True:
                self.pulse.beat()
                try:
                    await self._patiently(self._work())
                except (StoreError, OSError) as error:
                    self._room.needs.health.set(PART, State.DEGRADED, str(error))
                    await self._clock.sleep(self._backoff.next())
                else:
                    self._backoff.reset()
                    await self._rest()
        finally:
            await self._finishing.stop()

    async def close(self) -> None:
        """Write down what has come and let go; the next start makes whole what runs now."""
        try:
            await self._filming.work()
        except (StoreError, OSError) as error:
            _log.warning("a camera still records for a session that ended: %s", error)
        finally:
            await self.recorder.close()
            self._thread.shutdown()

    async def erase(self, participant: str, session_ids: Sequence[str]) -> int:
        """Delete every folder and recording of theirs, how far it ever came, also a folder whose note cannot be read,
        unless it is known to be somebody else's; how many files that were.

        Raise `StoreError` if some are left: call it again.
        """
        theirs = self.catalogue.theirs(participant, session_ids)
        sessions = sorted({*session_ids, *(note.session_id for note in theirs.values())})
        try:
            for session_id in sessions:
                await self._drop(session_id)
            unread = {*map(folder_name, sessions), *await self.unread.of(participant, sessions)}
            unread -= self.catalogue.notes.keys()
            files = sum([await self._erase(name) for name in (*theirs, *unread)])
            await self.call(self.cabinet.finish_deleting)
            files += await self._erase_videos(participant, sessions)
        except OSError as error:
            raise StoreError(f"a folder of {participant} could not be deleted: {error}") from error
        return files

    async def evict(self, name: str, why: str = "") -> None:
        """Give a whole folder up, for that reason; raise `StoreError` or `OSError` if that is refused."""
        note = self.catalogue.notes.get(name)
        if name in self.cabinet.unread:
            await self.unread.give_up(name, why or EVICTED)
            await self._erase(name)
            return
        if note is None or note.state != "whole":
            return
        await self._finishing.leave(name)
        await self._sending.give_up(name, note, why or EVICTED)
        await self._erase(name)

    @property
    def stats(self) -> FolderStats:
        """How it is doing."""
        return FolderStats(
            folders=len(self.catalogue.notes),
            running=self.recorder.running,
            waiting=self._finishing.waiting,
            dropped=self.recorder.dropped,
            unread=len(self.cabinet.unread),
        )

    def folder_of(self, session_id: str) -> str | None:
        """The name of a session's folder."""
        return self.catalogue.name_of(session_id)

    def state_of(self, session_id: str) -> FolderState | None:
        """How far the folder of a session is; None if it has none, or no more."""
        state = self.catalogue.state_of(session_id)
        return "closing" if state == "running" and not self.recorder.takes(session_id) else state

    async def items(self, session_id: str) -> Sequence[Item]:
        """What of it is there for people, by name."""
        name = self.catalogue.name_of(session_id)
        return await self.call(self.cabinet.items, name) if name else ()

    async def is_sent(self, session_id: str) -> bool:
        """Whether every table of it is confirmed in object storage."""
        name = self.catalogue.name_of(session_id)
        return name is not None and await self.call(self.cabinet.is_sent, name)

    def open_item(self, session_id: str, item: str) -> BinaryIO:
        """A file of it, for reading; may be called in any thread. Raise `FileNotFoundError`."""
        return self.cabinet.open(self.catalogue.name_of(session_id) or ".none", item)

    async def call(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run `work` in the thread of the folders; it is done also if whoever handed it over was cancelled."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, lambda: work(*args, **kwargs)))

    async def _work(self) -> None:
        while self._abandoned:
            await self._erase(self._abandoned[-1])
            self._abandoned.pop()
        await self._filming.work()
        now_ns = self._clock.mono_ns()
        if self.recorder.urgent or now_ns - self._flushed_ns >= self._pace_s * 1e9:
            self._flushed_ns = now_ns
            await self.recorder.flush()
        for name in await self.recorder.finished(now_ns - round(self._settings.late_s * 1e9)):
            self._finishing.add(name)
        await self._sending.note_arrived()
        await self.unread.tell()
        self._finishing.go_on()
        self._tell_health()

    @property
    def _pace_s(self) -> float:
        return self._needs.pace_s() if self._needs.pace_s else self._settings.sync_s

    async def _drop(self, session_id: str) -> None:
        self._filming.end(session_id)
        await self._filming.work()
        await self.recorder.drop(session_id)

    async def _erase(self, name: str) -> int:
        await self._finishing.leave(name)
        note = self.catalogue.notes.get(name)
        files = await self._sending.forget(name, note) if note else len(await self.call(self.cabinet.items, name))
        await self.call(self.cabinet.delete, name)
        self.catalogue.forget(name)
        return files

    async def _erase_videos(self, participant: str, sessions: Sequence[str]) -> int:
        """A recording that was stopped just now is whole, and can be deleted, a moment later."""
        for _ in range(_TRIES):
            try:
                return await self._needs.cameras.erase(participant, sessions)
            except StoreError:
                await self._clock.sleep(_TRY_S)
        return await self._needs.cameras.erase(participant, sessions)

    def _note(self, kept: KeptSession, started: Stamp, stimulus: Stimulus | None) -> SessionNote:
        host = SessionNote(
            state="running",
            order=self.catalogue.next_order(),
            device=self._needs.device,
            host_boot=self._finishing.host_boot,
            software=self._needs.software,
            sensors=wearing_of(self._room.needs.sensors(), kept.sensor),
            session_id="",
            participant="",
            start_ms=0,
            start_mono_ms=0.0,
            clock="untrusted",
        )
        return note_of(kept, started, stimulus, host)

    async def _patiently(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to the end, with proof of progress: a slow card may take its time."""
        working = asyncio.ensure_future(work)
        try:
            while not working.done():
                self.pulse.beat()
                await asyncio.wait({working}, timeout=_IDLE_S)
            await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _rest(self) -> None:
        """Until the next sync is due, or something is to be done at once."""
        waking = asyncio.ensure_future(self._wake.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(min(max(self._pace_s, 0.2), _IDLE_S)))
        try:
            await asyncio.wait({waking, sleeping}, return_when=asyncio.FIRST_COMPLETED)
            self._wake.clear()
        finally:
            for one in (waking, sleeping):
                one.cancel()
            await asyncio.gather(waking, sleeping, return_exceptions=True)

    def _tell_health(self) -> None:
        problem = self._finishing.problem or self.unread.problem()
        self._room.needs.health.set(PART, State.DEGRADED if problem else State.OK, problem)


def _host_boot() -> str:
    """Where the service may not see it, a name of this run: then a clock is put right within one run only."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return new_token("run")
