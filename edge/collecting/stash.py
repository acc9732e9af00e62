"""What of the collected videos may give way when the disk runs short. A video is a person's: it goes late."""

import asyncio
from typing import Final

from msgspec.structs import replace

from edge.collecting.collector import Collector
from edge.collecting.outward import Outward
from edge.collecting.sheets import FILE_PREFIX, VideoSheet
from edge.core.errors import StoreError
from edge.core.stash import Holding, Worth

KIND: Final = "collected"
_SHORT: Final = "the disk ran short before the upload"
_WORTH: Final = {"uploaded": Worth.UPLOADED, "offered": Worth.EVENT_VIDEO}


class CollectedStash:
    """`edge.core.stash.Stash`. Chunks and videos whose record is not made yet are never given up here."""

    def __init__(self, collector: Collector, outward: Outward) -> None:
        self.name = KIND
        self.evicted = 0
        self.lost = 0
        self._collector = collector
        self._shelf = collector.shelf
        self._outward = outward
        self._changing = asyncio.Lock()
        self._unmarked: set[str] = set()

    def holdings(self) -> list[Holding]:
        """Whole videos that lie here. Blocks."""
        found = ((sheet, self._shelf.size(sheet)) for sheet in self._shelf.videos() if sheet.step in _WORTH)
        return [_holding(sheet, size) for sheet, size in found if size]

    def used_bytes(self) -> int:
        """The whole folder. Blocks."""
        return self._shelf.used_bytes()

    async def evict(self, holding: Holding) -> None:
        """Delete a video; where it is in no object storage, its `Loss` is durable before."""
        async with self._changing:
            sheet = await self._collector.run(self.find, holding.id)
            if sheet is None:
                return
            if sheet.step == "offered" and "uploaded" in await self._outward.known(sheet.file_id):
                sheet = await self._collector.run(self._shelf.note, replace(sheet, step="uploaded"))
            if sheet.step == "uploaded":
                await self._collector.run(self._shelf.drop_video, sheet)
            elif sheet.step in {"offered", "losing"}:
                await self.lose(
                    await self._collector.run(self._shelf.note, replace(sheet, step="losing")), why=holding.why
                )
        self.evicted += 1

    async def lose(self, sheet: VideoSheet, why: str = "") -> None:
        """End what `losing` began: tell of it, have it sent no more, delete it. May be done again after a kill.

        `why` is the rule that it fell under, where that is known.
        """
        reason = f"{why}: deleted before the upload" if why else _SHORT
        await self._outward.tell_loss(sheet, reason=reason, size_bytes=sheet.size_bytes)
        await self._outward.forget(sheet.file_id)
        await self._collector.run(self._shelf.drop_video, sheet)
        await self._collector.run(self._shelf.note, replace(sheet, step="lost"))
        self.lost += 1

    async def mark_uploaded(self, file_id: str) -> None:
        """The object storage confirmed a file; ids that are none of ours are ignored.

        What the disk does not take now is noted later: who sends files to their end must not end by it.
        """
        if not file_id.startswith(FILE_PREFIX):
            return
        try:
            await self._mark(file_id)
        except (StoreError, OSError):
            self._unmarked.add(file_id)

    async def mark_late(self) -> None:
        """Note what could not be noted before; raise `StoreError` or `OSError` if it still cannot."""
        for file_id in list(self._unmarked):
            await self._mark(file_id)
            self._unmarked.discard(file_id)

    async def _mark(self, file_id: str) -> None:
        async with self._changing:
            sheet = await self._collector.run(self.find, file_id)
            if sheet and sheet.step == "offered":
                await self._collector.run(self._shelf.note, replace(sheet, step="uploaded"))
                self._collector.changed.add((sheet.session_id, sheet.video_id))

    def find(self, file_id: str) -> VideoSheet | None:
        """The video of this file. Reads the sheets; blocks."""
        return next((sheet for sheet in self._shelf.videos() if sheet.file_id == file_id), None)


def _holding(sheet: VideoSheet, size_bytes: int) -> Holding:
    return Holding(sheet.file_id, KIND, _WORTH[sheet.step], sheet.order, size_bytes, sheet.begun_ms)
