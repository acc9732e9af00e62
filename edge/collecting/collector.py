"""The door: sessions, chunks and metadata as clients send them, each durable before it is answered."""

import asyncio
import errno
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from contract.ids import check_id
from contract.times import to_wire
from edge.collecting.draft import Draft, run_to_end
from edge.collecting.facts import ChunkFacts, ChunkTaken, SessionFacts
from edge.collecting.identity import pseudonym_of
from edge.collecting.persons import Anybody, NotAgreedError, Persons
from edge.collecting.settings import CollectSettings
from edge.collecting.sheets import SessionSheet, VideoSheet
from edge.collecting.shelf import ROOT, Shelf
from edge.collecting.taking import Taker
from edge.collecting.tally import Tally
from edge.collecting.telling import facts_of
from edge.core.clock import Clock
from edge.core.errors import RefusedError, StoreError
from edge.core.wear import WearMeter

_T = TypeVar("_T")
MIB: Final = 1 << 20
_THREADS: Final = 4
_SYNCS_OF_CHUNK: Final = 2
"""Of its bytes, and of the folder in which it got its name."""
_SYNCS_OF_WHOLE: Final = 5
"""Of the video, the digests, their folder, and twice for the sheet."""
_CROWDED_NS: Final = 600_000_000_000
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Bits(Protocol):
    """A `random.Random`."""

    def getrandbits(self, k: int, /) -> int: ...


class Collector:
    """The room's whole state; `edge.web.legacy_collect_port.CollectPort`. Belongs to one event loop.

    `has_room` is asked before each chunk: retention may say that the disk's reserve is touched. `wear` hears of what is
    written.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        settings: CollectSettings,
        clock: Clock,
        rng: _Bits,
        has_room: Callable[[], bool] = lambda: True,
        wear: WearMeter | None = None,
    ) -> None:
        self.settings = settings
        self.shelf = Shelf(state_dir / ROOT)
        self.persons: Persons = Anybody()
        """Who may hand something in. Set once the desk of participants is open."""
        self.tally = Tally()
        self.whole: dict[tuple[str, str], int] = {}
        """Videos that are to be offered, with the monotonic nanosecond of their completion in this run."""
        self.changed: set[tuple[str, str]] = set()
        """Videos whose metadata, or whose state, changed: their record may have to be made anew."""
        self.active: set[str] = set()
        """Sessions of which something came since the last look at what is abandoned."""
        self.chunks_taken = 0
        self.chunks_repeated = 0
        self.videos_completed = 0
        self._clock = clock
        self._rng = rng
        self._has_room = has_room
        self._wear = wear or WearMeter()
        self._order = 0
        self._places = asyncio.Semaphore(settings.max_at_once)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="collect")
        self._turned_away_ns: int | None = None
        self._opened = False
        self._closed = False

    @property
    def max_chunk_bytes(self) -> int:
        """Of one chunk."""
        return self.settings.max_chunk_mib * MIB

    @property
    def chunk_within_s(self) -> float:
        """Seconds in which a chunk has to arrive."""
        return float(self.settings.chunk_within_s)

    @property
    def crowded(self) -> bool:
        """Whether a chunk waited for its turn in vain of late."""
        away_ns = self._turned_away_ns
        return away_ns is not None and self._clock.mono_ns() - away_ns < _CROWDED_NS

    async def create(self, participant_id: str | None) -> SessionFacts:
        """A new session (S2.1)."""
        await self.open()
        name = pseudonym_of(participant_id) if participant_id else None
        try:
            await self.persons.came(name)
        except RefusedError as error:
            raise NotAgreedError(str(error)) from error
        async with self.lock("sessions"):
            return facts_of(self.shelf, await self.run(self._create, name))

    async def draft(self) -> Draft:
        """Begin to take a chunk; waits for its turn while too many are coming in. Raise `StoreError` if none comes."""
        await self.open()
        await self._take_place()
        try:
            path = await self.run(self._draft_path)
        except BaseException:
            self._places.release()
            raise
        most, free = self.max_chunk_bytes, self._places.release
        return Draft(path, most=most, work=self.run, on_keep=self._keep, on_end=free)

    async def save_metadata(self, session_id: str, video_id: str, metadata: Mapping[str, Any]) -> None:
        """Replace what is known of a video, which may come later (S2.5, X.13)."""
        await self.open()
        async with self.lock(f"{session_id}/{video_id}"):
            await self.run(self._save_metadata, session_id, video_id, dict(metadata))
        self.active.add(session_id)
        self.changed.add((session_id, video_id))

    async def session(self, session_id: str) -> SessionFacts:
        """What is held of a session (S2.6)."""
        await self.open()
        return await self.run(lambda: facts_of(self.shelf, self.shelf.session(session_id)))

    async def open(self) -> None:
        """Tidy up after an earlier run and learn what is there, once; raise `OSError` if the disk fails."""
        if self._opened:
            return
        async with self.lock("open"):
            if not self._opened:
                await self.run(self._open)
                self._opened = True

    def close(self) -> None:
        """Wait for what is being written; what is asked from now on is refused. Blocks."""
        self._closed = True
        self._pool.shutdown()

    def lock(self, name: str) -> asyncio.Lock:
        """The lock of one session or video; kept as long as somebody has it or waits for it."""
        return self._locks.setdefault(name, asyncio.Lock())

    async def run(self, call: Callable[..., _T], *args: Any) -> _T:
        """Blocking work in a thread of ours; a full disk becomes a `StoreError`."""
        if self._closed:
            raise StoreError("The appliance is stopping; every chunk that was acknowledged is kept")
        try:
            return await run_to_end(self._pool, call, *args)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise StoreError("The disk is full; every chunk that was acknowledged is kept") from error

    def note_whole(self, sheet: VideoSheet) -> None:
        """A video was put together: it is to be offered."""
        self.whole[sheet.session_id, sheet.video_id] = self._clock.mono_ns()
        self.videos_completed += 1

    def check_disk(self, size_bytes: int = 0) -> None:
        """Raise `StoreError` where so much more would touch the reserve, in which alarms are written. Blocks."""
        if self.shelf.free_bytes() < self.settings.reserve_mib * MIB + size_bytes or not self._has_room():
            raise StoreError("The disk has no room left; every chunk that was acknowledged is kept")

    def check_person(self, session: SessionSheet) -> None:
        """Raise `NotAgreedError` where nothing more of a session's participant may be kept. In any thread."""
        if session.participant and self.persons.took_back(session.participant):
            raise NotAgreedError(f"{session.participant} took the consent back: nothing more of them is taken")

    def next_order(self) -> int:
        """A number for what is made now, above those of all that lies here."""
        self._order += 1
        return self._order

    async def _take_place(self) -> None:
        waits_s = self.settings.chunk_within_s
        try:
            async with asyncio.timeout(waits_s):
                await self._places.acquire()
        except TimeoutError as error:
            self._turned_away_ns = self._clock.mono_ns()
            at_once = self.settings.max_at_once
            raise StoreError(f"Only {at_once} chunks at once are taken, and for {waits_s} s none ended") from error

    async def _keep(self, draft: Draft, facts: ChunkFacts) -> ChunkTaken:
        """S2.3 and S2.4."""
        async with self.lock(f"{facts.session_id}/{facts.video_id}"):
            taker = Taker(self.shelf, self.settings, self.tally, self._clock.now().wall_ms, self)
            taken = await self.run(taker.keep, draft, facts, self.next_order)
        self.active.add(facts.session_id)
        self.chunks_taken += not taken.repeated
        self.chunks_repeated += taken.repeated
        if not taken.repeated:
            self._count_wear(draft.size, syncs=_SYNCS_OF_CHUNK)
        if taken.completed:
            self.note_whole(taken.sheet)
            self._count_wear(taken.sheet.size_bytes, syncs=_SYNCS_OF_WHOLE)
        return taken.answer

    def _count_wear(self, n_bytes: int, *, syncs: int) -> None:
        self._wear.wrote(n_bytes)
        self._wear.synced(syncs)

    def _open(self) -> None:
        self.shelf.make()
        self.shelf.clear()
        videos, now = list(self.shelf.videos()), self._clock.mono_ns()
        orders = [*(sheet.order for sheet in videos), *(sheet.order for sheet in self.shelf.sessions())]
        self._order = max(orders, default=0)
        self.whole |= {(sheet.session_id, sheet.video_id): now for sheet in videos if sheet.step == "whole"}
        self.tally.count(self.shelf, videos)

    def _create(self, participant: str | None) -> SessionSheet:
        if self.shelf.count() >= self.settings.max_sessions:
            raise StoreError(f"There are {self.settings.max_sessions} sessions already: raise collect.max_sessions")
        self.check_disk()
        now_ms, session_id = self._clock.now().wall_ms, str(UUID(int=self._rng.getrandbits(128), version=4))
        sheet = SessionSheet(
            session_id=session_id,
            created_at=to_wire(now_ms)[:19],
            made_ms=now_ms,
            order=self.next_order(),
            participant=participant or session_id,
        )
        self.shelf.begin(sheet)
        return sheet

    def _draft_path(self) -> Path:
        self.check_disk()
        return self.shelf.draft_path()

    def _save_metadata(self, session_id: str, video_id: str, metadata: dict[str, Any]) -> None:
        self.check_person(self.shelf.session(session_id))
        check_id(video_id, "video_id")
        self.check_disk()
        is_new = self.shelf.metadata(session_id, video_id) is None
        if is_new and self.shelf.described(session_id) >= self.settings.max_videos:
            raise StoreError(f"A session has {self.settings.max_videos} videos at most")
        self.shelf.write_metadata(session_id, video_id, metadata)
