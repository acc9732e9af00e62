"""The schema grows while older programs run, and what databases of earlier releases hold is right in this one."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, inspect, select, text

from cloud.store import tables
from cloud.store.database import Database
from cloud.store.errors import StoreUnavailableError
from cloud.store.intake import Intake
from cloud.store.migrate import migrate
from contract.messages import Erasure, Marker
from tests.conftest import ROOT
from tests.support.cloud import BOOT, START_MS, incoming, payload, prediction
from tests.support.postgres import Postgres

_names = itertools.count()
_REVISIONS = sorted(path.name[1:5] for path in (ROOT / "cloud/store/migrations/versions").glob("r*.py"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database, without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cloud.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create(f"schema_{next(_names)}")


@pytest.fixture
async def bare(url: str) -> AsyncIterator[Database]:
    found = Database(url)
    yield found
    await found.close()


async def test_migrating_gives_the_tables_that_the_program_expects(bare: Database) -> None:
    await migrate(bare)
    there = {table: set(columns) for table, columns in (await _must_be_filled(bare)).items()}
    there.pop("alembic_version")
    assert there == {name: set(table.c.keys()) for name, table in tables.metadata.tables.items()}


async def test_an_index_over_years_of_records_may_take_longer_than_a_statement(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up by the clock it would be begun anew for ever, and no process would start."""
    monkeypatch.setattr("cloud.store.database._COMMAND_S", 0.2)
    slow, hasty = text("SELECT pg_sleep(0.5)"), Database(postgres.url())
    with pytest.raises(StoreUnavailableError):
        async with hasty.write() as link:
            await link.execute(slow)
    async with hasty.migrating() as link:
        await link.execute(slow)
    await hasty.close()


async def test_events_of_the_first_schema_are_still_there_after_it_grew(bare: Database) -> None:
    await migrate(bare, "0001")
    old = {"device": "a", "event_id": "evt-1", "boot": "00000001-0a0b0c0d", "seq": 1, "phase": "open", "camera": "door"}
    rest = {"type": "motion", "severity": "LOW", "confidence": 0.5, "start_ms": 1, "reasoning": "[]"}
    names = ", ".join([*old, *rest])
    values = ", ".join(f":{name}" for name in [*old, *rest])
    async with bare.write() as link:
        await link.execute(text(f"INSERT INTO events ({names}) VALUES ({values})"), old | rest)  # noqa: S608 - ours
    await migrate(bare)
    async with bare.read() as link:
        row = (await link.execute(select(tables.events))).mappings().one()
    assert (row["event_id"], row["zone"], row["merged"]) == ("evt-1", None, 0)


async def test_a_release_that_was_taken_back_works_with_the_schema_of_the_later_one(bare: Database) -> None:
    """It used to end at its start with "Can't locate revision": the server had neither release then."""
    await migrate(bare)
    async with bare.write() as link:
        await link.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert await migrate(bare) == "9999"
    assert (await Intake(bare).add([incoming(prediction(1), 1)], START_MS)).fresh == 1


async def test_a_revision_only_adds_and_only_what_the_release_before_need_not_fill(bare: Database) -> None:
    """Or servers of the release before fail beside it, and after it was taken back."""
    before: dict[str, dict[str, bool]] = {}
    for revision in _REVISIONS:
        assert await migrate(bare, revision) == revision
        now = await _must_be_filled(bare)
        for table, columns in before.items():
            assert columns.items() <= now[table].items()
            assert not any(must for name, must in now[table].items() if name not in columns), (revision, table)
        before = now


async def _must_be_filled(database: Database) -> dict[str, dict[str, bool]]:
    """Of each table, whether a row needs a value for each of its columns."""

    def ask(connection: Connection) -> dict[str, dict[str, bool]]:
        found = inspect(connection)
        return {
            table: {one["name"]: not one["nullable"] and one["default"] is None for one in found.get_columns(table)}
            for table in found.get_table_names()
        }

    async with database.read() as link:
        return await link.run_sync(ask)


async def test_two_processes_that_start_at_once_both_find_the_schema(url: str) -> None:
    first, second = Database(url), Database(url)
    assert set(await asyncio.gather(migrate(first), migrate(second))) == {"0010"}
    await first.close()
    await second.close()


async def test_what_was_unreadable_before_anybody_looked_whom_it_names_is_erased(bare: Database) -> None:
    """X.6: at once, where the erasure came meanwhile, and by those that come later."""
    await migrate(bare, "0009")
    await _store_as_before(
        bare,
        [
            {"kind": "hologram", "participant": "gone", "words": "first"},
            {"kind": "hologram", "session_id": "s1", "words": "first"},
            {"kind": "unreadable", "payload": json.dumps({"body": {"user_id": "later", "words": "second\ud800"}})},
            {"kind": "hologram", "participant": ["gone"], "words": "of nobody"},
            {"kind": "hologram", "participant": "stays", "words": "of another"},
            *[{"kind": "hologram", "participant": "later", "words": "second"}] * 600,
        ],
        Erasure(participant="gone", sessions=["s1"]),
    )
    await migrate(bare)
    assert await _words(bare) == {"erased": 2, "second": 601, "of nobody": 1, "of another": 1}
    await Intake(bare).add([incoming(Erasure(participant="later"), 9999)], 10)
    assert await _words(bare) == {"erased": 603, "erasure": 1, "of nobody": 1, "of another": 1}


async def test_no_second_copy_of_a_record_stays_among_what_was_refused(bare: Database) -> None:
    await migrate(bare, "0009")
    await _store_as_before(bare, [{"kind": "hologram", "participant": "p1"}], Erasure(participant="p2"))
    begun = payload(Marker(session_id="s1", at_ms=1, name="note"), 1)[:-5]
    topics = {"afferent/v1/gate/sessions": b"", "afferent/v1/yard/sessions": begun, "odd": begun}
    async with bare.write() as link:
        for topic in topics:
            row = {"received_ms": 1, "topic": topic, "reason": "odd", "payload": begun}
            await link.execute(insert(tables.rejected), row)
    await migrate(bare)
    async with bare.read() as link:
        found = {row.topic: row.payload for row in await link.execute(select(tables.rejected))}
    assert found == topics


async def _store_as_before(database: Database, bodies: list[dict[str, Any]], erasure: Erasure) -> None:
    """As the release before did, what it could not read; and in its last place an erasure."""
    row = {"device": "gate", "boot": BOOT, "t_ms": 1, "mono_ms": 1, "clock": "trusted", "received_ms": 1}
    rows = [
        {**row, "seq": seq, "kind": "unreadable", "body": json.dumps(body)} for seq, body in enumerate(bodies, start=1)
    ]
    gone = {"participant": erasure.participant, "sessions": json.dumps(erasure.sessions)}
    async with database.write() as link:
        await link.execute(insert(tables.records), rows)
        await link.execute(insert(tables.erasures), {"device": "gate", "boot": BOOT, "seq": len(rows) + 1, **gone})


async def _words(database: Database) -> dict[str, int]:
    """How many records say what."""
    async with database.read() as link:
        rows = await link.execute(select(tables.records.c.kind, tables.records.c.body))
        return dict(Counter(_word(row.body) if row.kind == "unreadable" else row.kind for row in rows))


def _word(body: str) -> str:
    return next(word for word in ("first", "second", "of nobody", "of another") if word in body)
