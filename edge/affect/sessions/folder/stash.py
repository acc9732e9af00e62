"""The folders of sessions as the disk's rules see them: raw samples until every table is in object storage.

A folder of a session that runs, or is not whole yet, never gives way. Videos are counted where they were recorded: the
folder holds a second name of the same file, and lets go of it once the spool has.
"""

from edge.affect.sessions.folder.service import SessionFolders
from edge.core.stash import Holding, Worth


class SessionStash:
    """See `edge.core.stash.Stash`."""

    def __init__(self, folders: SessionFolders) -> None:
        self.name = "sessions"
        self._folders = folders

    def holdings(self) -> list[Holding]:
        """Every whole folder, and those whose note cannot be read: as old as the last change in them."""
        cabinet, found = self._folders.cabinet, self._unread()
        for name, note in list(self._folders.catalogue.notes.items()):
            if note.state == "whole":
                cabinet.drop_widowed(name, note)
                found.append(
                    Holding(
                        id=name,
                        kind="samples",
                        worth=Worth.UPLOADED if cabinet.is_sent(name) else Worth.SAMPLES,
                        order=note.order,
                        size_bytes=cabinet.own_bytes(name),
                        made_ms=note.start_ms,
                        trusted=note.clock != "untrusted",
                    )
                )
        return found

    def used_bytes(self) -> int:
        """All folders, also of sessions that run."""
        names = [*self._folders.catalogue.notes, *self._folders.cabinet.unread]
        return sum(self._folders.cabinet.own_bytes(name) for name in names)

    def _unread(self) -> list[Holding]:
        cabinet, notes = self._folders.cabinet, list(self._folders.catalogue.notes.values())
        found = []
        for name in list(cabinet.unread):
            changed_ms = cabinet.changed_ms(name)
            found.append(
                Holding(
                    id=name,
                    kind="samples",
                    worth=Worth.SAMPLES,
                    order=max((note.order for note in notes if note.start_ms <= changed_ms), default=0),
                    size_bytes=cabinet.own_bytes(name),
                    made_ms=changed_ms,
                )
            )
        return found

    async def evict(self, holding: Holding) -> None:
        """Give one up: a `Loss` for each file of it that is nowhere else, then the folder."""
        await self._folders.evict(holding.id, holding.why)
