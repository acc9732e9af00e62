"""What lies where a file of the store belongs and is none is put aside, and the store opens."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.codec import decode
from contract.messages import Loss, Record
from edge.core.errors import StoreError
from edge.outbox import database
from edge.outbox.repair.strangers import put_strangers_aside
from tests.support.clock import FakeClock
from tests.support.outboxes import open_outbox, prediction

_WITHIN_S = 60.0


def _folder(place: Path) -> None:
    place.mkdir()
    (place / "something").write_text("of somebody")


def _asides(folder: Path, suffix: str = "") -> list[Path]:
    return list(folder.glob(f"store.db.damaged-*{suffix}"))


STRANGERS: dict[str, Callable[[Path], None]] = {"folder": _folder, "empty": Path.mkdir, "pipe": os.mkfifo}
BESIDE = ("-wal", "-shm", "-journal", ".salvaging", ".salvaging-wal", ".salvaged", ".suspect", ".repaired", ".boots")


@pytest.mark.parametrize("suffix", BESIDE)
@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
async def test_what_is_no_file_beside_the_store_costs_nothing(
    tmp_path: Path, suffix: str, stranger: Callable[[Path], None]
) -> None:
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(prediction())
    place = tmp_path / f"store.db{suffix}"
    place.unlink(missing_ok=True)
    stranger(place)
    async with asyncio.timeout(_WITHIN_S), open_outbox(tmp_path) as outbox:
        assert len(await outbox.pending()) == 1
        await outbox.append(prediction(1))
    assert len(_asides(tmp_path, suffix)) == 1


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
async def test_in_the_place_of_the_store_it_is_kept_and_told(tmp_path: Path, stranger: Callable[[Path], None]) -> None:
    stranger(tmp_path / "store.db")
    async with asyncio.timeout(_WITHIN_S), open_outbox(tmp_path) as outbox:
        (told,) = await outbox.pending()
        body = decode(told.payload, Record).body
        assert isinstance(body, Loss)
        (aside,) = _asides(tmp_path)
        assert aside.name in body.reason
        assert outbox.repaired, "files are offered again"
        await outbox.erase("p1", [])
        assert not aside.exists(), "nothing can be erased from within it"
    async with open_outbox(tmp_path) as outbox:
        assert len(await outbox.pending()) == 1, "told once"


async def test_a_store_that_was_being_put_in_its_place_still_gets_there(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(prediction())
    (tmp_path / "store.db").rename(tmp_path / "store.db.salvaged")
    (tmp_path / "store.db").mkdir()
    async with open_outbox(tmp_path) as outbox:
        assert len(await outbox.pending()) == 1


def test_what_cannot_be_moved_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store.db").mkdir()

    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StoreError, match=r"store\.db: no file.*busy.*start again"):
        put_strangers_aside(tmp_path / "store.db", 1)


async def test_damaged_folders_are_thinned_out_like_files(tmp_path: Path) -> None:
    clock = FakeClock()
    for _ in range(4):
        (tmp_path / "store.db-wal").unlink(missing_ok=True)
        _folder(tmp_path / "store.db-shm")
        async with open_outbox(tmp_path, clock=clock):
            pass
        clock.advance(5)
    assert len(_asides(tmp_path)) <= 2


async def test_what_was_put_aside_and_cannot_be_deleted_ends_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with something of root's in it."""

    def refuse(_aside: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(database, "_delete", refuse)
    for moment in (1, 2, 3):
        _folder(tmp_path / f"store.db.damaged-{moment}")
    (tmp_path / "store.db").write_bytes(b"not a database, but big enough to be looked at" * 100)
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(prediction())
