"""One suite for both databases: once each, gaps as they are, pages that stay right, people who may come in."""

import asyncio
import itertools
import random
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cloud.store import tables
from cloud.store.coverage import MOST_GAPS, Coverage
from cloud.store.database import Database
from cloud.store.errors import StoreUnavailableError, UnstorableError
from cloud.store.intake import Intake, Rejected
from cloud.store.migrate import migrate
from cloud.store.queries import CursorError, Queries, Slice
from cloud.store.rows import Incoming
from contract.messages import AnyBody, ClockFix, HealthChange, Status
from contract.times import to_wire
from tests.support.cloud import BOOT, START_MS, event, incoming, loss, opened, prediction, recording
from tests.support.ports import free_port
from tests.support.postgres import Postgres, running_postgres
from tests.support.wanting import WANTING, add_wanting

_names = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """A new database, without a schema."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'cloud.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create(f"store_{next(_names)}")


@pytest.fixture
async def database(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'cloud.db'}"
    if kind == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.migrated(f"migrated_{next(_names)}")
    async with opened(url) as found:
        yield found


async def _count(database: Database, name: str) -> int:
    async with database.read() as link:
        return int((await link.execute(select(func.count()).select_from(tables.metadata.tables[name]))).scalar_one())


async def test_a_postgresql_that_is_away_is_told_as_that_and_comes_back(postgres: Postgres) -> None:
    """The first of these: with the databases of the others to go through, a crashed server takes seconds to start."""
    async with opened(postgres.migrated("coming_back")) as database:
        intake = Intake(database)
        await intake.add([incoming(prediction(1), 1)], 10)
        postgres.stop()
        try:
            with pytest.raises(StoreUnavailableError):
                await intake.add([incoming(prediction(2), 2)], 20)
        finally:
            postgres.start()
        assert (await intake.add([incoming(prediction(2), 2)], 30)).coverage == {("gate", BOOT): Coverage(2)}


async def test_a_record_is_stored_once_however_often_it_comes(database: Database) -> None:
    intake = Intake(database)
    batch = [incoming(prediction(seq), seq) for seq in (1, 2, 3)]
    assert (await intake.add([*batch, batch[0]], 10)).fresh == 3
    stored = await intake.add([*batch, incoming(prediction(4), 4)], 20)
    assert stored.fresh == 1
    assert stored.coverage == {("gate", BOOT): Coverage(4)}
    assert await _count(database, "records") == await _count(database, "predictions") == 4


async def test_any_order_and_any_repetition_end_the_same(database: Database) -> None:
    intake, rng = Intake(database), random.Random(7)
    batch = [incoming(prediction(seq), seq) for seq in range(1, 41)]
    shuffled = batch * 2
    rng.shuffle(shuffled)
    fresh = 0
    for begin in range(0, len(shuffled), 9):
        fresh += (await intake.add(shuffled[begin : begin + 9], 10)).fresh
    assert fresh == 40
    assert await intake.coverage(("gate", BOOT)) == Coverage(40)
    assert await _count(database, "gaps") == 0


async def test_a_gap_is_seen_kept_and_closed(database: Database) -> None:
    intake, queries = Intake(database), Queries(database)
    await intake.add([incoming(prediction(seq), seq) for seq in (1, 2, 5, 9)], 10)
    coverage = await intake.coverage(("gate", BOOT))
    assert (coverage.contiguous, coverage.gaps) == (2, ((3, 4), (6, 8)))
    page = await queries.gaps("gate", Slice())
    assert [(gap["first_seq"], gap["last_seq"]) for gap in page.items] == [(6, 8), (3, 4)]
    device = (await queries.devices(Slice())).items[0]
    assert (device["contiguous"], device["highest"], device["missing"]) == (2, 9, 5)
    await intake.add([incoming(prediction(seq), seq) for seq in (7, 3, 4)], 20)
    assert await intake.coverage(("gate", BOOT)) == Coverage(9, ((6, 6), (8, 8)))


async def test_each_device_of_a_page_has_its_own_delivery(database: Database) -> None:
    """By its newest run; what is missing is of all of them, and of the gaps the newest are shown."""
    intake, older, newer = Intake(database), "00000001-deadbeef", "00000002-deadbeef"
    await intake.add([incoming(prediction(seq), seq, "gate", older) for seq in (1, 4)], 10)
    await intake.add([incoming(prediction(seq), seq, "gate", newer) for seq in (1, 2, 4, 6)], 20)
    await intake.add([incoming(prediction(seq), seq, "hall", newer) for seq in range(2, 60, 2)], 20)
    await intake.add([incoming(prediction(seq), seq, "whole", older) for seq in (1, 2, 3)], 20)
    said = Status(device="quiet", state="online", boot=BOOT, t=to_wire(START_MS))
    await intake.set_status(said, 20)
    items = {item["device"]: item for item in (await Queries(database).devices(Slice())).items}
    found = {name: (one["contiguous"], one["highest"], one["missing"]) for name, one in items.items()}
    assert found == {"gate": (2, 6, 4), "hall": (0, 58, 29), "quiet": (0, 0, 0), "whole": (3, 3, 0)}
    assert [(gap["boot"], gap["first_seq"], gap["last_seq"]) for gap in items["gate"]["gaps"]] == [
        (newer, 5, 5),
        (newer, 3, 3),
        (older, 2, 3),
    ]
    assert [gap["first_seq"] for gap in items["hall"]["gaps"]] == list(range(57, 18, -2))
    assert (items["quiet"]["delivering_boot"], items["whole"]["delivering_boot"]) == (None, older)


async def test_devices_that_somebody_should_look_at_are_found_among_all(database: Database) -> None:
    """Nothing that is over, or not so grave, is among them."""
    await add_wanting(database, START_MS)
    queries, wanted = Queries(database), Slice(wanting_ms=START_MS, limit=4)
    page = await queries.devices(wanted)
    rest = await queries.devices(wanted._replace(after=page.after))
    assert tuple(item["device"] for item in page.items + rest.items) == WANTING
    assert await queries.devices_counted(wanted) == (7, 9)
    assert await queries.devices_counted(wanted._replace(name="GA")) == (1, 9)
    assert await queries.devices_counted(Slice(name="%")) == (0, 9)


async def test_a_device_that_leaves_out_every_second_number_fills_no_table_and_still_gets_through(
    database: Database,
) -> None:
    intake, last = Intake(database), 2 * MOST_GAPS + 400
    batch = [incoming(prediction(seq), seq) for seq in range(1, last + 1)]
    stored = await intake.add(batch[1::2], 10)
    assert await _count(database, "gaps") == MOST_GAPS
    assert stored.coverage["gate", BOOT].contiguous == 0
    for begin in range(0, last, 500):
        await intake.add(batch[begin : begin + 500], 20)
    assert await intake.coverage(("gate", BOOT)) == Coverage(last)
    assert await _count(database, "gaps") == 0
    assert await _count(database, "records") == last


async def test_absurd_numbers_of_one_device_do_not_keep_the_list_of_all_from_being_shown(database: Database) -> None:
    intake, largest = Intake(database), 2**63 - 1
    for seq, boot in enumerate(("00000002-cafecafe", "00000003-cafecafe"), start=1):
        await intake.add([incoming(loss(largest, largest, boot), seq)], 10)
    await intake.add([incoming(prediction(1), 1, device="honest")], 20)
    page = await Queries(database).devices(Slice())
    assert [item["device"] for item in page.items] == ["gate", "honest"]
    assert page.items[0]["missing"] > largest


async def test_a_loss_closes_a_gap_also_of_another_boot(database: Database) -> None:
    intake, later = Intake(database), "00000002-cafecafe"
    await intake.add([incoming(prediction(seq), seq) for seq in (1, 6)], 10)
    stored = await intake.add([incoming(loss(2, 5), 1, boot=later)], 20)
    assert stored.coverage == {("gate", BOOT): Coverage(6), ("gate", later): Coverage(1)}
    assert [row["lost_boot"] for row in (await Queries(database).page("ledger", Slice())).items] == [BOOT]


async def test_a_loss_at_the_end_of_a_boot_moves_its_end(database: Database) -> None:
    intake = Intake(database)
    await intake.add([incoming(prediction(1), 1), incoming(loss(2, 9), 1, boot="00000002-cafecafe")], 10)
    assert await intake.coverage(("gate", BOOT)) == Coverage(9)


async def test_two_writers_of_one_boot_lose_nothing(url: str) -> None:
    async with opened(url) as first, opened(url) as second:
        writers = [Intake(first), Intake(second)]
        for begin in range(1, 60, 6):
            halves = [[incoming(prediction(seq), seq) for seq in range(begin + n, begin + 6, 2)] for n in (0, 1)]
            await asyncio.gather(*(w.add([*half, halves[0][0]], 5) for w, half in zip(writers, halves, strict=True)))
        assert await writers[0].coverage(("gate", BOOT)) == Coverage(60)
        assert await _count(first, "records") == 60


async def test_an_event_is_as_its_latest_step_in_any_order(database: Database) -> None:
    intake = Intake(database)
    steps = [incoming(event(1, phase=phase), seq) for seq, phase in ((1, "open"), (2, "update"), (3, "close"))]
    await intake.add([steps[2], steps[0]], 10)
    await intake.add([steps[1]], 20)
    rows = (await Queries(database).page("events", Slice())).items
    assert [(row["phase"], row["seq"]) for row in rows] == [("close", 3)]
    assert await _count(database, "records") == 3


async def test_recordings_of_the_same_id_belong_to_their_devices(database: Database) -> None:
    intake, queries = Intake(database), Queries(database)
    batch = [incoming(recording("gate", phase="closed"), 1), incoming(recording("gate"), 2)]
    await intake.add([*batch, incoming(recording("door"), 1, device="door")], 10)
    assert {row["device"]: row["phase"] for row in await queries.one("recordings", "rec-1")} == {
        "gate": "uploaded",
        "door": "uploaded",
    }
    assert len(await queries.one("recordings", "rec-1", "door")) == 1


async def test_every_kind_is_kept_whole(database: Database) -> None:
    await Intake(database).add([incoming(HealthChange(part="store", state="ok", detail="é\\u0000"), 1)], 10)
    async with database.read() as link:
        row = (await link.execute(select(tables.records))).mappings().one()
    assert (row["kind"], row["boot"], row["seq"], row["t_ms"]) == ("health", BOOT, 1, START_MS + 1)


async def test_pages_follow_each_other_while_rows_come_in(database: Database) -> None:
    intake, queries = Intake(database), Queries(database)
    for device in ("gate", "door"):
        await intake.add([incoming(prediction(seq), seq, device=device) for seq in range(1, 8)], 10)
    seen, after = [], None
    while True:
        page = await queries.page("predictions", Slice(limit=4, after=after))
        seen += [(row["device"], row["seq"]) for row in page.items]
        await intake.add([incoming(prediction(100 + len(seen)), 100 + len(seen))], 20)
        if not page.after:
            break
        after = page.after
    assert sorted(seen) == sorted((device, seq) for device in ("gate", "door") for seq in range(1, 8))


async def test_rows_are_chosen_by_device_and_time(database: Database) -> None:
    intake, queries = Intake(database), Queries(database)
    await intake.add([incoming(prediction(seq), seq) for seq in range(1, 8)], 10)
    chosen = Slice(device="gate", from_ms=START_MS + 10_000, to_ms=START_MS + 20_000)
    assert [row["seq"] for row in (await queries.page("predictions", chosen)).items] == [3, 2]
    assert not (await queries.page("predictions", Slice(device="door"))).items


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0", "bnVsbA", "é", "W1widGV4dFwiXQ"])
async def test_a_cursor_that_is_none_of_ours_is_told(database: Database, cursor: str) -> None:
    with pytest.raises(CursorError):
        await Queries(database).page("predictions", Slice(after=cursor))


async def test_a_device_comes_and_goes(database: Database) -> None:
    intake, queries = Intake(database), Queries(database)
    for state in ("online", "offline"):
        status = Status(device="gate", state=state, boot=BOOT, t="2026-11-21T08:00:00.000Z", software="1.0\0")
        await intake.set_status(status, 50)
    await intake.add([incoming(prediction(1), 1)], 90)
    device = (await queries.devices(Slice())).items[0]
    assert (device["state"], device["software"], device["first_seen_ms"], device["last_seen_ms"]) == (
        "offline",
        "1.0",
        50,
        90,
    )


async def test_rejected_messages_are_kept_in_bounds(database: Database) -> None:
    intake = Intake(database, rejected_limit=10)
    for number in range(8):
        await intake.reject([Rejected(f"t/{number}\0", "why\0", b"x" * 10_000)] * 3, number)
    async with database.read() as link:
        rows = (await link.execute(select(tables.rejected).order_by(tables.rejected.c.id))).mappings().all()
    assert len(rows) == 10
    assert rows[-1]["topic"] == "t/7"
    assert len(rows[-1]["payload"]) == 4096


async def test_a_database_that_refuses_us_is_told_as_away(tmp_path: Path) -> None:
    for url in (f"postgresql://x@127.0.0.1:{free_port()}/none", f"sqlite:///{tmp_path}"):
        database = Database(url)
        with pytest.raises(StoreUnavailableError):
            await migrate(database)
        await database.close()


async def test_an_untrusted_clock_is_put_right_in_either_order(database: Database) -> None:
    """The rule itself is tested by `tests/unit/test_cloud_times.py`; here in both databases."""
    intake = Intake(database)
    await intake.add([_untrusted(prediction(1), 1), _untrusted(event(2), 2)], 10)
    fix = ClockFix(of_boot=BOOT, at_mono_ms=500, wall_ms=START_MS + 1_000_000)
    await intake.add([incoming(fix, 3)], 20)
    await intake.add([_untrusted(prediction(4), 4)], 30)
    async with database.read() as link:
        times = list(await link.execute(select(tables.records.c.t_ms, tables.records.c.clock).order_by("seq")))
        segments = [row.start_ms for row in await link.execute(select(tables.predictions).order_by("seq"))]
        started = (await link.execute(select(tables.events.c.start_ms))).scalar_one()
    right = START_MS + 999_500
    assert times == [
        (right + 1, "corrected"),
        (right + 2, "corrected"),
        (START_MS + 3, "trusted"),
        (right + 4, "corrected"),
    ]
    assert segments == [prediction(1).start_ms + 999_500, prediction(4).start_ms + 999_500]
    assert started == event(2).start_ms + 999_500


def _untrusted(body: AnyBody, seq: int) -> Incoming:
    found = incoming(body, seq)
    return found._replace(row={**found.row, "clock": "untrusted"})


async def test_what_no_column_takes_is_told_as_that_and_not_as_a_database_that_is_away(postgres: Postgres) -> None:
    """Whoever takes it for an outage tries for ever, with everybody waiting behind."""
    one = incoming(prediction(), 1)
    async with opened(postgres.migrated("values")) as database:
        for wrong in ({"task": "a\0b"}, {"segment_index": 2**63}, {"session_id": secrets.token_hex(20_000)}):
            with pytest.raises(UnstorableError):
                await Intake(database).add([one._replace(typed={**(one.typed or {}), **wrong})], 1)
        assert await _count(database, "records") == 0
