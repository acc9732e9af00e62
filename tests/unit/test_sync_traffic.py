"""Who goes first, who may wait, and what is answered to a cloud that misses something (docs/decisions/0012)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.codec import decode
from contract.messages import Ack, AnyBody, Loss, Record
from edge.core.errors import StoreDelayedError
from edge.outbox.recall import REASON
from edge.outbox.rows import ALARM, Pending
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from edge.sync.traffic import Traffic
from edge.sync.window import Lane
from tests.support.clock import FakeClock
from tests.support.old_store import old_store
from tests.support.outboxes import alarm, open_outbox, prediction, telemetry

STALE_S = 5.0
STRANGER = "00000009-0badcafe"


def traffic_of(outbox: Outbox, clock: FakeClock, window_records: int = 100) -> Traffic:
    traffic = Traffic(outbox, clock, window_records=window_records, stale_after_s=STALE_S)
    outbox.under_way = traffic.window.holds
    traffic.begin()
    return traffic


async def fill(outbox: Outbox, count: int, make: Callable[[], AnyBody] = prediction) -> None:
    await asyncio.gather(*(outbox.append(make()) for _ in range(count)))


class Link:
    """Sends what is next, and says which sequence numbers that were."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.mid = 0

    async def send(self, room: int = 100) -> list[int]:
        return self.put(await self.traffic.next(room))

    def put(self, going: list[tuple[Lane, Pending]]) -> list[int]:
        for lane, record in going:
            self.mid += 1
            self.traffic.sent(lane, record, self.mid)
        return [record.seq for _, record in going]


async def losses(outbox: Outbox) -> list[tuple[str | None, int | None, int | None]]:
    bodies = [record.body for _, record in await outbox.history("loss", after=0, limit=1000)]
    return [(one.boot, one.first_seq, one.last_seq) for one in bodies if isinstance(one, Loss) and one.reason == REASON]


async def test_alarms_overtake_whatever_waits_in_their_own_order(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        for index in range(60):
            await outbox.append(alarm() if index % 20 == 19 else prediction())
        link = Link(traffic_of(outbox, clock))
        assert (await link.send(5))[:3] == [20, 40, 60]
        await outbox.append(alarm())
        assert (await link.send(2))[0] == 61, "a new one goes before the backlog too"


async def test_live_and_backlog_share_and_the_one_takes_all_that_the_other_leaves(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 200)
        link = Link(traffic_of(outbox, clock))
        assert await link.send(40) == list(range(1, 41)), "nothing live: all for the backlog"
        await outbox.acknowledge(outbox.boot, 40)
        link.traffic.window.acknowledged(outbox.boot, 40)
        await fill(outbox, 30)
        sent = await link.send(40)
        assert sorted(sent) == [*range(41, 61), *range(201, 221)]
        assert sorted(await link.send(40)) == [*range(61, 81), *range(221, 231)], (
            "the rest that is live fits in its half"
        )
        assert await link.send(40) == [*range(81, 99)], "an eighth stays free for alarms"


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_in_a_narrow_window_neither_lane_starves(tmp_path: Path, limit: int) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 40)
        link = Link(traffic_of(outbox, clock, limit))
        await fill(outbox, 40)
        seen = list[int]()
        for _ in range(14):
            sent = await link.send()
            assert sent, "something always goes"
            seen += sent
            link.traffic.window.rewind()
        live = sum(seq > 40 for seq in seen)
        assert abs(live - (len(seen) - live)) <= len(seen) // 3, seen


async def test_alarms_that_nobody_acknowledges_hold_nothing_else_up(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 300, alarm)
        await fill(outbox, 50)
        link = Link(traffic_of(outbox, clock))
        assert await link.send() == [*range(1, 76), *range(301, 326)]


async def test_what_overtook_is_forgotten_by_proof_and_not_sent_twice(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 50)
        await fill(outbox, 3, alarm)
        traffic = traffic_of(outbox, clock)
        link = Link(traffic)
        await link.send(10)
        assert await traffic.acknowledged(Ack(boot=outbox.boot, seq=0, missing=[(1, 50)], highest=53))
        assert (outbox.outbox_records, len(traffic.window)) == (50, 7)
        assert not await traffic.acknowledged(Ack(boot=outbox.boot, seq=0, missing=[(1, 50)], highest=53)), "no news"
        assert await traffic.asked_for(Ack(boot=outbox.boot, seq=0, missing=[(1, 50)], highest=53)) == []
        clock.advance(STALE_S * 3)
        again = await traffic.asked_for(Ack(boot=outbox.boot, seq=0, missing=[(1, 50)], highest=53))
        assert again == [], "not sent before the alarms, or not sent at all"
        traffic.begin()
        assert await link.send(100) == list(range(1, 51))


async def test_a_cloud_that_forgot_gets_again_what_the_history_has(tmp_path: Path) -> None:
    """A database came back from a copy, or the list of gaps was too long to be kept whole."""
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 5)
        await outbox.append(alarm())
        await fill(outbox, 4, telemetry)
        traffic = traffic_of(outbox, clock)
        link = Link(traffic)
        await link.send()
        await traffic.acknowledged(Ack(boot=outbox.boot, seq=10))
        assert outbox.outbox_records == 0
        again = await traffic.asked_for(Ack(boot=outbox.boot, seq=2, missing=[(3, 8)], highest=10))
        assert [(lane, one.seq, one.leaf) for lane, one in again][:4] == [
            (Lane.BACKLOG, 3, "predictions"),
            (Lane.BACKLOG, 4, "predictions"),
            (Lane.BACKLOG, 5, "predictions"),
            (Lane.ALARMS, 6, "events"),
        ]
        assert again[3][1].rank == ALARM
        assert outbox.outbox_records == 6, "they wait until the cloud has them"
        assert await losses(outbox) == []


async def test_what_is_gone_is_told_once_and_only_if_nobody_else_tells_of_it(tmp_path: Path) -> None:
    clock = FakeClock()
    boot = old_store(tmp_path, 5, [prediction() for _ in range(9)])
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await outbox.append(Loss(what="records", reason="told", count=2, boot=boot, first_seq=20, last_seq=21))
        await outbox.append(prediction())
        traffic = traffic_of(outbox, clock)
        ack = Ack(boot=boot, seq=9, missing=[(12, 22)], highest=30)
        strange = Ack(boot=STRANGER, seq=0, missing=[(1, 700)], highest=800)
        await Link(traffic).send()
        for _ in range(3):
            clock.advance(STALE_S * 2)
            assert await traffic.asked_for(ack) == []
            assert await traffic.asked_for(strange) == []
        assert await losses(outbox) == [(boot, 12, 19), (boot, 22, 22), (STRANGER, 1, 700)]
    async with open_outbox(tmp_path, clock=clock) as outbox:
        traffic = traffic_of(outbox, clock)
        assert await traffic.asked_for(strange) == []
        assert len(await losses(outbox)) == 3, "a restart remembers what waits to be told"


async def test_numbers_that_were_never_used_are_never_lost(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 3)
        traffic = traffic_of(outbox, clock)
        await Link(traffic).send()
        await traffic.acknowledged(Ack(boot=outbox.boot, seq=3))
        clock.advance(60)
        assert await traffic.asked_for(Ack(boot=outbox.boot, seq=3, missing=[(4, 2**60)])) == []
        assert await losses(outbox) == []


async def test_where_the_broker_is_enough_an_alarm_takes_nothing_with_it(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 5)
        await outbox.append(alarm())
        traffic = traffic_of(outbox, clock)
        assert await Link(traffic).send(2) == [6, 1]
        traffic.window.taken(1)
        assert await traffic.broker_has()
        assert [one.seq for one in await outbox.pending()] == [1, 2, 3, 4, 5]


async def test_what_is_under_way_is_not_evicted(tmp_path: Path) -> None:
    """The cloud may have it under its own meaning, and would take no ledger entry in its place."""
    clock = FakeClock()
    async with open_outbox(tmp_path, limits=OutboxSettings(linger_ms=0, max_records=2000), clock=clock) as outbox:
        await fill(outbox, 1000)
        traffic = traffic_of(outbox, clock)
        await fill(outbox, 1100)
        live = [one.row for lane, one in await traffic.next(60) if lane is Lane.LIVE]
        traffic.begin()
        await Link(traffic).send(60)
        outbox.under_way = lambda row: row in live
        await outbox.tidy()
        assert outbox.outbox_records <= 1900
        kept = {one.row: decode(one.payload, Record).body for one in await outbox.pending(limit=5000)}
        assert all(not isinstance(kept[row], Loss) for row in live)


async def test_alarms_of_an_older_store_are_in_their_lane(tmp_path: Path) -> None:
    clock = FakeClock()
    old_store(tmp_path, 4, [prediction(), alarm(), prediction()])
    async with open_outbox(tmp_path, clock=clock) as outbox:
        assert await Link(traffic_of(outbox, clock)).send() == [2, 1, 3]


async def test_an_ack_takes_nothing_that_was_never_sent(tmp_path: Path) -> None:
    """A cloud that is wrong, or not ours, claims numbers that it cannot have."""
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 9)
        traffic = traffic_of(outbox, clock)
        await Link(traffic).send(4)
        for ack in (
            Ack(boot=outbox.boot, seq=2**62),
            Ack(boot=outbox.boot, seq=1, highest=2**70),
            Ack(boot=outbox.boot, seq=1, missing=[(2, 3), (6, 6)]),
            Ack(boot=outbox.boot, seq=0, missing=[(-5, 6), (8, 2**70)]),
            Ack(boot=outbox.boot, seq=0, missing=[(1, 2**70)], highest=9),
        ):
            await traffic.acknowledged(ack)
            assert [one.seq for one in await outbox.pending()] == [5, 6, 7, 8, 9]
        clock.advance(60)
        assert await traffic.asked_for(Ack(boot=STRANGER, seq=0, missing=[(1, 2**70)])) == []
        assert await losses(outbox) == [], "no such number can be"


async def test_what_came_back_from_the_history_is_forgotten_by_the_proof_that_it_had_before(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 9)
        traffic = traffic_of(outbox, clock)
        link = Link(traffic)
        await link.send()
        whole = Ack(boot=outbox.boot, seq=2, missing=[(3, 3)], highest=9)
        await traffic.acknowledged(whole)
        restored = Ack(boot=outbox.boot, seq=2, missing=[(3, 8)], highest=9)
        await traffic.acknowledged(restored)
        clock.advance(60)
        assert link.put(await traffic.asked_for(restored)) == [3, 4, 5, 6, 7, 8]
        assert outbox.outbox_records == 6
        assert await traffic.acknowledged(whole)
        assert [one.seq for one in await outbox.pending()] == [3]


async def test_a_disk_that_takes_nothing_does_not_stop_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it was acknowledged stands in line for the disk; nothing is sent over and over meanwhile."""
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        await fill(outbox, 9)
        traffic = traffic_of(outbox, clock)
        link = Link(traffic)
        assert await link.send(4) == [1, 2, 3, 4]

        async def full(*_: object) -> int:
            raise StoreDelayedError("the disk is full")

        monkeypatch.setattr(outbox, "acknowledge", full)
        monkeypatch.setattr(outbox, "forget_rows", full)
        assert await traffic.acknowledged(Ack(boot=outbox.boot, seq=4))
        assert await link.send(4) == [5, 6, 7, 8]
        traffic.window.taken(5)
        assert await traffic.broker_has()
        assert await link.send() == [9]
