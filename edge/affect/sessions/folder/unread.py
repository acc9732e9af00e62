"""The folders whose notes a card has spoilt: told of, within the disk's rules, and erased with whoever they are of."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, Final

from contract.messages import Loss
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.folder.layout import owner_of
from edge.affect.sessions.folder.losses import Losses
from edge.affect.sessions.folder.naming import file_id, is_name_of
from edge.affect.sessions.room import Room
from edge.core.errors import StoreDelayedError
from edge.core.files import printable_name

Call = Callable[..., Awaitable[Any]]
_SHOWN: Final = 3


class Unread:
    """Belongs to the event loop. Raises `StoreError` or `OSError` where it has to be begun again."""

    def __init__(self, room: Room, cabinet: Cabinet, *, device: str, call: Call) -> None:
        self._room = room
        self._cabinet = cabinet
        self._device = device
        self._call = call
        self._told: set[str] = set()
        self._losses = Losses(room.needs.sink)

    def problem(self) -> str:
        """What somebody should look at; empty if every note can be read."""
        names = sorted(map(printable_name, self._cabinet.unread))
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        return f"the notes of {len(names)} folders of sessions cannot be read: {shown}" if names else ""

    async def tell(self) -> None:
        """Record each note that was made anew, and each folder that cannot be read, that one once and for all."""
        while self._cabinet.mended:
            name = printable_name(self._cabinet.mended[0])
            reason = f"the note of the folder {name:.100} of a session was damaged, and is made anew"
            with suppress(StoreDelayedError):  # it stands in line
                await self._room.needs.sink.append(Loss(what="file", reason=reason, count=0))
            self._cabinet.mended.pop(0)
        for name in sorted(self._cabinet.unread - self._told):
            shown = printable_name(name)
            reason = f"the note of the folder {shown:.100} of a session cannot be read: it stays, but is not sent"
            with suppress(StoreDelayedError):  # it stands in line
                await self._once(Loss(what="file", reason=reason, count=0, file_id=self._id(name, "found")))
            self._told.add(name)

    async def give_up(self, name: str, why: str) -> None:
        """Tell that a folder goes, once, however often this is begun again."""
        items = await self._call(self._cabinet.items, name)
        size = sum(item.size_bytes for item in items)
        reason = f"{why}: the folder {printable_name(name):.100} of a session, whose note could not be read"
        loss = Loss(what="file", reason=reason, count=len(items), size_bytes=size, file_id=self._id(name, "gone"))
        await self._once(loss)

    async def of(self, participant: str, session_ids: Collection[str]) -> list[str]:
        """The folders of somebody who is being erased, and those of which nobody can tell whose they are."""
        known = await self._room.call(self._room.book.ids)
        found = []
        for name in sorted(self._cabinet.unread):
            owner = await self._call(owner_of, self._cabinet.folder / name)
            if owner and owner.participant:
                if owner.participant == participant or owner.session_id in session_ids:
                    found.append(name)
            elif not any(is_name_of(name, one) for one in known if one not in session_ids):
                found.append(name)
        return found

    def _id(self, name: str, what: str) -> str:
        return file_id(self._device, name, 0, f".{what}")

    async def _once(self, loss: Loss) -> None:
        if not await self._room.needs.records.of_subject(loss.file_id or "", kind="loss", limit=1):
            await self._losses.append(loss)
