"""The folders of sessions: filled while these run, made whole once they ended, sent, shown and erased.

Nothing of a session waits for this service: what it is told, it notes in memory, and its own thread writes it down.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final, ParamSpec, TypeVar

import msgspec

from contract.ids import new_token
from contract.sessions import Stimulus
from edge.affect.sessions.folder.cabinet import Cabinet, Item
from edge.affect.sessions.folder.closing import Closing
from edge.affect.sessions.folder.filming import Filming
from edge.affect.sessions.folder.layout import SessionNote, State, Wearing
from edge.affect.sessions.folder.naming import another_name, folder_name
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.folder.recorder import Recorder
from edge.affect.sessions.folder.sending import EVICTED, Sending
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.room import Room
from edge.core.backoff import Backoff
from edge.core.clock import Stamp
from edge.core.errors import StoreError
from edge.core.health import State as HealthState
from edge.core.service import Pulse

PART: Final = "session-folders"
_IDLE_S: Final = 5.0
_AGAIN_S: Final = 60.0
"""After which a folder that could not be made whole is tried again."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_P = ParamSpec("_P")
_R = TypeVar("_R")
_log = logging.getLogger(__name__)


class SessionFolders:
    """A `Service`. Belongs to the event loop. Health part: `session-folders`."""

    def __init__(self, folder: Path, *, room: Room, settings: FolderSettings, needs: FolderNeeds) -> None:
        """`folder` is made if it is not there; `open` before the first use, `close` last."""
        self.name = PART
        self.pulse = Pulse(room.needs.clock)
        self.cabinet: Final = Cabinet(folder)
        self.notes: Final = dict[str, SessionNote]()
        """What is known of every folder on the disk, by its name."""
        self._room = room
        self._clock = room.needs.clock
        self._settings = settings
        self._needs = needs
        self._names: dict[str, str] = {}
        self._unfinished: dict[str, int] = {}
        """Folders that are not whole, or not offered: by name, when to try next."""
        self._finishing: tuple[str, asyncio.Task[None]] | None = None
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=PART)
        self._filming = Filming(needs.cameras)
        self.recorder: Final = Recorder(
            self.cabinet, viewings=room.needs.viewings, sink=room.needs.sink, call=self.call, wrote=needs.wrote
        )
        """Told of samples and predictions."""
        self._closing = Closing(room, self.cabinet, settings=settings, needs=needs, call=self.call)
        self._sending = Sending(room, self.cabinet, needs=needs, call=self.call)
        self._backoff = Backoff(random.Random(PART), first_s=1.0, limit_s=16.0)  # noqa: S311 - jitter
        self._failing = ""
        self._host_boot = ""
        self._order = 0
        self._abandoned: list[str] = []
        self._flushed_ns = self._clock.mono_ns()

    async def open(self) -> None:
        """Find what lies there; raise `StoreError` if the disk refuses."""
        try:
            self._host_boot = await self.call(_host_boot)
            found = await self.call(self.cabinet.scan)
            self.notes.update((name, note if note.state == "running" else _slim(note)) for name, note in found.items())
            sent = {name for name in self.notes if await self.call(self.cabinet.is_sent, name)}
        except OSError as error:
            self._thread.shutdown()
            raise StoreError(f"the folders of sessions cannot be read: {error}") from error
        self._order = max((note.order for note in self.notes.values()), default=0)
        for name, note in sorted(self.notes.items(), key=lambda item: item[1].order):
            self._names[note.session_id] = name
            if note.state != "whole" or (self._needs.uploads and name not in sent):
                self._unfinished[name] = 0
        self._room.needs.health.set(PART, HealthState.OK)

    def begin(self, kept: KeptSession, started: Stamp, stimulus: Stimulus | None) -> None:
        """A session begins at this moment."""
        self._filming.begin(kept.session_id, kept.participant, kept.cameras)
        if self._settings.enabled:
            name = self._free_name(kept)
            self._order += 1
            note = self.notes[name] = self._note(kept, started, stimulus)
            self._names[kept.session_id] = name
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
        if name := self._names.get(session_id):
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
                    self._failed(str(error))
                    await self._clock.sleep(self._backoff.next())
                else:
                    self._worked()
                    await self._rest()
        finally:
            await self._stop_finishing()

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
        """Delete every folder and recording of theirs, how far it ever came; how many files that were.

        Raise `StoreError` if some are left: call it again.
        """
        theirs = [
            name
            for name, note in self.notes.items()
            if note.participant == participant or note.session_id in session_ids
        ]
        sessions = sorted({*session_ids, *(self.notes[name].session_id for name in theirs)})
        try:
            for session_id in sessions:
                await self._drop(session_id)
            files = sum([await self._erase(name) for name in theirs])
            files += await self._needs.cameras.erase(participant, sessions)
        except OSError as error:
            raise StoreError(f"a folder of {participant} could not be deleted: {error}") from error
        return files

    async def evict(self, name: str, why: str = "") -> None:
        """Give a whole folder up, for that reason; raise `StoreError` or `OSError` if that is refused."""
        note = self.notes.get(name)
        if note is None or note.state != "whole":
            return
        await self._stop_finishing(name)
        await self._sending.give_up(name, note, why or EVICTED)
        await self._erase(name)

    @property
    def busy(self) -> bool:
        """Whether a folder is not whole and offered yet, of a session that ended."""
        return bool(self._unfinished)

    def folder_of(self, session_id: str) -> str | None:
        """The name of a session's folder."""
        return self._names.get(session_id)

    def state_of(self, session_id: str) -> State | None:
        """How far the folder of a session is; None if it has none, or no more."""
        note = self.notes.get(self._names.get(session_id, ""))
        return note.state if note else None

    async def items(self, session_id: str) -> Sequence[Item]:
        """What of it is there for people, by name."""
        name = self._names.get(session_id)
        return await self.call(self.cabinet.items, name) if name else ()

    async def is_sent(self, session_id: str) -> bool:
        """Whether every table of it is confirmed in object storage."""
        name = self._names.get(session_id)
        return name is not None and await self.call(self.cabinet.is_sent, name)

    def open_item(self, session_id: str, item: str) -> BinaryIO:
        """A file of it, for reading; may be called in any thread. Raise `FileNotFoundError`."""
        return self.cabinet.open(self._names.get(session_id, ".none"), item)

    async def call(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run `work` in the thread of the folders."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))

    async def _work(self) -> None:
        while self._abandoned:
            await self._abandon(self._abandoned[-1])
            self._abandoned.pop()
        await self._filming.work()
        now_ns = self._clock.mono_ns()
        if self.recorder.urgent or now_ns - self._flushed_ns >= self._pace_s * 1e9:
            self._flushed_ns = now_ns
            await self.recorder.flush()
        for name in await self.recorder.finished(now_ns - round(self._settings.late_s * 1e9)):
            self._unfinished[name] = 0
        await self._sending.note_arrived()
        self._finish_next()

    @property
    def _pace_s(self) -> float:
        return self._needs.pace_s() if self._needs.pace_s else self._settings.sync_s

    def _finish_next(self) -> None:
        """One at a time, beside everything else."""
        if self._finishing and not self._finishing[1].done():
            return
        now_ns = self._clock.mono_ns()
        name = next((one for one, when_ns in self._unfinished.items() if when_ns <= now_ns), None)
        self._finishing = (name, asyncio.create_task(self._finish(name), name=f"{PART}.{name}")) if name else None

    async def _finish(self, name: str) -> None:
        note = self.notes[name]
        try:
            if note.state != "whole":
                note = self.notes[name] = _slim(await self._closing.run(name, note, self._host_boot))
                self._needs.wrote(sum(table.size_bytes for table in note.files))
            await self._sending.offer(name, note)
            self._unfinished.pop(name, None)
        except (StoreError, OSError) as error:
            self._unfinished.pop(name, None)  # to the end of the line
            self._unfinished[name] = self._clock.mono_ns() + round(_AGAIN_S * 1e9)
            self._failed(str(error))
        finally:
            self._wake.set()

    async def _stop_finishing(self, name: str | None = None) -> None:
        """Of that folder, or of any."""
        if self._finishing and name in {None, self._finishing[0]}:
            task = self._finishing[1]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _abandon(self, name: str) -> None:
        if note := self.notes.get(name):
            await self._drop(note.session_id)
            await self._erase(name)

    async def _drop(self, session_id: str) -> None:
        self._filming.end(session_id)
        await self._filming.work()
        await self.recorder.drop(session_id)

    async def _erase(self, name: str) -> int:
        self._unfinished.pop(name, None)
        await self._stop_finishing(name)
        note = self.notes.get(name)
        files = await self._sending.forget(name, note) if note else 0
        await self.call(self.cabinet.delete, name)
        self._forget(name)
        return files

    def _forget(self, name: str) -> None:
        note = self.notes.pop(name, None)
        self._unfinished.pop(name, None)
        if note and self._names.get(note.session_id) == name:
            del self._names[note.session_id]

    def _free_name(self, kept: KeptSession) -> str:
        name = folder_name(kept.session_id)
        return another_name(kept.session_id, kept.start_ms) if name in self.notes else name

    def _note(self, kept: KeptSession, started: Stamp, stimulus: Stimulus | None) -> SessionNote:
        views = [one for one in self._room.needs.sensors() if kept.sensor in {None, one.id}]
        return SessionNote(
            state="running",
            order=self._order,
            device=self._needs.device,
            session_id=kept.session_id,
            participant=kept.participant,
            start_ms=kept.start_ms,
            start_mono_ms=started.mono_ns / 1e6,
            host_boot=self._host_boot,
            clock="trusted" if started.trusted else "untrusted",
            stimulus=stimulus,
            video_id=kept.video_id,
            sensors=[
                Wearing(
                    id=one.id,
                    name=one.name,
                    source=one.source,
                    board=one.board,
                    calibrated=one.calibrated,
                    clock_offset_ms=one.clock_offset_ms,
                    clock_drift_ppm=one.clock_drift_ppm,
                )
                for one in views
            ],
            cameras=kept.cameras,
            consent=kept.consent,
            warnings=kept.warnings,
            software=self._needs.software,
        )

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

    def _failed(self, problem: str) -> None:
        self._failing = problem
        self._room.needs.health.set(PART, HealthState.DEGRADED, problem)

    def _worked(self) -> None:
        self._backoff.reset()
        now_ns = self._clock.mono_ns()
        if self._failing and not any(when_ns > now_ns for when_ns in self._unfinished.values()):
            self._failing = ""
            self._room.needs.health.set(PART, HealthState.OK)


def _host_boot() -> str:
    """Where the service may not see it, a name of this run: then a clock is put right within one run only."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return new_token("run")


def _slim(note: SessionNote) -> SessionNote:
    """What of a note that is written stays in memory."""
    return msgspec.structs.replace(note, holes=[], stimulus_clock=[], warnings=[], consent=None)
