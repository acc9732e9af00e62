"""What the desk of sessions stands on, as its maker hands it over: `SessionDesk(folder, settings=..., needs=...)`."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from contract.messages import Record
from contract.sessions import SensorView
from edge.affect.session import Viewings
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.core.clock import Clock
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.records import RecordSink


class SessionRecords(Protocol):
    """The store, as far as sessions read and erase it; `edge.outbox.store.Outbox` is the real one."""

    async def of_subject(
        self, subject: str, *, kind: str | None = None, after: int = 0, limit: int = 1000
    ) -> Sequence[tuple[int, Record]]:
        """Up to `limit` committed `(row, record)` of a session or a participant, of rows after `after`, oldest first.

        Raise `StoreError` if the store cannot be read.
        """
        ...

    async def count_of_subject(self, subject: str, *, kind: str) -> int:
        """How many records of a kind there are of a session. Raise `StoreError` if the store cannot be read."""
        ...

    async def erase(self, participant: str, sessions: Sequence[str]) -> int:
        """Take every record of them out of the store, so that its file has no trace of them; return how many.

        Raise `StoreError` if that could not be done whole; then do it again.
        """
        ...


def free_bytes(folder: Path) -> int:
    """What the disk of `folder` has left."""
    return shutil.disk_usage(folder).free


def no_problem() -> str:
    """Nothing is wrong."""
    return ""


class Elsewhere(Protocol):
    """Another room that keeps something of participants."""

    async def knows(self, participant: str) -> bool:
        """Whether it keeps anything of them. Raise `StoreError` or `OSError` if it cannot tell."""
        ...

    async def erase(self, participant: str) -> int:
        """Delete all of it, before their records go; return how many files that were. May be done again.

        Raise `StoreError` or `OSError` if it was not done to the end.
        """
        ...


class Nowhere:
    """`Elsewhere` of an appliance that keeps nothing more."""

    async def knows(self, participant: str) -> bool:
        """Nobody."""
        del participant
        return False

    async def erase(self, participant: str) -> int:
        """Nothing."""
        del participant
        return 0


def nobody_else(participant: str) -> None:
    """Nobody keeps anything of a participant."""
    del participant


@dataclass(frozen=True, kw_only=True)
class DeskNeeds:
    """What a `SessionDesk` is given."""

    viewings: Viewings
    """Driven by the desk; read by the service of each sensor."""
    sink: RecordSink
    records: SessionRecords
    hub: Hub
    clock: Clock
    health: Health
    sensors: Callable[[], Sequence[SensorView]]
    """The body sensors as they are now."""
    model_problem: Callable[[], str] = no_problem
    """Why emotion cannot be estimated now; empty if it can."""
    on_erased: Callable[[str], None] = nobody_else
    """Told of each participant who was erased, so that nobody keeps them in memory."""
    free_bytes: Callable[[Path], int] = free_bytes
    elsewhere: Elsewhere = field(default_factory=Nowhere)
    """What else keeps something of participants, and has to erase it with them."""
    folders: FolderNeeds | None = None
    """What the folders of sessions stand on; without it none are made."""
