"""What a failing card leaves in and beside the store: a start repairs it, and damage never ends each run."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest

from contract.codec import decode
from contract.messages import Record
from edge.core.errors import StoreError
from edge.outbox import database
from edge.outbox.store import Outbox
from tests.support.outboxes import add_recording, open_outbox, prediction, telemetry


async def _filled(folder: Path) -> Path:
    """Two runs with records and two uploads, closed in good order."""
    async with open_outbox(folder) as outbox:
        await outbox.append(prediction())
        await add_recording(outbox, folder, "rec-1", b"video")
    async with open_outbox(folder) as outbox:
        await outbox.append(telemetry())
        await add_recording(outbox, folder, "rec-2", b"video")
        await outbox.uploads.begin("rec-2", "u-2", 5)
        await outbox.uploads.add_part("rec-2", 1, "tag", size_bytes=5)
    return folder / "store.db"


async def _use(outbox: Outbox) -> None:
    """Everything that reads what is there; where damage shows only then, it is told as such."""
    await outbox.append(telemetry())
    await outbox.pending(limit=100)
    await outbox.counts()
    await outbox.history(limit=100)
    await outbox.uploads.heads()
    await outbox.uploads.listing(10)
    await outbox.uploads.get("rec-2")
    await outbox.uploads.growing()
    await outbox.uploads.strays()
    await outbox.uploads.phases("rec-2")
    await outbox.commands.opened()
    await outbox.restamper.doubted_runs()
    await outbox.erase("P404", [])
    await outbox.tidy()


def _sql(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as store:
            store.execute("PRAGMA ignore_check_constraints = ON")
            store.execute("PRAGMA foreign_keys = OFF")
            assert store.execute(statement.replace("NO_TEXT", _NO_TEXT)).rowcount > 0
            store.commit()

    return damage


def _payload(old: str, new: str) -> Callable[[Path], None]:
    changed = f"CAST(replace(CAST(payload AS TEXT), '{old}', '{new}') AS BLOB)"
    return _sql(f"UPDATE records SET payload = {changed} WHERE row = 3")  # noqa: S608


_NO_TEXT: Final = "CAST(X'FFFE41' AS TEXT)"
ROWS: Final = {
    "payload": _sql("UPDATE records SET payload = X'00' WHERE row = 3"),
    "time": _payload("T", "#"),
    "run of a record": _sql("UPDATE records SET boot = 77 WHERE row = 3"),
    "kind": _sql("UPDATE records SET kind = NO_TEXT WHERE row = 3"),
    "subject": _sql("UPDATE records SET subject = NO_TEXT WHERE row = 3"),
    "leaf": _sql("UPDATE outbox SET leaf = NO_TEXT WHERE row = 3"),
    "run": _sql("UPDATE boots SET boot = NO_TEXT WHERE number = 2"),
    "name of a run": _sql("UPDATE boots SET boot = 'x' WHERE number = 2"),
    "host": _sql("UPDATE boots SET host_boot = NO_TEXT WHERE number = 2"),
    "upload": _sql("UPDATE uploads SET body = X'7B7D' WHERE id = 'rec-2'"),
    "upload in no UTF-8": _sql("UPDATE uploads SET body = X'7B22FF227D' WHERE id = 'rec-2'"),
    "kind of upload": _sql("UPDATE uploads SET kind = 'what' WHERE id = 'rec-2'"),
    "path": _sql("UPDATE uploads SET path = '/a' || char(0) || 'b' WHERE id = 'rec-2'"),
    "path in no UTF-8": _sql("UPDATE uploads SET path = NO_TEXT WHERE id = 'rec-2'"),
    "lane": _sql("UPDATE uploads SET lane = NO_TEXT WHERE id = 'rec-2'"),
    "tag": _sql("UPDATE parts SET etag = NO_TEXT"),
}


@pytest.mark.parametrize("damage", ROWS.values(), ids=ROWS.keys())
async def test_a_damaged_row_in_a_sound_page_is_repaired_at_the_start(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(await _filled(tmp_path))
    async with open_outbox(tmp_path) as outbox:
        await _use(outbox)
        assert not database.suspect_mark(tmp_path / "store.db").exists()
        assert any(record.body for _, record in await outbox.history("prediction"))


@pytest.mark.parametrize("damage", ROWS.values(), ids=ROWS.keys())
async def test_a_damaged_row_of_a_store_too_big_to_be_looked_through_ends_one_run_at_most(
    tmp_path: Path, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by whoever meets it, by a `StoreError`, and the next start repairs it."""
    damage(await _filled(tmp_path))
    monkeypatch.setattr(database, "CHECK_LIMIT_BYTES", 0)
    with suppress(StoreError, sqlite3.DatabaseError):
        async with open_outbox(tmp_path) as outbox:
            await _use(outbox)
    async with open_outbox(tmp_path) as outbox:
        await _use(outbox)
        await outbox.pending(limit=100)


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.with_name(f"store.db{name}").write_bytes(content)

    return damage


def _folder(name: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.with_name(f"store.db{name}").unlink(missing_ok=True)
        path.with_name(f"store.db{name}").mkdir()

    return damage


def _dangling(name: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.with_name(f"store.db{name}").unlink(missing_ok=True)
        path.with_name(f"store.db{name}").symlink_to("nowhere")

    return damage


BESIDE: Final = {
    "counter empty": _write(".boots", b""),
    "counter zeros": _write(".boots", bytes(9)),
    "counter in no UTF-8": _write(".boots", b"\xff\xff"),
    "counter huge": _write(".boots", b"9" * 5000),
    "counter too big": _write(".boots", b"999999999999"),
    "counter below zero": _write(".boots", b"-7"),
    "counter a folder": _folder(".boots"),
    "counter nowhere": _dangling(".boots"),
    "mark of damage": _write(".suspect", b""),
    "mark of repair": _write(".repaired", b"\xff\0"),
}


@pytest.mark.parametrize("damage", BESIDE.values(), ids=BESIDE.keys())
async def test_what_lies_beside_the_store_ends_no_start(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = await _filled(tmp_path)
    damage(path)
    boots = []
    for _ in range(2):
        async with open_outbox(tmp_path) as outbox:
            await _use(outbox)
            boots.append(outbox.boot)
            outbox.repair_is_over()
            assert not database.suspect_mark(path).is_file()
            for one in await outbox.pending(limit=100):
                decode(one.payload, Record)
    assert boots[0] < boots[1]
