"""A command that takes the daemon down with it is not begun for ever."""

import asyncio
from typing import Any, cast

import pytest

from contract.remote import Command
from edge.outbox.commands import CommandBook, Entry
from edge.sync.remote.handler import Call, Outcome
from edge.sync.remote.runner import MOST_ATTEMPTS, MOST_ATTEMPTS_OF, CommandRunner
from tests.support.clock import FakeClock
from tests.support.commands import command


class PaperBook:
    """One open command."""

    boot = "b-2"

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.ended: list[tuple[str, str]] = []

    async def opened(self) -> list[Entry]:
        return [] if self.ended else [self.entry]

    async def begin(self, _command: Command, _reason: str = "") -> None:
        pass

    async def note(self, _command_id: str, _note: str) -> None:
        pass

    async def progress(self, _command: Command, _reason: str) -> None:
        pass

    async def end(self, _command: Command, end: str, reason: str, _outcome: Any) -> bool:
        self.ended.append((end, reason))
        return True


class Fine:
    """Does what it is asked."""

    async def run(self, call: Call) -> Outcome:
        return await self.resume(call)

    async def resume(self, call: Call) -> Outcome:
        return {"done": call.command.name}


@pytest.mark.parametrize(
    ("name", "attempts", "end"),
    [
        ("snapshot", MOST_ATTEMPTS - 1, "succeeded"),
        ("snapshot", MOST_ATTEMPTS, "failed"),
        ("update", MOST_ATTEMPTS, "succeeded"),
        ("update", MOST_ATTEMPTS_OF["update"], "failed"),
    ],
)
async def test_what_took_the_daemon_down_too_often_is_not_begun_again(name: str, attempts: int, end: str) -> None:
    entry = Entry(
        command=command("c-1", name, issued_ms=0),
        state="running",
        heard_ms=0,
        heard_mono_ms=0,
        host_boot="h",
        began_in="b-1",
        attempts=attempts,
    )
    book = PaperBook(entry)
    told: list[str] = []
    runner = CommandRunner(
        cast(CommandBook, book),
        {name: Fine()},
        clock=FakeClock(),
        host_boot="h",
        on_end=lambda _command, how, _why: told.append(how),
    )
    await runner.look()
    while runner.running:  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    assert [how for how, _ in book.ended] == told == [end]
    assert (f"stopped {attempts} times" in book.ended[0][1]) is (end == "failed")
