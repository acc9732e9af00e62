"""What lies on the disk and may give way when it runs short, whoever put it there."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Worth(IntEnum):
    """In this order things give way. What is worth more goes only when nothing of less worth is left."""

    UPLOADED = 0
    PLAIN_VIDEO = 1
    """Video that shows no event and is nowhere else."""
    SAMPLES = 2
    """Raw signals."""
    EVENT_VIDEO = 3
    """Video of an event, a session or a person, or asked for by hand."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One thing that may give way. `order` grows with each thing made, whatever the clock said; it decides the age."""

    id: str
    kind: str
    """The class that has a budget of its own: `continuous`, `event`, `manual`, `session`, `collected`, `timelapse`,
    `samples`."""
    worth: Worth
    order: int
    size_bytes: int
    made_ms: int
    trusted: bool = True
    """Whether `made_ms` is of a clock that was trusted; what is not never goes for its days."""
    why: str = ""
    """Which rule makes it give way: the reason of its `Loss`, set for `evict`. A stash sets it itself on what it had
    begun to delete when it was killed: that goes on at once."""


class Stash(Protocol):
    """A room that keeps things on the disk."""

    name: str

    def holdings(self) -> list[Holding]:
        """What may give way now; what is still being made is not in it. May block; called in a thread."""
        ...

    def used_bytes(self) -> int:
        """What it takes of the disk, with what is still being made. May block; called in a thread."""
        ...

    async def evict(self, holding: Holding) -> None:
        """Delete it; where it is nowhere else, make the `Loss` durable before. May be done again after a kill.

        Raise `StoreError` or `OSError` if that is refused.
        """
        ...
