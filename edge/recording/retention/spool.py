"""The spool as a stash: what of it may give way, and how a recording goes so that its loss is told exactly once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, Literal

from msgspec.structs import replace

from contract.messages import Loss
from edge.core.errors import StoreDelayedError
from edge.core.records import RecordSink
from edge.core.stash import Holding, Worth
from edge.recording.ledger import KnownPhases
from edge.recording.retention.index import SpoolIndex
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Entry, Spool

_MAY_GO: Final = {"recorded", "uploaded", "lost"}
_CUT_SHORT: Final = "the disk ran short"
_KINDS: Final = {"manual": "manual", "session": "session", "event": "event"}


class SpoolStash:
    """A `Stash` of recordings: one that grows, or whose record is not made yet, is not among them.

    `on_evicted` gets the id of each that goes before its upload, so that the uploader forgets it; it may be called
    again for the same id after a restart. Given up is a recording once its note says `lost`, or, where the disk did not
    take that note, once its `Loss` is durable.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        sink: RecordSink,
        known: KnownPhases,
        on_evicted: Callable[[str], Awaitable[None]],
    ) -> None:
        self.name = "recordings"
        self._spool = spool
        self._index = SpoolIndex(spool)
        self._looking = Lock()
        self._holdings: list[Holding] = []
        self._version = -1
        self._sink = sink
        self._known = known
        self._on_evicted = on_evicted
        self.offer_again: Callable[[str, Path], Awaitable[None]] | None = None
        """Set where the list of uploads may have lost some (the store was repaired): `reconcile` offers all again."""
        self._changing = asyncio.Lock()
        self._delayed: set[str] = set()

    def holdings(self) -> list[Holding]:
        """Every recording that may give way."""
        with self._looking:
            entries = self._index.entries()
            if self._index.version != self._version:
                self._holdings = [_holding(entry) for entry in entries if entry.sidecar.step in _MAY_GO]
                self._version = self._index.version
            return self._holdings

    def used_bytes(self) -> int:
        """What all videos take, growing ones too."""
        with self._looking:
            return sum(entry.size_bytes for entry in self._index.entries())

    async def evict(self, holding: Holding) -> None:
        """Delete a recording; one that the store does not know to be uploaded leaves a `Loss` before."""
        async with self._changing:
            sidecar = await asyncio.to_thread(self._find, holding.id)
            if sidecar is None or sidecar.step not in _MAY_GO:
                return
            known = await self._known(holding.id)
            if sidecar.step != "lost" and (sidecar.step == "uploaded" or "uploaded" in known):
                await asyncio.to_thread(self._spool.discard, sidecar)
                return
            await self._lose(sidecar, holding.why or _CUT_SHORT, told="lost" in known)

    async def mark_uploaded(self, recording_id: str) -> None:
        """The object storage confirmed a recording: its file may go first. Unknown ids are ignored."""
        with suppress(OSError):  # a disk too full to note it must not end who sends: the store is asked before it goes
            await self._mark(recording_id, "uploaded")

    async def reconcile(self, beat: Callable[[], None] = lambda: None) -> None:
        """Once at the start: what the store knows to be uploaded or lost is so, whether or not we could note it.

        `beat` is called again and again: there may be thousands.

        Of what a repaired store has no record of at all, the recorder tells anew at the next start.
        """
        for holding in await asyncio.to_thread(self.holdings):
            beat()
            if holding.worth is Worth.UPLOADED and not holding.size_bytes:  # a kill came between video and note
                with suppress(OSError):  # the next start tries again
                    await self.evict(holding)
            if holding.worth is Worth.UPLOADED or holding.why:
                continue
            known = await self._known(holding.id)
            with suppress(OSError):  # a disk too full to note it: the store is asked again before it goes
                if known & {"uploaded", "lost"}:
                    await self._mark(holding.id, "uploaded" if "uploaded" in known else "lost")
                elif self.offer_again and "closed" in known:
                    await self._offer(holding.id, self.offer_again)
                elif self.offer_again:
                    await self._mark(holding.id, "closed")

    async def _lose(self, sidecar: Sidecar, why: str, *, told: bool) -> None:
        """Tell that a recording is given up, then delete it; may be killed between any two steps and done again."""
        if sidecar.step != "lost":
            sidecar = await asyncio.to_thread(self._give_up, sidecar, why)
        if not told:
            await self._append_once(sidecar)
        self._delayed.discard(sidecar.recording_id)
        await self._on_evicted(sidecar.recording_id)
        await asyncio.to_thread(self._spool.discard, sidecar)

    async def _append_once(self, sidecar: Sidecar) -> None:
        if sidecar.recording_id in self._delayed:
            raise StoreDelayedError(f"the loss of {sidecar.recording_id} still waits for the disk")
        try:
            await self._sink.append(_loss(sidecar))
        except StoreDelayedError:
            self._delayed.add(sidecar.recording_id)
            raise

    async def _offer(self, recording_id: str, offer: Callable[[str, Path], Awaitable[None]]) -> None:
        sidecar = await asyncio.to_thread(self._find, recording_id)
        if sidecar and sidecar.step == "recorded":
            await offer(recording_id, self._spool.path(sidecar))

    async def _mark(self, recording_id: str, step: Literal["closed", "uploaded", "lost"]) -> None:
        async with self._changing:
            sidecar = await asyncio.to_thread(self._find, recording_id)
            if sidecar and sidecar.step == "recorded":
                await asyncio.to_thread(self._spool.advance, sidecar, step)

    def _give_up(self, sidecar: Sidecar, why: str) -> Sidecar:
        given_up = replace(sidecar, why=why)
        try:
            return self._spool.advance(given_up, "lost")
        except OSError:  # a disk too full to note it: the store is told next, and asked after a kill
            return replace(given_up, step="lost")

    def _find(self, recording_id: str) -> Sidecar | None:
        with self._looking:
            return self._index.find(recording_id)


def _holding(entry: Entry) -> Holding:
    sidecar = entry.sidecar
    shows_event = sidecar.event_id is not None or sidecar.reason in _KINDS
    unsent = Worth.EVENT_VIDEO if shows_event else Worth.PLAIN_VIDEO
    return Holding(
        id=sidecar.recording_id,
        kind=_KINDS.get(sidecar.reason, "event" if sidecar.event_id else "continuous"),
        worth=Worth.UPLOADED if sidecar.step == "uploaded" else unsent,
        order=getattr(sidecar, "order", 0) or sidecar.start_ms,
        size_bytes=entry.size_bytes,
        made_ms=sidecar.start_ms,
        trusted=sidecar.trusted,
        why=(sidecar.why or _CUT_SHORT) if sidecar.step == "lost" else "",
    )


def _loss(sidecar: Sidecar) -> Loss:
    return Loss(
        what="recording",
        reason=f"{sidecar.why or _CUT_SHORT}: deleted before the upload",
        count=1,
        size_bytes=sidecar.size_bytes,
        recording_id=sidecar.recording_id,
    )
