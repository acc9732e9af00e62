"""What does a command: one small class for each name, told what to do and how far an earlier attempt had got."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from contract.remote import Command
from edge.core.errors import EdgeError

Outcome = Mapping[str, str]
"""What came of a command, such as `snapshot_id`."""


class CommandFailedError(EdgeError):
    """A command cannot be done; the message says why, and what to do. It is not tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt. `note` is what an earlier one wrote down, empty if there was none.

    `began_in` is the run of the daemon in which the attempt before this one was begun, empty if this is the first.
    `keep_note` makes a note durable; `tell` tells the cloud how far it is.
    """

    command: Command
    boot: str
    began_in: str
    note: str
    keep_note: Callable[[str], Awaitable[None]]
    tell: Callable[[str], Awaitable[None]]


class Handler(Protocol):
    """Does the commands of one name, one at a time.

    Both methods return what came of it, or raise `CommandFailedError`. One that ends this run of the daemon never
    returns: it is cancelled, and `resume` of the next run says what came of it.
    """

    async def run(self, call: Call) -> Outcome:
        """Do it for the first time."""
        ...

    async def resume(self, call: Call) -> Outcome:
        """It was being done when the daemon was stopped or killed: do it again, go on with it, or say how it ended."""
        ...
