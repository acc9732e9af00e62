"""Does what the book of commands says is to be done, and writes into it how each ended."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal

from contract.remote import Command
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.outbox.commands import CommandBook, End, Entry, has_expired
from edge.sync.remote.handler import Call, CommandFailedError, Handler, Outcome
from edge.sync.remote.reading import span_of

MOST_ATTEMPTS: Final = 3
"""A command that took the daemon down with it so often is not begun again."""
MOST_ATTEMPTS_OF: Final = {"update": 20, "rollback": 20}
"""In the midst of these the updater restarts the daemon, perhaps into a release that does not come up."""
_AGAIN_S: Final = 2.0
_log = logging.getLogger(__name__)
OnEnd = Callable[[Command, End, str], None]


class CommandRunner:
    """One task for each open command; those of one name go one after the other. Belongs to the event loop."""

    def __init__(
        self, book: CommandBook, handlers: Mapping[str, Handler], *, clock: Clock, host_boot: str, on_end: OnEnd
    ) -> None:
        """`on_end` is called with each command that ended, how and why; `host_boot` names this boot of the host."""
        self._book = book
        self._handlers = handlers
        self._clock = clock
        self._host_boot = host_boot
        self._on_end = on_end
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.ended: dict[Literal["succeeded", "failed", "expired"], int] = {"succeeded": 0, "failed": 0, "expired": 0}
        """How many ended so in this run."""

    @property
    def running(self) -> int:
        """How many are at work or wait for their turn."""
        return len(self._tasks)

    async def look(self) -> None:
        """Begin what is in the book and not at work. Raise `StoreError` if the book cannot be read."""
        for entry in await self._book.opened():
            command_id = entry.command.command_id
            if command_id not in self._tasks:
                task = asyncio.create_task(self._do(entry), name=f"command-{command_id}")
                self._tasks[command_id] = task
                task.add_done_callback(partial(self._done, command_id))

    async def close(self) -> None:
        """Stop all of them; the next run goes on."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _do(self, entry: Entry) -> None:
        handler = self._handlers.get(entry.command.name)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            await self._end(entry.command, "failed", f"unknown command {entry.command.name!r}: there are {known}")
            return
        async with self._turns[entry.command.name]:
            await self._take_turn(entry, handler)

    async def _take_turn(self, entry: Entry, handler: Handler) -> None:
        command = entry.command
        issued_ms, expires_ms = span_of(command)
        if entry.state == "accepted" and has_expired(entry, expires_ms, issued_ms, self._clock.now(), self._host_boot):
            await self._end(command, "expired", f"its time was over at {command.expires}, before it was begun")
        elif entry.attempts >= MOST_ATTEMPTS_OF.get(command.name, MOST_ATTEMPTS):
            await self._end(command, "failed", f"the device was stopped {entry.attempts} times while it did this")
        else:
            await self._attempt(entry, handler)

    async def _attempt(self, entry: Entry, handler: Handler) -> None:
        command = entry.command
        again = entry.state == "running"
        try:
            await self._book.begin(command, "taken up again after a stop of the daemon" if again else "")
        except StoreError:
            return  # nothing was done; the next look finds it as the disk has it
        call = Call(
            command=command,
            boot=self._book.boot,
            began_in=entry.began_in,
            note=entry.note,
            keep_note=partial(self._book.note, command.command_id),
            tell=partial(self._book.progress, command),
        )
        try:
            outcome = await (handler.resume(call) if again else handler.run(call))
        except CommandFailedError as error:
            await self._end(command, "failed", str(error))
        except Exception as error:  # noqa: BLE001 - a command never takes the daemon down; whoever sent it hears of it
            _log.exception("command %s (%s) failed", command.command_id, command.name)
            await self._end(command, "failed", f"{type(error).__name__}: {error}")
        else:
            await self._end(command, "succeeded", "", outcome)

    async def _end(self, command: Command, end: End, reason: str, outcome: Outcome | None = None) -> None:
        """Until the disk takes it: an end that nobody hears of is none."""
        while True:
            try:
                told = await self._book.end(command, end, reason, outcome)
                break
            except StoreError as error:
                _log.warning("the end of command %s is not durable yet: %s", command.command_id, error)
                await self._clock.sleep(_AGAIN_S)
        if told:
            self.ended[end] += 1
        self._on_end(command, end, reason)

    def _done(self, command_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(command_id, None)
        if not task.cancelled() and (error := task.exception()):
            _log.error("command %s is left as it is: %s", command_id, error)
