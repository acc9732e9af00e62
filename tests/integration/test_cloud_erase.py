"""A participant who is erased on the device is erased in the cloud, however late their records come."""

import itertools
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from cloud.store import tables
from cloud.store.coverage import Coverage
from cloud.store.database import Database
from cloud.store.intake import Intake
from contract.messages import AnyBody, Consent, Erasure, Label, Marker, Prediction, Session
from tests.support.cloud import BOOT, START_MS, incoming, opened, prediction
from tests.support.postgres import Postgres, running_postgres

MARK = "unmistakable"
_names = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'cloud.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create(f"erase_{next(_names)}")
    async with opened(url) as found:
        yield found


def _of(person: str, session: str, words: str) -> list[AnyBody]:
    base = prediction()
    plain = {name: getattr(base, name) for name in base.__struct_fields__}
    return [
        Consent(participant=person, given=True, text_version="1", text_sha256="0" * 64, witness=words),
        Session(session_id=session, participant=person, phase="start", start_ms=START_MS, warnings=[words]),
        Prediction(**{**plain, "session_id": session, "user_id": person, "signals": {words: 1.0}}),
        Label(
            label_id=words,
            participant=person,
            session_id=session,
            at_ms=START_MS,
            source="trace",
            valence=0.5,
            trace=[(START_MS, 0.5, None)],
        ),
        Marker(session_id=session, at_ms=START_MS, name="note", note=words),
        Session(session_id=session, participant=person, phase="stop", start_ms=START_MS, end_ms=START_MS + 9),
        Prediction(**{**plain, "user_id": person, "signals": {words: 1.0}}),
    ]


async def _everything(database: Database) -> str:
    async with database.read() as link:
        found = [row._asdict() for table in tables.metadata.sorted_tables for row in await link.execute(select(table))]
    return "\n".join(map(str, found))


async def test_sessions_and_labels_can_be_asked_for(database: Database) -> None:
    bodies = _of("p1", "s1", MARK)
    await Intake(database).add([incoming(body, seq) for seq, body in enumerate(bodies, start=1)], 10)
    async with database.read() as link:
        session = (await link.execute(select(tables.sessions))).mappings().one()
        label = (await link.execute(select(tables.labels))).mappings().one()
    assert (session["phase"], session["participant"], session["end_ms"]) == ("stop", "p1", START_MS + 9)
    assert (label["label_id"], label["valence"], label["probe"]) == (MARK, 0.5, None)


async def test_what_is_here_loses_its_content_and_every_number_stays(database: Database) -> None:
    intake = Intake(database)
    theirs, others = _of("p1", "s1", MARK), _of("p2", "p1", "others")
    batch = [incoming(body, seq) for seq, body in enumerate([*theirs, *others], start=1)]
    await intake.add(batch, 10)
    assert MARK in await _everything(database)
    erasure = incoming(Erasure(participant="p1"), 15)  # the device has forgotten which sessions there were
    await intake.add([erasure], 20)
    left = await _everything(database)
    assert MARK not in left
    assert left.count("'kind': 'erased'") == len(theirs)
    assert left.count("others") == 7
    assert await intake.coverage(("gate", BOOT)) == Coverage(15)
    assert (await intake.add([*batch, erasure], 30)).fresh == 0
    assert MARK not in await _everything(database)


async def test_any_order_and_any_repetition_bring_nothing_back(database: Database) -> None:
    intake, rng = Intake(database), random.Random(3)
    old = "00000000-0a0b0c0d"
    batch = [incoming(body, seq, boot=old) for seq, body in enumerate(_of("p1", "s1", MARK), start=1)]
    batch += [incoming(body, seq) for seq, body in enumerate(_of("p1", "s2", MARK), start=1)]
    batch = [*batch, incoming(Erasure(participant="p1", sessions=["s1", "s2"]), 8)] * 2
    rng.shuffle(batch)
    for begin in range(0, len(batch), 4):
        await intake.add(batch[begin : begin + 4], 10)
    assert MARK not in await _everything(database)
    assert await intake.coverage(("gate", BOOT)) == Coverage(8)
    assert await intake.coverage(("gate", old)) == Coverage(7)


async def test_who_takes_part_again_is_kept_and_other_devices_are_left_alone(database: Database) -> None:
    intake = Intake(database)
    await intake.add([incoming(_of("p1", "s1", "elsewhere")[2], 1, device="other")], 10)
    await intake.add([incoming(Erasure(participant="p1", sessions=["s1"]), 1)], 10)
    await intake.add([incoming(body, seq) for seq, body in enumerate(_of("p1", "s9", "again"), start=2)], 20)
    left = await _everything(database)
    assert left.count("again") == 7
    assert "elsewhere" in left
