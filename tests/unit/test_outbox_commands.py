"""The book of commands: durable, idempotent by id, one end each, bounded."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from contract.messages import CommandState
from contract.remote import Command
from edge.core.clock import Stamp
from edge.core.errors import StoreDelayedError
from edge.outbox.commands import KEPT_COMMANDS, MOST_OPEN, Entry, TooManyCommandsError, has_expired
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from tests.support.clock import START_MS, FakeClock
from tests.support.commands import HOUR_MS, command, states, told
from tests.support.outboxes import open_outbox
from tests.unit.test_outbox_full import fill_disk, free_disk


async def test_a_command_that_is_sent_again_is_in_the_book_once(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        assert await outbox.commands.accept(command())
        assert not await outbox.commands.accept(command())
        assert [entry.command for entry in await outbox.commands.opened()] == [command()]
        assert await states(outbox) == ["accepted"]
        await outbox.commands.begin(command())
        assert await outbox.commands.end(command(), "succeeded", outcome={"snapshot_id": "s"})
        assert not await outbox.commands.end(command(), "failed", "twice")
        assert not await outbox.commands.accept(command())
        assert not await outbox.commands.end_unheard("cmd-1", "snapshot", "failed", "garbage under its id")
        assert await states(outbox) == ["accepted", "running", "succeeded"]
        assert (await told(outbox))[-1].outcome == {"snapshot_id": "s"}
        assert not await outbox.commands.opened()


async def test_it_goes_on_where_it_was_after_every_step(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await outbox.commands.accept(command())
    async with open_outbox(tmp_path) as outbox:
        (entry,) = await outbox.commands.opened()
        assert (entry.state, entry.began_in, entry.attempts) == ("accepted", "", 0)
        await outbox.commands.begin(command())
        await outbox.commands.note("cmd-1", "asked")
        first = outbox.commands.boot
    async with open_outbox(tmp_path) as outbox:
        (entry,) = await outbox.commands.opened()
        assert (entry.state, entry.began_in, entry.attempts, entry.note) == ("running", first, 1, "asked")
        await outbox.commands.begin(command())
        (entry,) = await outbox.commands.opened()
        assert (entry.began_in, entry.attempts) == (outbox.commands.boot, 2)
        await outbox.commands.end(command(), "failed", "no picture")
    async with open_outbox(tmp_path) as outbox:
        assert not await outbox.commands.opened()
        assert await outbox.commands.state("cmd-1") == "failed"
        assert await states(outbox) == ["accepted", "running", "running", "failed"]


async def test_a_flood_is_refused_and_what_ended_makes_room(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        for number in range(MOST_OPEN):
            assert await outbox.commands.accept(command(f"cmd-{number}"))
        with pytest.raises(TooManyCommandsError):
            await outbox.commands.accept(command("one-more"))
        assert await outbox.commands.state("one-more") is None
        assert not await outbox.commands.accept(command("cmd-3")), "what is known is known"
        await outbox.commands.end(command("cmd-3"), "succeeded")
        assert await outbox.commands.accept(command("one-more"))


async def test_two_at_once_are_one(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        found = await asyncio.gather(*(outbox.commands.accept(command()) for _ in range(8)))
        assert sorted(found) == [False] * 7 + [True]
        ends = await asyncio.gather(*(outbox.commands.end(command(), "succeeded") for _ in range(8)))
        assert sorted(ends) == [False] * 7 + [True]
        assert await states(outbox) == ["accepted", "succeeded"]


async def test_what_is_never_begun_has_one_record(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        assert await outbox.commands.end_unheard("cmd-1", "unreadable", "failed", "x" * 5000)
        assert not await outbox.commands.end_unheard("cmd-1", "unreadable", "failed", "again")
        assert not await outbox.commands.accept(command())
        (one,) = await told(outbox)
        assert (one.state, len(one.reason)) == ("failed", 1000)


async def test_the_book_is_trimmed_to_1000_and_30_days_and_never_of_what_is_open(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await outbox.commands.accept(command("open"))
        await outbox.commands.end_unheard("old", "snapshot", "failed", "")
        clock.advance(31 * 86_400)
        await outbox.commands.end_unheard("new", "snapshot", "failed", "")
        clock.trusted = False
        await outbox.commands.trim()
        assert await outbox.commands.state("old") == "failed", "nobody knows what day it is"
        clock.trusted = True
        await outbox.commands.trim()
        assert [await outbox.commands.state(one) for one in ("open", "old", "new")] == ["accepted", None, "failed"]
        await asyncio.gather(
            *(outbox.commands.end_unheard(f"n-{one}", "snapshot", "failed", "") for one in range(KEPT_COMMANDS))
        )
        await outbox.commands.trim()
        assert await outbox.commands.state("new") is None
        assert await outbox.commands.state("open") == "accepted"
        rows = await outbox.commands._reader.execute_fetchall("SELECT COUNT(*) FROM commands")
        assert next(iter(rows))[0] == KEPT_COMMANDS + 1


async def test_a_book_that_a_repair_set_back_is_mended_by_the_records(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await outbox.commands.accept(command())
        await outbox.commands.begin(command())
        await outbox.commands.end(command(), "succeeded")
    with sqlite3.connect(tmp_path / "store.db") as store:
        store.execute("UPDATE commands SET state = 'running', ended_ms = NULL, body = '{'")
    store.close()
    async with open_outbox(tmp_path) as outbox:
        await outbox.commands.mend()
        assert not await outbox.commands.opened()
        assert await outbox.commands.state("cmd-1") == "succeeded"
    with sqlite3.connect(tmp_path / "store.db") as store:
        store.execute("DELETE FROM commands")
    store.close()
    async with open_outbox(tmp_path) as outbox:
        assert not await outbox.commands.accept(command()), "its end was told"
        assert await states(outbox) == ["accepted", "running", "succeeded"]


def entry(of: Command, *, heard_mono_ms: int = 0, host_boot: str = "host") -> Entry:
    """As the book has it."""
    return Entry(command=of, state="accepted", heard_ms=START_MS, heard_mono_ms=heard_mono_ms, host_boot=host_boot)


@pytest.mark.parametrize(
    ("trusted", "wall_ms", "mono_ms", "host", "expired"),
    [
        (True, START_MS + HOUR_MS, 0, "host", False),
        (True, START_MS + HOUR_MS + 1, 0, "host", True),
        (True, START_MS, 10 * HOUR_MS, "host", False),
        (False, START_MS * 2, HOUR_MS, "host", False),
        (False, 0, HOUR_MS + 1, "host", True),
        (False, START_MS * 2, 10 * HOUR_MS, "another", False),
        (False, START_MS * 2, 10 * HOUR_MS, "", False),
    ],
)
def test_a_clock_that_is_not_trusted_counts_from_the_first_hearing(
    trusted: bool, wall_ms: int, mono_ms: int, host: str, expired: bool
) -> None:
    now = Stamp(mono_ms * 1_000_000, wall_ms, trusted)
    assert has_expired(entry(command()), START_MS + HOUR_MS, START_MS, now, host) is expired


async def test_steps_are_records_like_any_other(tmp_path: Path) -> None:
    seen: list[object] = []
    async with open_outbox(tmp_path, on_commit=lambda rows: seen.extend(record.body for _, record in rows)) as outbox:
        await outbox.commands.accept(command())
        assert seen == [CommandState(command_id="cmd-1", name="snapshot", state="accepted")]
        assert isinstance(outbox, Outbox)
        assert outbox.outbox_records == 1


async def test_a_full_disk_doubles_no_step(tmp_path: Path) -> None:
    """Whoever accepts is told to wait, and again when it asks again; with room it is in the book once."""
    async with open_outbox(tmp_path, limits=OutboxSettings(linger_ms=0, waiting_records=10, wait_s=0.2)) as outbox:
        await outbox.commands.accept(command("before"))
        await fill_disk(outbox)
        for _ in range(2):
            with pytest.raises(StoreDelayedError):
                await outbox.commands.accept(command())
        with pytest.raises(StoreDelayedError):
            await outbox.commands.end(command("before"), "succeeded")
        assert not await outbox.commands.opened(), "neither is begun while its last step waits"
        await free_disk(outbox)
        async with asyncio.timeout(10):
            while await outbox.commands.state("before") != "succeeded":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not await outbox.commands.accept(command())
        assert [entry.command.command_id for entry in await outbox.commands.opened()] == ["cmd-1"]
        assert await states(outbox) == ["accepted"]
        assert await states(outbox, "before") == ["accepted", "succeeded"]


async def test_a_damaged_store_keeps_its_book(tmp_path: Path) -> None:
    """The header is gone: open commands go on, ended ones stay known, and none ends twice."""
    async with open_outbox(tmp_path) as outbox:
        for name in ("open", "running", "ended"):
            await outbox.commands.accept(command(name, camera="front"))
        await outbox.commands.begin(command("running"))
        await outbox.commands.note("running", "asked")
        await outbox.commands.end(command("ended"), "succeeded")
    path = tmp_path / "store.db"
    path.write_bytes(b"\x00" * 100 + path.read_bytes()[100:])
    async with open_outbox(tmp_path) as outbox:
        assert outbox.repaired
        await outbox.commands.mend()
        found = {one.command.command_id: one for one in await outbox.commands.opened()}
        assert {name: one.state for name, one in found.items()} == {"open": "accepted", "running": "running"}
        assert found["open"].command == command("open", camera="front")
        assert found["running"].note == "asked"
        assert not await outbox.commands.accept(command("ended"))
        assert not await outbox.commands.accept(command("open"))
        assert (await states(outbox, "ended")) == ["accepted", "succeeded"]
