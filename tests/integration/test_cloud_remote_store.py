"""What is asked of devices as either database keeps it: what is due, what is over, and who of two wins."""

import asyncio
import json

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from sqlalchemy import insert, update

from cloud.ingest.lookout import Lookout
from cloud.ingest.metrics import WorkMetrics
from cloud.store.commands import Asked, CommandConflictError, CommandSlice, NotCancellableError
from cloud.store.database import Database
from cloud.store.desired import ANY, VersionConflictError
from cloud.store.fleet_tables import command_states, commands, desired
from cloud.store.intake import Intake
from cloud.store.outgoing import LEASE_MS, Post
from cloud.store.remote import Remote, remote_over
from contract.messages import CommandState, Status
from contract.remote import Command, Desired, Reported
from contract.times import to_wire
from tests.support.asked_commands import DEED, HOUR_MS, ask, one, state, wish
from tests.support.cloud import BOOT, START_MS, StillClock, file_of, incoming
from tests.support.remote_device import NAME


@pytest.fixture
def remote(database: Database) -> Remote:
    return remote_over(database)


async def test_what_a_killed_sender_took_is_due_again(database: Database, remote: Remote) -> None:
    """Killed between the database and the broker: nothing is marked as sent, and nobody else waits for long."""
    post, now_ms = Post(database), START_MS
    await ask(remote, NAME, "c1", now_ms=now_ms)
    await remote.desired.set(NAME, wish(5), DEED, expected=0, now_ms=now_ms)
    taken = await post.take(now_ms, 10)
    assert [type(one.message).__name__ for one in taken] == ["Command", "Desired"]
    assert await post.take(now_ms + LEASE_MS - 1, 10) == []
    assert await state(remote, NAME, "c1") == "queued"
    again = await post.take(now_ms + LEASE_MS, 10)
    assert [one.message for one in again] == [one.message for one in taken]
    await post.sent(again, now_ms + LEASE_MS, again_ms=now_ms + HOUR_MS)
    assert await state(remote, NAME, "c1") == "sent"
    assert await post.take(now_ms + HOUR_MS - 1, 10) == []


async def test_a_device_that_answers_before_its_state_is_noted_as_sent_and_then_loses_it(
    database: Database, remote: Remote
) -> None:
    """Its quick answer left the state due in an hour; that it was lost since made it due no sooner."""
    post, intake, now_ms = Post(database), Intake(database), START_MS
    await remote.desired.set(NAME, wish(5), DEED, expected=0, now_ms=now_ms)
    taken = await post.take(now_ms, 10)
    had = Reported(device=NAME, boot=BOOT, t=to_wire(now_ms + 1), version=1, seen=1)
    await intake.set_reported(had, now_ms + 1)
    await post.sent(taken, now_ms + 2, again_ms=now_ms + HOUR_MS)
    assert await post.take(now_ms + LEASE_MS + 1, 10) == []
    await intake.set_reported(replace(had, t=to_wire(now_ms + 3), version=0, seen=0), now_ms + 3)
    assert [one.message for one in await post.take(now_ms + 3, 10)] == [one.message for one in taken]


async def test_a_desired_state_that_this_release_cannot_read_stops_no_other_and_can_be_replaced(
    database: Database, remote: Remote
) -> None:
    """It ended each run of the ingest."""
    for name in ("other", NAME):
        await remote.desired.set(name, wish(5), DEED, expected=0, now_ms=START_MS)
    async with database.write() as link:
        broken = update(desired).where(desired.c.device == NAME).values(body='{"plans":{"door":{"zones":3}}}')
        await link.execute(broken)
    seen: list[Desired | None] = []
    assert [one.device for one in await Post(database).take(START_MS, 10)] == ["other"]
    assert await remote.desired.newest(NAME) is None
    assert await remote.desired.history(NAME, limit=9) == []
    await remote.desired.set(NAME, wish(7), DEED, expected=ANY, now_ms=START_MS, check=seen.append)
    assert seen == [None]
    assert [one.device for one in await Post(database).take(START_MS, 10)] == [NAME]


async def test_what_ran_out_is_expired_unless_the_device_says_otherwise(database: Database, remote: Remote) -> None:
    clock, post, intake = StillClock(), Post(database), Intake(database)
    lookout = Lookout(remote, metrics=WorkMetrics(CollectorRegistry()), clock=clock)
    for name in ("c1", "c2"):
        await ask(remote, NAME, name, for_ms=10_000, now_ms=clock.ms)
    accepted = CommandState(command_id="c2", name="snapshot", state="accepted")
    await intake.add([incoming(accepted, 1)], clock.ms)
    clock.ms += 10_000
    assert await post.take(clock.ms, 10) == [], "it would be too late"
    await lookout.look()
    assert (await state(remote, NAME, "c1"), await state(remote, NAME, "c2")) == ("expired", "accepted")
    assert (await one(remote, NAME, "c1"))["reason"]
    late = CommandState(command_id="c1", name="snapshot", state="succeeded")
    await intake.add([incoming(late, 2)], clock.ms)
    assert await state(remote, NAME, "c1") == "succeeded", "what happened goes before what was thought"
    steps = CommandState(command_id="c1", name="snapshot", state="accepted")
    await intake.add([incoming(steps, 1, boot="00000000-deadbeef")], clock.ms)
    assert await state(remote, NAME, "c1") == "succeeded", "an older step changes nothing"


async def test_what_was_accepted_and_never_ended_does_not_stay_open(database: Database, remote: Remote) -> None:
    """A box that was replaced tells no ends; a hundred such commands would keep its successor from any."""
    clock, intake = StillClock(), Intake(database)
    await intake.set_status(Status(device=NAME, boot=BOOT, state="online", t=to_wire(clock.ms)), clock.ms)
    for name in ("c1", "c2", "c3"):
        await ask(remote, NAME, name, for_ms=10_000, now_ms=clock.ms)
    await remote.commands.cancel(NAME, "c3", DEED, now_ms=clock.ms)
    said = [CommandState(command_id=f"c{n}", name="snapshot", state="accepted") for n in (1, 2, 3)]
    await intake.add([incoming(one, number) for number, one in enumerate(said, 1)], clock.ms)
    metrics = WorkMetrics(CollectorRegistry())
    clock.ms += 14 * 24 * HOUR_MS
    await Lookout(remote, metrics=metrics, clock=clock).look()
    assert (await remote.fleet.about([NAME]))[NAME]["commands_open"] == 3, "its device may be on a ship"
    clock.ms += 10_001
    await Lookout(remote, metrics=metrics, clock=clock).look()
    await Lookout(remote, metrics=metrics, clock=clock).look()
    assert metrics.commands_expired._value.get() == 3
    found = await one(remote, NAME, "c1")
    assert (found["state"], found["state_ms"]) == ("expired", clock.ms)
    assert "not heard to end it" in found["reason"]
    assert (await remote.fleet.about([NAME]))[NAME]["commands_open"] == 0
    assert await remote.commands.page(CommandSlice(device=NAME, state="open")) == []
    assert len(await remote.commands.page(CommandSlice(device=NAME, state="expired"))) == 3
    late = CommandState(command_id="c1", name="snapshot", state="running")
    await intake.add([incoming(late, 4)], clock.ms)
    assert await state(remote, NAME, "c1") == "expired"
    done = CommandState(command_id="c1", name="snapshot", state="succeeded")
    await intake.add([incoming(done, 5)], clock.ms)
    assert await state(remote, NAME, "c1") == "succeeded", "what happened goes before what was thought"


async def test_a_cancelled_command_is_not_sent_and_an_accepted_one_cannot_be(
    database: Database, remote: Remote
) -> None:
    post = Post(database)
    await ask(remote, NAME, "c1", now_ms=START_MS)
    assert not await remote.commands.cancel(NAME, "none", DEED, now_ms=START_MS)
    assert await remote.commands.cancel(NAME, "c1", DEED, now_ms=START_MS)
    assert await remote.commands.cancel(NAME, "c1", DEED, now_ms=START_MS)
    assert await state(remote, NAME, "c1") == "cancelled"
    assert await post.take(START_MS + 1, 10) == []
    await ask(remote, NAME, "c2", now_ms=START_MS)
    await Intake(database).add(
        [incoming(CommandState(command_id="c2", name="snapshot", state="accepted"), 1)], START_MS
    )
    with pytest.raises(NotCancellableError):
        await remote.commands.cancel(NAME, "c2", DEED, now_ms=START_MS)


async def test_the_same_id_asks_once_and_never_for_something_else(remote: Remote) -> None:
    found = await asyncio.gather(*(ask(remote, NAME, "c1", now_ms=START_MS) for _ in range(5)))
    assert len(await remote.commands.page(CommandSlice(device=NAME))) == 1
    assert max(found) == 1
    other = Asked("c1", "restart", {}, START_MS + HOUR_MS)
    with pytest.raises(CommandConflictError):
        await remote.commands.ask(["other", NAME], other, DEED, now_ms=START_MS)
    assert await remote.commands.page(CommandSlice(device="other")) == [], "all or none"


async def test_files_are_found_for_as_many_commands_as_one_list_may_have(database: Database, remote: Remote) -> None:
    """A picture of each of a thousand devices; and one device that names a file as no database takes it."""
    devices = [f"d{number}" for number in range(1000 if database.is_sqlite else 10)]
    keys = {name: f"commands/{name}/c1/front.jpg" for name in devices} | {"d7": "a\0b"}
    asked = {"command_id": "c1", "name": "snapshot", "arguments": "{}", "by": "ada", "asked_ms": 1, "expires_ms": 2}
    told = {
        "command_id": "c1",
        "name": "snapshot",
        "boot": BOOT,
        "seq": 1,
        "state": "succeeded",
        "reason": "",
        "t_ms": 1,
    }
    async with database.write() as link:
        await link.execute(
            insert(commands), [{"device": name, "state": "told", "state_ms": 1, **asked} for name in keys]
        )
        outcomes = [{"device": name, "outcome": json.dumps({"key": key}), **told} for name, key in keys.items()]
        await link.execute(insert(command_states), outcomes)
    kept = [incoming(replace(file_of("d9"), purpose="snapshot", key=keys["d9"]), 2, "d9")]
    await Intake(database).add(kept, START_MS)
    rows = {row["device"]: row for row in await remote.commands.page(CommandSlice(command_id="c1", limit=1000))}
    assert {name for name, row in rows.items() if row["file"]} == {"d9"}
    assert rows["d9"]["file"]["file_id"] == "file-1"


async def test_versions_only_grow_and_of_those_who_saw_the_same_one_wins(remote: Remote) -> None:
    async def put(number: int, expected: int) -> int:
        try:
            found = await remote.desired.set(NAME, wish(number), DEED, expected=expected, now_ms=START_MS)
        except VersionConflictError as error:
            return -error.version
        return found.version

    found = await asyncio.gather(*(put(number, 0) for number in range(1, 9)))
    assert sorted(found) == [-1] * 7 + [1]
    found = await asyncio.gather(*(put(number + 20, ANY) for number in range(8)))
    assert sorted(found) == list(range(2, 10))
    history = await remote.desired.history(NAME, limit=50)
    assert [one.version for one in history] == list(range(9, 0, -1))
    assert await remote.desired.newest(NAME) == history[0]


async def test_what_waits_for_a_device_that_is_away_waits_at_the_broker(database: Database, remote: Remote) -> None:
    """A device that is off for a month costs no message, and gets everything when it comes."""
    post, intake, now_ms = Post(database), Intake(database), START_MS
    will = Status(device=NAME, state="offline", boot=BOOT, t=to_wire(now_ms))
    await intake.set_status(will, now_ms)
    await ask(remote, NAME, "c1", for_ms=30 * 24 * HOUR_MS, now_ms=now_ms)
    taken = await post.take(now_ms, 10)
    await post.sent(taken, now_ms, again_ms=now_ms + 1000)
    assert [len(await post.take(now_ms + 2000 * (turn + 1), 10)) for turn in range(20)] == [0] * 20
    birth = Status(device=NAME, state="online", boot=BOOT, t=to_wire(now_ms + 60_000))
    assert await intake.set_status(birth, now_ms + 60_000)
    (again,) = await post.take(now_ms + 60_000, 10)
    assert isinstance(again.message, Command)
    await post.sent([again], now_ms + 60_000, again_ms=now_ms + HOUR_MS)
    assert not await intake.set_status(birth, now_ms + 61_000), "the same birth, retained, from another ingest"
    assert await post.take(now_ms + 61_000, 10) == []
