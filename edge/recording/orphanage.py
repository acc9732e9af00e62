"""Finds a place for what no note of the spool speaks of: its note is made anew, or it is set aside and told as lost."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from os.path import lexists
from typing import Final

from contract.messages import Loss
from edge.core.files import printable_name
from edge.core.sizes import said_bytes
from edge.recording.aside import SetAside
from edge.recording.ledger import RecordingTeller, tell_lost
from edge.recording.orphans import Orphan, orphans, rebuild, rebuild_all
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool

_WHY: Final = "its note is damaged, and its video does not tell what it is: set aside"
_UPLOADED: Final = "the copy here of a recording that was uploaded is damaged: set aside"
_STRANGE: Final = "a file in the folder of recordings is none: set aside"


class Orphanage:
    """Belongs to the event loop. `forget` takes a recording from the list of uploads."""

    def __init__(
        self,
        spool: Spool,
        aside: SetAside,
        *,
        teller: RecordingTeller,
        forget: Callable[[str], Awaitable[None]],
    ) -> None:
        self._spool = spool
        self.aside: Final = aside
        self._teller = teller
        self._forget = forget
        self._untold: dict[str, Sidecar] = {}
        self.rebuilt_total = 0
        """Notes made anew since the start."""
        self.set_aside_total = 0
        """Names under which something was set aside since the start."""

    async def rebuild_all(self) -> None:
        """At the start, before anybody salvages: who does tells of these."""
        self.rebuilt_total += await asyncio.to_thread(rebuild_all, self._spool, self.aside)

    async def place(self, beat: Callable[[], None]) -> AsyncIterator[Sidecar]:
        """Look through the spool; each recording whose note was made anew comes again and again until it is `placed`.

        Raise `StoreError` or `OSError` where one is refused, once each was tried.
        """
        refused: OSError | None = None
        for orphan in await asyncio.to_thread(lambda: list(orphans(self._spool))):
            beat()
            try:
                await self._take_in(orphan)
            except OSError as error:
                refused = refused or error
        for sidecar in list(self._untold.values()):
            beat()
            yield sidecar
        if refused:
            raise refused

    def placed(self, sidecar: Sidecar) -> None:
        """This one is told."""
        self._untold.pop(sidecar.recording_id, None)

    async def give_up(self, sidecar: Sidecar) -> None:
        """Set one aside of which even the note in its video cannot be told. Raise `StoreError` or `OSError`."""
        for orphan in await asyncio.to_thread(lambda: list(orphans(self._spool))):
            if orphan.recording_id == sidecar.recording_id:
                await self._set_aside(orphan)

    def problem(self) -> str:
        """What somebody should look at; empty if nothing is set aside. Blocks."""
        found = self.aside.files()
        size = said_bytes(sum(one.size_bytes for one in found))
        look = "look at them, then delete them with `afferent edge set-aside --remove`"
        return f"{len(found)} files that nobody can place are set aside ({size}): {look}" if found else ""

    async def _take_in(self, orphan: Orphan) -> None:
        self._spool.adopted.add(orphan.recording_id)
        sidecar = await asyncio.to_thread(rebuild, self._spool, orphan, self.aside)
        if sidecar is None:
            await self._set_aside(orphan)
            return
        self.rebuilt_total += 1
        self._untold[sidecar.recording_id] = sidecar

    async def _set_aside(self, orphan: Orphan) -> None:
        """Told first: after a kill in between the store is asked, and the next look goes on."""
        size = await asyncio.to_thread(lambda: sum(path.lstat().st_size for path in orphan.videos))
        recording_id, strange = orphan.recording_id, _STRANGE
        if recording_id:
            loss = Loss(what="recording", reason=_WHY, count=1, size_bytes=size, recording_id=recording_id)
            strange = "" if await tell_lost(self._teller, loss) else _UPLOADED
            await self._forget(recording_id)
        if strange:
            await tell_lost(self._teller, await asyncio.to_thread(_loss_of_file, strange, self._teller.device, orphan))
        for path in filter(lexists, (*orphan.videos, orphan.note)):
            await asyncio.to_thread(self.aside.take, path)
        self.set_aside_total += 1


def _loss_of_file(why: str, device: str, orphan: Orphan) -> Loss:
    """It has an id, so that it is told once, however often the disk refuses to move what lies there."""
    seen = [path.lstat().st_mtime_ns for path in (*orphan.videos, orphan.note) if lexists(path)]
    text = f"{device}\0{orphan.note.parent.name}\0{printable_name(orphan.name)}\0{why}\0{seen}"
    told_as = f"sa-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
    return Loss(what="file", reason=f"{why}: {printable_name(orphan.name):.100}", count=0, file_id=told_as)
