"""Who did what from afar, for the audit log."""

import asyncio

from contract.remote import Command, Desired
from edge.daemon.remote.reach import Note


class Noter:
    """Writes each line in a thread, so that nobody waits for the disk."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._notes: set[asyncio.Future[object]] = set()

    def command_ended(self, command: Command, end: str, reason: str) -> None:
        """A command ended."""
        outcome = "done" if end == "succeeded" else f"{end}: {reason}"
        self._later(command.by, f"command {command.name}", command.command_id, outcome)

    def settled(self, desired: Desired, outcome: str) -> None:
        """A desired state is in force, or refused."""
        self._later(desired.by, "desired", f"version {desired.version}", outcome)

    def _later(self, by: str, action: str, target: str, outcome: str) -> None:
        loop = asyncio.get_running_loop()
        noted = loop.run_in_executor(None, self._note, f"cloud:{by}", "", action, target, outcome)
        self._notes.add(noted)
        noted.add_done_callback(self._notes.discard)
