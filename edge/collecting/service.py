"""What goes on without anybody asking: videos are told of and sent on, and what was left unfinished is cleared away."""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from edge.collecting.assembling import assemble
from edge.collecting.collector import Collector
from edge.collecting.leaving import Leaving
from edge.collecting.outward import Outward
from edge.collecting.sheets import VideoSheet, digest_of_metadata
from edge.collecting.stash import CollectedStash
from edge.core.clock import Clock
from edge.core.errors import RecordInvalidError, StoreDelayedError, StoreError
from edge.core.health import Health, State
from edge.core.service import Pulse

PART: Final = "collect"
_TICK_S: Final = 5.0
_HOUR_NS: Final = 3600 * 1_000_000_000
_COUNT_EVERY_NS: Final = 300 * 1_000_000_000


class CollectService:
    """A `Service`. Health part: `collect`. Gives the room's threads back when it ends."""

    def __init__(
        self, collector: Collector, *, stash: CollectedStash, outward: Outward, clock: Clock, health: Health
    ) -> None:
        self.name = PART
        self.pulse = Pulse(clock)
        self.offered = 0
        self._collector = collector
        self._shelf = collector.shelf
        self._stash = stash
        self._outward = outward
        self._clock = clock
        self._health = health
        self._leaving = Leaving(collector, outward)
        self._hour_ns = clock.mono_ns()
        self._counted_ns: int | None = None
        self._taken_up = False

    async def run(self) -> None:
        """Work until cancelled."""
        self._health.set(PART, State.STARTING)
        try:
            while True:
                await self._with_proof(self._try_round())
                await self._clock.sleep(_TICK_S)
        finally:
            await asyncio.to_thread(self._collector.close)
            self._health.set(PART, State.STOPPED)

    async def round(self) -> None:
        """Do everything that is due; raise `StoreError` or `OSError` if one thing is refused, once all was tried."""
        await self._collector.open()
        await self._each(self._due())

    async def knows(self, participant: str) -> bool:
        """Whether anything of a participant is kept here."""
        return bool(await self._leaving.sessions_of(participant))

    async def erase(self, participant: str) -> int:
        """Delete everything of a participant; return how many videos that were, whole or not.

        To be called before their records are erased from the store. Raise `StoreError` or `OSError` if it is refused.
        """
        return await self._leaving.erase(participant)

    async def _with_proof(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to its end: it may wait for minutes until a large video is put together, and that is progress."""
        working = asyncio.ensure_future(work)
        try:
            while not working.done():
                self.pulse.beat()
                await asyncio.wait({working}, timeout=_TICK_S)
            await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _try_round(self) -> None:
        try:
            await self.round()
        except (StoreError, OSError) as error:
            self._health.set(PART, State.DEGRADED, f"it waits: {error}")
        else:
            self._tell_health()

    def _tell_health(self) -> None:
        if self._collector.crowded:
            self._health.set(PART, State.DEGRADED, "chunks waited for their turn in vain: see collect.max_at_once")
            return
        waiting = len(self._collector.whole)
        self._health.set(PART, State.OK, f"{waiting} videos wait for their metadata" if waiting else "")

    def _due(self) -> Iterator[Awaitable[None]]:
        if not self._taken_up:
            yield self._take_up()
        yield self._stash.mark_late()
        yield from (self._promote(*key) for key in list(self._collector.whole))
        yield from (self._tell_anew(*key) for key in list(self._collector.changed))
        now = self._clock.mono_ns()
        if now - self._hour_ns >= _HOUR_NS:
            self._hour_ns = now
            yield self._leaving.hour(self.pulse.beat)
        if self._counted_ns is None or now - self._counted_ns >= _COUNT_EVERY_NS:
            self._counted_ns = now
            yield self._count()

    async def _count(self) -> None:
        """What waits, and what lacks no chunk: a kill, or a full disk, came before it could be put together."""
        videos = await self._videos()
        await self._collector.run(self._collector.tally.count, self._shelf, videos)
        await self._each(self._finish(sheet) for sheet in videos if sheet.step == "taking")

    async def _take_up(self) -> None:
        """Go on where an earlier run was cut off."""
        videos = await self._videos()
        self._collector.changed |= {(sheet.session_id, sheet.video_id) for sheet in videos if sheet.step == "uploaded"}
        await self._each(self._stash.lose(sheet) for sheet in videos if sheet.step == "losing")
        await self._each(self._look_after(sheet) for sheet in videos if sheet.step == "offered")
        self._taken_up = True

    async def _look_after(self, sheet: VideoSheet) -> None:
        """One that was offered: it arrived meanwhile, or a repair of the store may have dropped it."""
        if "uploaded" in await self._outward.known(sheet.file_id):
            await self._stash.mark_uploaded(sheet.file_id)
        else:
            metadata = await self._collector.run(self._shelf.metadata, sheet.session_id, sheet.video_id)
            body = sheet.body(self._outward.device, metadata or {})
            await self._outward.offer(body, self._shelf.path(sheet))

    async def _each(self, works: Iterable[Awaitable[None]]) -> None:
        """Do one after the other; one fails for itself, and its error is raised at the end."""
        problem: StoreError | OSError | None = None
        for work in works:
            self.pulse.beat()
            try:
                with suppress(RecordInvalidError):  # the store has told of it; the next start asks once more
                    await work
            except (StoreError, OSError) as error:
                problem = problem or error
        if problem:
            raise problem

    async def _finish(self, sheet: VideoSheet) -> None:
        async with self._collector.lock(f"{sheet.session_id}/{sheet.video_id}"):
            now = await self._collector.run(self._shelf.video, sheet.session_id, sheet.video_id)
            if now and now.step == "taking" and await self._collector.run(self._lacks_none, now):
                size = await self._collector.run(self._shelf.size, now)
                await self._collector.run(self._collector.check_disk, size)
                now_ms = self._clock.now().wall_ms
                whole = await self._collector.run(assemble, self._shelf, now, now_ms, self.pulse.beat)
                self._collector.note_whole(whole)

    def _lacks_none(self, sheet: VideoSheet) -> bool:
        return len(self._shelf.held(sheet)) == sheet.total_chunks

    async def _promote(self, session_id: str, video_id: str) -> None:
        """Tell of a whole video and have it sent, once its metadata came or was waited for."""
        async with self._collector.lock(f"{session_id}/{video_id}"):
            sheet = await self._collector.run(self._shelf.video, session_id, video_id)
            if sheet and sheet.step == "whole":
                metadata = await self._collector.run(self._shelf.metadata, session_id, video_id)
                if metadata is None and self._waits(session_id, video_id):
                    return
                body = sheet.body(self._outward.device, metadata or {})
                try:
                    await self._outward.offer(body, self._shelf.path(sheet))
                except RecordInvalidError:
                    self._collector.whole.pop((session_id, video_id), None)
                    raise
                told = digest_of_metadata(metadata or {})
                await self._collector.run(self._shelf.note, replace(sheet, step="offered", told=told))
                self.offered += 1
            self._collector.whole.pop((session_id, video_id), None)

    async def _tell_anew(self, session_id: str, video_id: str) -> None:
        """Metadata that came after the record: once the upload has had its last word, a newer record has them."""
        async with self._collector.lock(f"{session_id}/{video_id}"):
            sheet = await self._collector.run(self._shelf.video, session_id, video_id)
            metadata = await self._collector.run(self._shelf.metadata, session_id, video_id) or {}
            told = digest_of_metadata(metadata)
            if sheet and sheet.step == "uploaded" and sheet.told != told:
                with suppress(StoreDelayedError, RecordInvalidError):  # it becomes durable by itself, or never
                    await self._outward.sink.append(sheet.body(self._outward.device, metadata))
                await self._collector.run(self._shelf.note, replace(sheet, told=told))
            self._collector.changed.discard((session_id, video_id))

    def _waits(self, session_id: str, video_id: str) -> bool:
        since = self._collector.whole[session_id, video_id]
        return self._clock.mono_ns() - since < self._collector.settings.metadata_wait_s * 1e9

    async def _videos(self) -> list[VideoSheet]:
        return await self._collector.run(lambda: list(self._shelf.videos()))
