"""Whatever comes when, the times of a run end the same: at the first clock fix that was made after each record."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cloud.store import tables
from cloud.store.database import Database
from cloud.store.intake import Intake
from cloud.store.rows import Incoming, read
from cloud.store.times import MS_COLUMNS, Fix, correct_stored, corrected
from contract.codec import encode
from contract.ids import record_id
from contract.messages import AnyBody, ClockFix, Label, Loss, Record
from contract.times import to_wire
from contract.topics import leaf_of
from tests.support.cloud import BOOT, START_MS, event, opened, prediction, recording

WRONG_MS = 86_400_000
"""An appliance without a battery wakes on the second day of 1970."""
BODIES: list[AnyBody] = [
    prediction(),
    event(),
    recording("gate"),
    Loss(what="frames", reason="disk full", count=1),
    Label(label_id="l", participant="p", session_id="s", at_ms=WRONG_MS, source="probe", asked_ms=WRONG_MS - 5),
]


def made(body: AnyBody, seq: int, mono_ms: int, *, clock: str = "untrusted", boot: str = BOOT) -> Incoming:
    """A record by its monotonic time; an untrusted one says a wrong wall time."""
    t_ms = (WRONG_MS if clock == "untrusted" else START_MS) + mono_ms
    record = Record(
        id=record_id(boot, seq),
        seq=seq,
        boot=boot,
        t=to_wire(t_ms),
        mono_ms=mono_ms,
        clock=clock,  # type: ignore[arg-type]
        body=body,
    )
    found, problem = read("gate", leaf_of(body), encode(record), START_MS)
    assert problem is None, problem
    return found


def fix(seq: int, at_mono_ms: int, wall_ms: int, *, of_boot: str = BOOT, boot: str = BOOT) -> Incoming:
    """A clock fix as its device tells it."""
    body = ClockFix(of_boot=of_boot, at_mono_ms=at_mono_ms, wall_ms=wall_ms)
    return made(body, seq, at_mono_ms, clock="trusted", boot=boot)


def expected(mono_ms: int, fixes: Sequence[tuple[int, int]]) -> int | None:
    """The rule, said plainly: the first fix after it."""
    later = sorted(one for one in fixes if one[0] >= mono_ms)
    return later[0][1] - later[0][0] + mono_ms if later else None


async def stored(batches: Sequence[Sequence[Incoming]]) -> dict[str, list[Any]]:
    """What is in the tables after these batches, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cloud.db"
        path.write_bytes(await asyncio.to_thread(_empty_database))
        async with existing(f"sqlite:///{path}") as database:
            for batch in batches:
                await Intake(database).add(batch, 1)
            found = {}
            async with database.read() as link:
                for name in ("records", "predictions", "events", "recordings", "ledger", "labels", "clock_fixes"):
                    table = tables.metadata.tables[name]
                    rows = (await link.execute(select(table).order_by(table.c.boot, table.c.seq))).mappings()
                    found[name] = [dict(row) for row in rows]
            return found


@asynccontextmanager
async def existing(url: str) -> AsyncIterator[Database]:
    """A database that is migrated already."""
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


@cache
def _empty_database() -> bytes:
    """Of the newest revision: a migration for each example would be all that this measures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cloud.db"

        async def make() -> None:
            async with opened(f"sqlite:///{path}"):
                pass

        asyncio.run(make())
        return path.read_bytes()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_interleaving_and_repetition_gives_the_same_times(data: st.DataObject) -> None:
    monos = data.draw(st.lists(st.integers(0, 1000), min_size=1, max_size=12), "monotonic times")
    moments = data.draw(st.lists(st.integers(0, 1000), max_size=3, unique=True), "fixes at")
    fixes = [(at, START_MS + data.draw(st.integers(-10_000, 10_000))) for at in moments]
    records = [made(BODIES[seq % len(BODIES)], seq, mono) for seq, mono in enumerate(monos, start=1)]
    told = [fix(100 + number, at, wall) for number, (at, wall) in enumerate(fixes)]
    everything = (records + told) * 2
    random.Random(data.draw(st.integers(0, 99))).shuffle(everything)
    size = data.draw(st.integers(1, 9))
    batches = [everything[begin : begin + size] for begin in range(0, len(everything), size)]
    found = asyncio.run(stored(batches))
    assert found == asyncio.run(stored([records + told]))
    for row in found["records"][: len(monos)]:
        wanted = expected(row["mono_ms"], fixes)
        assert row["t_ms"] == (WRONG_MS + row["mono_ms"] if wanted is None else wanted)
        assert row["clock"] == ("untrusted" if wanted is None else "corrected")


async def test_typed_rows_move_with_their_records() -> None:
    late = [made(body, seq, 10) for seq, body in enumerate(BODIES, start=1)]
    found = await stored([late[:3], [fix(9, 500, START_MS)], late[3:]])
    moved = START_MS - 490 - (WRONG_MS + 10)
    base = prediction()
    assert [(row["start_ms"], row["end_ms"]) for row in found["predictions"]] == [
        (base.start_ms + moved, base.end_ms + moved)
    ]
    assert found["events"][0]["start_ms"] == event().start_ms + moved
    assert found["events"][0]["end_ms"] is None
    assert found["recordings"][0]["end_ms"] == recording("gate").end_ms + moved
    assert found["ledger"][0]["t_ms"] == START_MS - 490
    assert (found["labels"][0]["at_ms"], found["labels"][0]["asked_ms"]) == (WRONG_MS + moved, WRONG_MS - 5 + moved)


async def test_other_runs_trusted_records_and_what_the_device_put_right_stay() -> None:
    others = [
        made(prediction(1), 1, 10, boot="00000002-deadbeef"),
        made(prediction(2), 2, 10, clock="trusted"),
        made(prediction(3), 3, 10, clock="corrected"),
    ]
    found = await stored([others, [fix(4, 500, START_MS - 77)]])
    clocks = {row["clock"]: row["t_ms"] for row in found["records"] if row["seq"] < 4}
    assert clocks == {"untrusted": WRONG_MS + 10, "trusted": START_MS + 10, "corrected": START_MS + 10}


async def test_a_later_run_may_tell_of_an_earlier_one() -> None:
    told = fix(1, 500, START_MS, boot="00000002-deadbeef")
    found = await stored([[made(prediction(), 1, 100)], [told]])
    assert found["records"][0]["t_ms"] == START_MS - 400


def test_a_moment_that_cannot_be_meant_is_left_alone() -> None:
    far = made(prediction(), 1, 10)
    assert far.typed
    far = far._replace(typed={**far.typed, "end_ms": 2**63 - 1})
    moved = corrected(far, [Fix(500, START_MS)])
    assert moved.typed
    assert moved.typed["end_ms"] == 2**63 - 1


@pytest.mark.parametrize("field", ["wall_ms", "at_mono_ms"])
def test_a_fix_beyond_all_time_is_refused(field: str) -> None:
    times: dict[str, Any] = {"at_mono_ms": 1, "wall_ms": 1, field: 10**15}
    body = ClockFix(of_boot=BOOT, **times)
    record = Record(id=record_id(BOOT, 1), seq=1, boot=BOOT, t=to_wire(1), mono_ms=1, clock="trusted", body=body)
    found, problem = read("gate", "ledger", encode(record), START_MS)
    assert problem
    assert found.typed is None


async def test_records_that_a_fix_may_move_are_found_without_reading_the_others(tmp_path: Path) -> None:
    plans: list[str] = []
    async with opened(f"sqlite:///{tmp_path / 'cloud.db'}") as database:
        async with database.write() as link:
            seen = await link.get_raw_connection()
            await seen.driver_connection.set_trace_callback(plans.append)  # type: ignore[union-attr]
            await correct_stored(link, ("gate", BOOT), [Fix(500, START_MS)], {500})
            await seen.driver_connection.set_trace_callback(None)  # type: ignore[union-attr]
        updates = [one for one in plans if one.startswith("UPDATE")]
        async with database.read() as link:
            for statement in updates:
                rows = (await link.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")).all()
                assert any("records_by_moment" in str(row) for row in rows), (statement, rows)
    assert len(updates) == len(MS_COLUMNS) + 1
