"""A damaged store: what lies in whole pages is saved with its identity, what is gone is told, and life goes on."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.codec import decode
from contract.messages import Label, Loss, Prediction, Record
from edge.core.clock import Stamp
from edge.core.errors import StoreError
from edge.outbox import database
from edge.outbox.repair import opening
from edge.outbox.repair.pages import PAGE_BYTES, BrokenError, Pages
from edge.outbox.repair.salvage import salvage
from edge.outbox.store import Outbox
from tests.support.clock import START_MS, FakeClock
from tests.support.outboxes import add_recording, alarm, open_outbox, prediction, recording, telemetry

ACKED = 40
ROWS = 240
Damage = Callable[[bytearray], None]


async def _filled(folder: Path) -> Path:
    """A store of two runs with acknowledged and waiting records and two uploads, cleanly closed."""
    async with open_outbox(folder) as outbox:
        await asyncio.gather(*(outbox.append(prediction(index)) for index in range(ROWS // 2)))
        await outbox.acknowledge(outbox.boot, ACKED)
    async with open_outbox(folder) as outbox:
        bodies = [alarm() if index % 10 == 0 else telemetry() for index in range(ROWS // 2 - 2)]
        await asyncio.gather(*(outbox.append(body) for body in bodies))
        for name in ("rec-1", "rec-2"):
            await add_recording(outbox, folder, name, b"video")
    return folder / "store.db"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that nobody may change."""
    return asyncio.run(_filled(tmp_path_factory.mktemp("sound")))


def _rows_by_page(path: Path) -> dict[int, dict[int, bytes]]:
    """The records that lie in each page, by row."""
    found: dict[int, dict[int, bytes]] = {}
    with closing(Pages(path)) as pages:
        for number in range(1, pages.count + 1):
            try:
                cells = list(pages._cells_of(number))
            except BrokenError:
                continue
            records = {cell.rowid: cell.values[5] for cell in cells if cell.rowid and len(cell.values) == 6}
            found[number] = {row: payload for row, payload in records.items() if isinstance(payload, bytes)}
    return found


def _copy(sound: Path, folder: Path) -> Path:
    path = folder / "store.db"
    for old in folder.glob("store.db*"):
        old.unlink()
    for one in sound.parent.glob("store.db*"):
        shutil.copy(one, folder / one.name)
    return path


def _beside(folder: Path, ending: str) -> list[Path]:
    """Files of the store whose names end so."""
    return list(folder.glob(f"store.db.{ending}" if ending else "store.db*"))


def _killed_copy(folder: Path) -> Path:
    """What a kill would leave now."""
    crashed = folder / "crashed"
    crashed.mkdir()
    for one in _beside(folder, ""):
        shutil.copy(one, crashed / one.name)
    return crashed


@asynccontextmanager
async def _opened(sound: Path, folder: Path, damage: Damage) -> AsyncIterator[Outbox]:
    path = _copy(sound, folder)
    data = bytearray(path.read_bytes())
    damage(data)
    path.write_bytes(data)
    async with open_outbox(folder, clock=FakeClock()) as outbox:
        yield outbox


def _zero(page: int) -> Damage:
    def damage(data: bytearray) -> None:
        data[(page - 1) * PAGE_BYTES : page * PAGE_BYTES] = bytes(PAGE_BYTES)

    return damage


def _told(records: list[Record]) -> set[tuple[str, int]]:
    """The numbers of which a `Loss` says that they will never come."""
    bodies = [record.body for record in records if isinstance(record.body, Loss)]
    return {
        (body.boot, seq)
        for body in bodies
        if body.boot and body.first_seq and body.last_seq
        for seq in range(body.first_seq, body.last_seq + 1)
    }


async def test_every_page_of_records_may_go_and_the_others_stay(sound: Path, tmp_path: Path) -> None:
    """Point 6: quarantined, salvaged, reported; identity stays, nothing is doubled, every gap is explained."""
    pages = _rows_by_page(sound)
    everything = {row: payload for rows in pages.values() for row, payload in rows.items()}
    assert len(everything) == ROWS
    for page, lost in pages.items():
        if not lost:
            continue
        async with _opened(sound, tmp_path, _zero(page)) as outbox:
            history = await outbox.history(limit=10_000)
            kept = {row: record for row, record in history if row <= ROWS}
            assert set(kept) == set(everything) - set(lost)
            waiting = {(one.boot, one.seq) for one in await outbox.pending(limit=10_000)}
            gone = {decode(payload, Record).id for row, payload in lost.items() if row > ACKED}
            told = _told([record for _, record in history])
            assert {f"{boot}:{seq}" for boot, seq in told} >= gone, "the cloud waits for nothing"
            assert waiting >= {(one.boot, one.seq) for row, one in kept.items() if row > ACKED}
            assert _beside(tmp_path, "damaged-*")


@pytest.mark.parametrize("page", range(1, 13))
async def test_any_one_page_may_go(sound: Path, tmp_path: Path, page: int) -> None:
    """Also those of the schema, of indexes, of the outbox and of the uploads."""
    async with _opened(sound, tmp_path, _zero(page)) as outbox:
        there = {row for rows in _without(_rows_by_page(sound), {page}) for row in rows}
        assert there <= {row for row, _ in await outbox.history(limit=10_000)}
        await outbox.append(alarm())
        await outbox.uploads.pending()


def _without(pages: dict[int, dict[int, bytes]], damaged: set[int]) -> list[dict[int, bytes]]:
    return [rows for page, rows in pages.items() if page not in damaged]


faults = st.lists(
    st.one_of(
        st.tuples(st.just("zero"), st.floats(0, 0.999)),
        st.tuples(st.just("flip"), st.floats(0, 0.999)),
        st.tuples(st.just("noise"), st.floats(0, 0.999)),
    ),
    min_size=1,
    max_size=6,
)


@given(faults, st.one_of(st.none(), st.floats(0, 0.999)), st.integers(0, 7))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_damaged(
    sound: Path, tmp_path: Path, chosen: list[tuple[str, float]], cut: float | None, bit: int
) -> None:
    """Property: it opens, intact pages are all there, no number twice or anew, and a repair is told."""
    before = _rows_by_page(sound)
    damaged: set[int] = set()

    def damage(data: bytearray) -> None:
        size = len(data)
        for what, where in chosen:
            at = int(where * size)
            page = at // PAGE_BYTES
            damaged.add(page + 1)
            if what == "flip":
                data[at] ^= 1 << bit
            else:
                fill = bytes(PAGE_BYTES) if what == "zero" else bytes(range(256)) * (PAGE_BYTES // 256)
                data[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = fill
        if cut is not None:
            del data[int(cut * size) :]
            damaged.update(range(int(cut * size) // PAGE_BYTES + 1, size // PAGE_BYTES + 2))

    async def check() -> None:
        known = {decode(payload, Record).boot for rows in before.values() for payload in rows.values()}
        async with _opened(sound, tmp_path, damage) as outbox:
            assert outbox.boot not in known
            fresh = await outbox.append(alarm())
            history = await outbox.history(limit=10_000)
            kept = dict(history)
            intact = {row: payload for rows in _without(before, damaged) for row, payload in rows.items()}
            assert set(intact) <= set(kept)
            assert all(kept[row] == decode(payload, Record) for row, payload in intact.items())
            ids = [record.id for _, record in history]
            assert len(set(ids)) == len(ids), "no number stands twice"
            assert fresh.boot == outbox.boot
            assert fresh.seq == 1 or _beside(tmp_path, "damaged-*"), "numbers begin anew with the run"
            if _beside(tmp_path, "damaged-*"):
                assert any(isinstance(record.body, Loss) and "damaged" in record.body.reason for _, record in history)

    asyncio.run(check())


async def test_a_damaged_frame_of_the_log_costs_only_itself(tmp_path: Path) -> None:
    """SQLite would drop every commit behind it and say nothing."""
    async with open_outbox(tmp_path) as outbox:
        for index in range(30):
            await outbox.append(prediction(index))
        there = {record.id for _, record in await outbox.history()}
        crashed = _killed_copy(tmp_path)
    log = bytearray((crashed / "store.db-wal").read_bytes())
    frame = PAGE_BYTES + 24
    middle = 32 + (len(log) - 32) // frame // 2 * frame
    log[middle + 24 + 100] ^= 1
    (crashed / "store.db-wal").write_bytes(log)
    async with open_outbox(crashed) as outbox:
        kept = {record.id for _, record in await outbox.history()}
        assert len(there - kept) <= 1, "a page is written anew with the next commit"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a kill leaves of a store whose records are in its log still."""
    folder = tmp_path_factory.mktemp("killed")

    async def fill() -> Path:
        async with open_outbox(folder) as outbox:
            for index in range(60):
                await outbox.append(prediction(index))
            return _killed_copy(folder)

    return asyncio.run(fill()) / "store.db"


@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 7)), max_size=5), st.one_of(st.none(), st.floats(0, 1)))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_damaged_in_the_log(
    killed: Path, tmp_path: Path, flips: list[tuple[float, int]], cut: float | None
) -> None:
    """Property: it opens, no number stands twice, what is there is what was said, and life goes on."""

    async def check() -> None:
        path = _copy(killed, tmp_path)
        log = path.with_name("store.db-wal")
        data = bytearray(log.read_bytes())
        for where, bit in flips:
            data[int(where * len(data))] ^= 1 << bit
        log.write_bytes(data if cut is None else data[: int(cut * len(data))])
        async with open_outbox(tmp_path, clock=FakeClock()) as outbox:
            assert (await outbox.append(alarm())).boot == outbox.boot
            history = await outbox.history(limit=1000)
            said = [record for _, record in history if isinstance(record.body, Prediction)]
            assert [record.seq for record in reversed(said)] == sorted({record.seq for record in said})
            assert all(record.body == prediction(record.seq - 1) for record in said)
            if not flips and cut is None:
                assert len(said) == 60

    asyncio.run(check())


async def test_a_torn_last_commit_is_no_damage(tmp_path: Path) -> None:
    """A power cut in the middle of a commit: nobody was told, and SQLite itself knows how to go on."""
    async with open_outbox(tmp_path) as outbox:
        for index in range(10):
            await outbox.append(prediction(index))
        crashed = _killed_copy(tmp_path)
    log = bytearray((crashed / "store.db-wal").read_bytes())
    log[-100] ^= 1
    (crashed / "store.db-wal").write_bytes(log)
    async with open_outbox(crashed) as outbox:
        assert len(await outbox.history()) == 9
        assert not _beside(crashed, "damaged-*")


async def test_damage_that_shows_in_reading_ends_the_run_and_the_next_repairs_it(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a file too big to be read whole at every start."""
    monkeypatch.setattr(database, "CHECK_LIMIT_BYTES", 0)
    page = next(page for page, rows in _rows_by_page(sound).items() if ROWS // 2 in rows)
    async with _opened(sound, tmp_path, _zero(page)) as outbox:
        assert not _beside(tmp_path, "damaged-*"), "nobody looked"
        with pytest.raises(StoreError, match="cannot read"):
            await outbox.history(limit=10_000)
        with pytest.raises(database.StoreDamagedError, match="restart"):
            await asyncio.wait_for(outbox.run(), 5)
    async with open_outbox(tmp_path, clock=FakeClock()) as outbox:
        assert len(await outbox.history(limit=10_000)) > ROWS - 30
        assert outbox.repaired
        assert not _beside(tmp_path, "suspect")


_READINGS: Final[dict[str, Callable[[Outbox], Awaitable[object]]]] = {
    "history": lambda outbox: outbox.history(),
    "counts": lambda outbox: outbox.counts(),
    "phases": lambda outbox: outbox.uploads.phases("r-1"),
    "offer": lambda outbox: outbox.uploads.add("r-1", Path("r-1.mp4")),
    "recall": lambda outbox: outbox.recall(outbox.boot, 1, 2),
    "erase": lambda outbox: outbox.erase("p-1", []),
    "mendable": lambda outbox: outbox.restamper.is_mendable(outbox._boots.current),
}


@pytest.mark.parametrize("reading", _READINGS)
async def test_a_damaged_record_in_a_sound_page_is_damage_whoever_reads_it(tmp_path: Path, reading: str) -> None:
    """No check of SQLite finds it: each run of the daemon would end by it, a second after its start."""
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(recording("r-1", b"video"))
        await outbox.acknowledge(outbox.boot, 1 if reading == "recall" else 0)
        with closing(sqlite3.connect(tmp_path / "store.db")) as store:
            kind = {"erase": "session", "mendable": "clock"}.get(reading, "recording")
            store.execute("UPDATE records SET payload = x'7b00', kind = ?", (kind,))
            store.commit()
        with pytest.raises(StoreError, match="damaged"):
            await _READINGS[reading](outbox)
        assert _beside(tmp_path, "suspect")
        with pytest.raises(StoreError):
            await asyncio.wait_for(outbox.run(), 5)
    async with open_outbox(tmp_path) as outbox:
        assert outbox.repaired
        await outbox.counts()
    assert not _beside(tmp_path, "suspect")


async def test_who_was_erased_does_not_come_back(tmp_path: Path) -> None:
    label = Label(
        label_id="l-1",
        participant="p-17",
        session_id="s-1",
        at_ms=START_MS,
        source="probe",
        probe="HH",
        reason="SECRET",
    )
    async with open_outbox(tmp_path) as outbox:
        for index in range(20):
            await outbox.append(prediction(index))
        await outbox.append(label)
        await outbox.erase("p-17", ["s-1"])
        await outbox.append(prediction(99))
    path = tmp_path / "store.db"
    data = bytearray(path.read_bytes())
    data[:PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(data)
    async with open_outbox(tmp_path) as outbox:
        bodies = [record.body for _, record in await outbox.history(limit=1000)]
        assert not any(isinstance(body, Label) for body in bodies)
        assert any(isinstance(body, Loss) and "erased" in body.reason for body in bodies)
        await outbox.erase("p-17", ["s-1"])
    assert not any(b"SECRET" in one.read_bytes() for one in _beside(tmp_path, ""))
    assert not _beside(tmp_path, "damaged-*")


@pytest.mark.parametrize("step", ["build", "aside", "rename"])
async def test_killed_in_its_repair_it_goes_on(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Killed while the new file grows, before the old one is put aside, and between that and the last renaming."""
    lost = next(page for page, rows in _rows_by_page(sound).items() if len(rows) > 5)
    killed = RuntimeError("killed")
    real_put_aside, real_salvage = database.put_aside, salvage

    def put_aside(path: Path, wall_ms: int) -> Path:
        aside = real_put_aside(path, wall_ms) if step == "rename" else path
        if step in {"aside", "rename"}:
            raise killed
        return aside

    def build(damaged: Path, fresh: Path, *, aside: str, now: Stamp) -> None:
        real_salvage(damaged, fresh, aside=aside, now=now)
        raise killed

    monkeypatch.setattr(database, "put_aside", put_aside)
    if step == "build":
        monkeypatch.setattr(opening, "salvage", build)
    with pytest.raises(RuntimeError):
        async with _opened(sound, tmp_path, _zero(lost)):
            pass
    monkeypatch.undo()
    async with open_outbox(tmp_path, clock=FakeClock()) as outbox:
        history = await outbox.history(limit=10_000)
        damage = [r for _, r in history if isinstance(r.body, Loss) and "repaired" in r.body.reason]
        assert len(damage) == 1, "told once"
        assert len([row for row, _ in history if row <= ROWS]) >= ROWS - 30


async def test_no_room_for_a_repair_begins_a_fresh_store(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(opening, "salvage", full)
    async with _opened(sound, tmp_path, _zero(3)) as outbox:
        bodies = [record.body for _, record in await outbox.history()]
        assert [type(body) for body in bodies] == [Loss]
    assert _beside(tmp_path, "damaged-*")[0].read_bytes()[PAGE_BYTES * 3 :]
    assert not _beside(tmp_path, "salvag*")


async def test_strays_and_what_people_switched_survive(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        for name in ("rec-1", "rec-2"):
            await add_recording(outbox, tmp_path, name, b"video")
        await outbox.uploads.begin("rec-1", "begun", 5 << 20)
        await outbox.uploads.forget("rec-1")
        await outbox.uploads.pause_all(paused=True)
        strays = await outbox.uploads.strays()
        assert strays
    for damage in (_zero(1), *(_page_of(tmp_path / "store.db", table) for table in ("boots", "records"))):
        path = tmp_path / "store.db"
        data = bytearray(path.read_bytes())
        damage(data)
        path.write_bytes(data)
        async with open_outbox(tmp_path, clock=FakeClock()) as outbox:
            assert outbox.repaired
            assert await outbox.uploads.strays() == strays
            assert await outbox.uploads.all_paused()
        with closing(sqlite3.connect(path)) as plain:
            assert plain.execute("SELECT name FROM upload_switches").fetchall() == [("paused",)]


@pytest.mark.parametrize("table", ["strays", "upload_switches"])
async def test_damage_of_a_small_table_is_found_at_the_start_of_a_store_too_big_to_be_read(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(database, "CHECK_LIMIT_BYTES", 0)
    async with _opened(sound, tmp_path, _page_of(sound, table)) as outbox:
        assert outbox.repaired
        assert not await outbox.uploads.all_paused()
        assert await outbox.uploads.strays() == []


def _page_of(path: Path, table: str) -> Damage:
    with closing(sqlite3.connect(path)) as plain:
        return _zero(plain.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0])


async def test_what_was_repaired_is_known_until_all_files_were_offered_again(sound: Path, tmp_path: Path) -> None:
    """A kill between the repair and that offer must not leave files that nobody sends."""
    async with _opened(sound, tmp_path, _zero(1)) as outbox:
        assert outbox.repaired
    async with open_outbox(tmp_path, clock=FakeClock()) as outbox:
        assert outbox.repaired
        outbox.repair_is_over()
        assert not outbox.repaired
    async with open_outbox(tmp_path, clock=FakeClock()) as outbox:
        assert not outbox.repaired


@pytest.mark.parametrize("saved", [True, False])
async def test_a_repair_that_was_killed_before_it_was_told_is_told_and_known(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, saved: bool
) -> None:
    """Killed after the new store took its place and before anything else."""
    path = _copy(sound, tmp_path)
    data = bytearray(path.read_bytes())
    data[:PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(data)
    if not saved:
        monkeypatch.setattr(opening, "salvage", _full)
    opened = await opening.open_or_repair(path, FakeClock())
    await opened.connection.close()
    monkeypatch.undo()
    for _ in range(2):
        async with open_outbox(tmp_path, clock=FakeClock()) as outbox:
            assert outbox.repaired
            found = [record.body for _, record in await outbox.history("loss", limit=100)]
            told = [body.reason for body in found if isinstance(body, Loss) and "damaged" in body.reason]
            assert sum("damaged-" in reason for reason in told) == 1, told


def _full(*_: object, **__: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_disk_that_damages_stores_again_and_again_is_not_filled_with_them(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for wall_ms in (1_000, 2_000, 3_000, 500):
        for ending in ("", "-wal"):
            path.with_name(path.name + ending).write_bytes(b"?")
        database.put_aside(path, wall_ms)
    assert sorted(one.name[17:] for one in _beside(tmp_path, "damaged-*")) == ["3000", "3000-wal", "500", "500-wal"]
