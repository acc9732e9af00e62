"""A participant who is erased on the device is erased in the cloud, however late their records come."""

import json
import random
from pathlib import Path

import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from cloud.ingest.eraser import Eraser
from cloud.ingest.metrics import WorkMetrics
from cloud.objects.folder import FolderStorage
from cloud.objects.storage import ObjectsUnavailableError
from cloud.store import tables
from cloud.store.coverage import Coverage
from cloud.store.database import Database
from cloud.store.doomed import DoomedObjects
from cloud.store.intake import Intake
from cloud.store.rows import Incoming, read
from contract.messages import AnyBody, Consent, Erasure, File, Label, Marker, Prediction, Recording, Session
from tests.support.cloud import BOOT, START_MS, StillClock, file_of, incoming, payload, prediction, recording

MARK = "unmistakable"


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


@pytest.mark.parametrize("late", [False, True])
async def test_what_could_not_be_read_is_erased_too(database: Database, late: bool) -> None:
    """As a newer device says it, or with half a character: by the names that stand in it."""
    intake = Intake(database)
    kept = [_unreadable({"kind": "hologram", "participant": "p1", "words": MARK}, 1)]
    kept += [_unreadable({"kind": "note", "session_id": "s1", "words": f"{MARK}\ud800"}, 2)]
    kept += [_unreadable({"kind": "hologram", "participant": "p2", "words": "of another"}, 3)]
    erasure = [incoming(Erasure(participant="p1", sessions=["s1"]), 4)]
    for batch in (erasure, kept) if late else (kept, erasure):
        await intake.add(batch, 10)
    left = await _everything(database)
    assert MARK not in left
    assert "of another" in left
    assert await intake.coverage(("gate", BOOT)) == Coverage(4)


def _unreadable(body: dict[str, str], seq: int) -> Incoming:
    whole = json.loads(payload(prediction(), seq)) | {"body": body}
    found, problem = read("gate", "sessions", json.dumps(whole).encode(), START_MS)
    assert problem
    return found


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


async def test_more_sessions_than_a_statement_has_parameters_are_erased(database: Database) -> None:
    """PostgreSQL takes 32,767: whoever listed more was tried for ever, and everybody waited behind."""
    intake = Intake(database)
    await intake.add([incoming(body, seq) for seq, body in enumerate(_of("p1", "s9", MARK), start=1)], 10)
    listed = ["s9", *(f"{number:x}" for number in range(33_000))]
    await intake.add([incoming(Erasure(participant="p2", sessions=listed), 8)], 20)
    left = await _everything(database)
    assert left.count(MARK) == 2, "of p1 what names no session stays"


def _files(session: str | None, person: str | None) -> list[AnyBody]:
    shown = structs.replace(recording("gate", "rec-9"), session_id=session, participant=person)
    return [shown, structs.replace(file_of("gate"), session_id=session, participant=person)]


async def _erasure(database: Database) -> tuple[int, int]:
    async with database.read() as link:
        row = (await link.execute(select(tables.erasures))).mappings().one()
    return row["objects"], row["objects_deleted"]


def _objects_in(folder: Path, bodies: list[AnyBody]) -> list[Path]:
    paths = [folder / body.key for body in bodies if isinstance(body, File | Recording)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"theirs")
    return paths


@pytest.mark.parametrize(("session", "person"), [("s1", None), (None, "p1"), ("s1", "p1")])
@pytest.mark.parametrize("late", [False, True])
async def test_their_files_go_from_object_storage_too(
    database: Database, tmp_path: Path, session: str | None, person: str | None, late: bool
) -> None:
    intake, clock = Intake(database), StillClock()
    theirs, others = _files(session, person), _files("s2", "p2")[1:]
    others = [structs.replace(others[0], file_id="other", key="sessions/gate/s2/x.csv")]
    paths, kept = _objects_in(tmp_path, theirs), _objects_in(tmp_path, others)
    batch = [incoming(body, seq) for seq, body in enumerate([*theirs, *others], start=1)]
    erasure = [incoming(Erasure(participant="p1", sessions=["s1"]), 9)]
    for part in (erasure, batch) if late else (batch, erasure):
        await intake.add(part, clock.now_ms())
    assert await _erasure(database) == (2, 0)
    await _eraser(database, FolderStorage(tmp_path), clock).delete_due()
    assert await _erasure(database) == (2, 2)
    assert not any(path.exists() for path in paths)
    assert all(path.exists() for path in kept)
    async with database.read() as link:
        assert [row.file_id for row in await link.execute(select(tables.files))] == ["other"]
        assert not (await link.execute(select(tables.recordings))).all()
    await intake.add(batch, clock.now_ms())
    assert await _erasure(database) == (2, 0), "what comes once more may have been uploaded once more"
    await _eraser(database, FolderStorage(tmp_path), clock).delete_due()
    assert await _erasure(database) == (2, 2)


async def test_storage_that_is_away_is_tried_again_ever_later(database: Database, tmp_path: Path) -> None:
    intake, clock, storage = Intake(database), StillClock(), _Away(tmp_path)
    paths = _objects_in(tmp_path, _files("s1", "p1"))
    bodies = [*_files("s1", "p1"), Erasure(participant="p1", sessions=["s1"])]
    await intake.add([incoming(body, seq) for seq, body in enumerate(bodies, start=1)], clock.now_ms())
    eraser, begun = _eraser(database, storage, clock), clock.ms
    while storage.tries < 12:
        await eraser.delete_due()
        clock.ms += 1000
    assert 5 + 10 + 20 + 40 + 80 <= (clock.ms - begun) / 1000 <= 200
    assert await _erasure(database) == (2, 0)
    storage.away = False
    clock.ms += 3_600_000
    await eraser.delete_due()
    assert await _erasure(database) == (2, 2)
    assert not any(path.exists() for path in paths)


class _Away(FolderStorage):
    """Fails until it is told not to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.away = True
        self.tries = 0

    async def delete(self, key: str) -> None:
        self.tries += 1
        if self.away:
            raise ObjectsUnavailableError("away")
        await super().delete(key)


def _eraser(database: Database, storage: FolderStorage, clock: StillClock) -> Eraser:
    metrics = WorkMetrics(CollectorRegistry())
    return Eraser(DoomedObjects(database), storage, metrics=metrics, clock=clock, rng=random.Random(1))


async def test_what_is_told_to_be_in_object_storage_is_found_by_its_key(database: Database) -> None:
    intake, closed = Intake(database), file_of("gate", "f1", phase="closed")
    film = recording("gate")
    await intake.add([incoming(closed, 1), incoming(structs.replace(film, phase="closed"), 2)], 1)
    assert not await intake.tells_of_object("gate", closed.key)
    await intake.add([incoming(structs.replace(closed, phase="uploaded"), 3)], 1)
    await intake.add([incoming(structs.replace(film, phase="uploaded"), 4)], 1)
    assert [await intake.tells_of_object("gate", key) for key in (closed.key, film.key)] == [True, True]
    assert not await intake.tells_of_object("yard", film.key)
