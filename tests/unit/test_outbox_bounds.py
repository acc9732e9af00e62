"""The store within its bounds: history first, then by the written policy, and every gap explained where it is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.codec import decode
from contract.messages import AnyBody, Event, Loss, Record, Telemetry
from edge.outbox import retention
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from tests.support.clock import FakeClock
from tests.support.outboxes import alarm, open_outbox, prediction, telemetry

TINY = OutboxSettings(linger_ms=0, max_records=2000, history_records=1000)


async def fill(outbox: Outbox, bodies: Sequence[AnyBody]) -> None:
    """Append in order, quickly."""

    await asyncio.gather(*(outbox.append(body) for body in bodies))


async def records(outbox: Outbox) -> list[Record]:
    """Everything in the outbox."""
    return [decode(one.payload, Record) for one in await outbox.pending(limit=100_000)]


def explained(found: list[Record]) -> set[int]:
    """The sequence numbers that the outbox still accounts for: those there, and those named by a loss."""
    seqs = {record.seq for record in found}
    for record in found:
        if isinstance(record.body, Loss) and record.body.first_seq and record.body.last_seq:
            seqs |= set(range(record.body.first_seq, record.body.last_seq + 1))
    return seqs


async def test_the_outbox_gives_way_from_bulk_upwards_and_says_so(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, limits=TINY) as outbox:
        await fill(outbox, [prediction()] * 1100 + [telemetry()] * 300 + [alarm()] + [prediction()] * 700)
        await outbox.tidy()
        found = await records(outbox)
        assert outbox.outbox_records == len(found) <= 2000
        assert not any(isinstance(record.body, Telemetry) for record in found)
        loss = next(record for record in found if record.seq == 1101)
        assert isinstance(loss.body, Loss)
        assert (loss.body.count, loss.body.first_seq, loss.body.last_seq) == (300, 1102, 1400)
        assert loss.body.boot == outbox.boot
        assert explained(found) == set(range(1, 2102))
        assert outbox.evicted_total == 303, "down to nine tenths, not by whole chunks"


async def test_eviction_merges_and_never_touches_alarms_or_the_head(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, limits=TINY) as outbox:
        for _ in range(3):
            await fill(outbox, ([prediction()] * 9 + [telemetry()]) * 150 + [alarm()])
            await outbox.tidy()
        found = await records(outbox)
        assert len(found) <= 2000
        assert [record.seq for record in found[: retention.SPARED_HEAD]] == list(range(1, retention.SPARED_HEAD + 1))
        assert sum(isinstance(record.body, Event) for record in found) == 3
        losses = [record.body for record in found if isinstance(record.body, Loss)]
        assert len(losses) <= 200
        assert explained(found) == set(range(1, 4504))
        real = sum(not isinstance(record.body, Loss) for record in found)
        assert real + sum(loss.count for loss in losses) == 4503
        assert real + outbox.evicted_total == 4503


async def test_alarms_outlive_every_bound(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, limits=TINY) as outbox:
        await fill(outbox, [alarm()] * 2500)
        await outbox.tidy()
        assert outbox.outbox_records == 2500


async def test_history_is_trimmed_by_number_and_age_but_never_what_waits(tmp_path: Path) -> None:
    clock = FakeClock()
    limits = OutboxSettings(linger_ms=0, history_records=1000, history_days=1)
    async with open_outbox(tmp_path, limits=limits, clock=clock) as outbox:
        await fill(outbox, [prediction()] * 1500)
        await outbox.tidy()
        assert len(await outbox.history(limit=5000)) == 1500, "nothing is acknowledged yet"
        await outbox.acknowledge(outbox.boot, 1450)
        await outbox.tidy()
        assert [row for row, _ in await outbox.history(after=0, limit=1)] == [501]
        clock.advance(2 * 86_400)
        await outbox.tidy()
        assert [row for row, _ in await outbox.history(after=0, limit=1)] == [1451], "too old, but for what waits"
        clock.trusted = False
        await outbox.acknowledge(outbox.boot, 1500)
        await outbox.tidy()
        assert len(await outbox.history(limit=5000)) == 50, "an untrusted clock ages nothing"


async def test_bytes_are_bounded(tmp_path: Path) -> None:
    limits = OutboxSettings(linger_ms=0, max_bytes=4 << 20)
    async with open_outbox(tmp_path, limits=limits) as outbox:
        await fill(outbox, [prediction()] * 12_000)
        await outbox.acknowledge(outbox.boot, 4000)
        before = outbox.outbox_records
        await outbox.tidy()
        assert await retention.used_bytes(outbox._reader) <= 4 << 20
        assert outbox.outbox_records < before
        assert [row for row, _ in await outbox.history(after=0, limit=1)] == [4001], "history went first"
        assert explained(await records(outbox)) == set(range(4001, 12_001))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from("ppptta"), min_size=10, max_size=80),
    acknowledged=st.integers(0, 40),
    rounds=st.integers(1, 3),
)
async def test_whatever_is_evicted_stays_explained(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], acknowledged: int, rounds: int
) -> None:
    bodies: dict[str, AnyBody] = {"p": prediction(), "t": telemetry(), "a": alarm()}
    spared, retention.SPARED_HEAD = retention.SPARED_HEAD, 5  # type: ignore[misc]
    try:
        async with open_outbox(tmp_path_factory.mktemp("bounds"), limits=TINY) as outbox:
            await fill(outbox, [bodies[kind] for kind in kinds])
            await outbox.acknowledge(outbox.boot, acknowledged)
            for _ in range(rounds):
                await outbox._keeper.evict(7)
                await fill(outbox, [prediction()])
            found = await records(outbox)
            assert explained(found) == set(range(min(acknowledged, len(kinds)) + 1, len(kinds) + rounds + 1))
            assert outbox.outbox_records == len(found)
            real = sum(not isinstance(record.body, Loss) for record in found)
            lost = sum(record.body.count for record in found if isinstance(record.body, Loss))
            assert real + lost == len(kinds) + rounds - min(acknowledged, len(kinds))
    finally:
        retention.SPARED_HEAD = spared  # type: ignore[misc]
