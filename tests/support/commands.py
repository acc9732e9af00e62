"""Commands as a cloud would send them, and what a device told of them."""

from contract.codec import decode
from contract.messages import CommandState, Record
from contract.remote import Command
from contract.times import to_wire
from edge.outbox.store import Outbox
from tests.support.clock import START_MS

HOUR_MS = 3_600_000


def command(
    command_id: str = "cmd-1",
    name: str = "snapshot",
    *,
    issued_ms: int = START_MS,
    expires_ms: int | None = None,
    **arguments: object,
) -> Command:
    """One that lives for an hour."""
    return Command(
        command_id=command_id,
        name=name,
        arguments=dict(arguments),
        issued=to_wire(issued_ms),
        expires=to_wire(issued_ms + HOUR_MS if expires_ms is None else expires_ms),
        by="ann",
    )


async def told(outbox: Outbox, command_id: str = "cmd-1") -> list[CommandState]:
    """Everything that the store has told of a command, oldest first."""
    rows = await outbox.of_subject(command_id, kind="command")
    return [record.body for _, record in rows if isinstance(record.body, CommandState)]


async def states(outbox: Outbox, command_id: str = "cmd-1") -> list[str]:
    """Of these the states."""
    return [one.state for one in await told(outbox, command_id)]


async def waiting(outbox: Outbox) -> list[CommandState]:
    """What of commands waits for the cloud."""
    bodies = [decode(one.payload, Record).body for one in await outbox.pending(limit=100_000)]
    return [body for body in bodies if isinstance(body, CommandState)]
