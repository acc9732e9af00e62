"""What is on its way: bounded, and what the broker or the cloud said of it."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Ack
from edge.outbox.rows import Pending
from edge.sync.inbox import Inbox
from edge.sync.proof import missing_of, proven_above, within
from edge.sync.refusals import NO_SUBSCRIBERS
from edge.sync.window import Lane, Window

BOOT = "00000001-00000000"
LATER = "00000002-00000000"


def pending(row: int, boot: str = BOOT, seq: int | None = None) -> Pending:
    """A record ready to publish."""
    return Pending(row, boot, seq or row, "predictions", "prediction", 0, b"{}")


def window_of(*rows: int) -> Window:
    """A window in which row n was sent as packet 100 + n at n seconds."""
    window = Window(10)
    for row in rows:
        window.add(pending(row), 100 + row, row * 1_000_000_000)
    return window


def test_room_follows_what_is_sent() -> None:
    window = window_of(1, 2, 5)
    assert (len(window), window.room, window.untaken, window.holds(5), window.holds(4)) == (3, 7, 3, True, False)
    window.rewind()
    assert (len(window), window.room, window.untaken, window.in_lane(*Lane)) == (0, 10, 0, 0)


def test_an_acknowledgement_is_of_one_boot() -> None:
    window = window_of(1, 2)
    window.add(pending(3, LATER, 1), 103, 0)
    assert window.acknowledged(LATER, 1) == 1
    assert window.acknowledged(BOOT, 1) == 1
    assert window.acknowledged(BOOT, 1) == 0
    assert len(window) == 1


def test_what_overtook_others_leaves_by_proof() -> None:
    window = window_of(1, 2, 3, 7)
    assert window.acknowledged(BOOT, 1, [(3, 4), (6, 6)]) == 2
    assert [row for row in range(10) if window.holds(row)] == [2, 7]


def test_where_the_broker_is_enough_exactly_what_it_has_goes() -> None:
    window = window_of(1, 2, 3)
    window.taken(102)
    assert window.take_out() == [2]
    assert not window.taken(999)
    window.taken(101)
    assert (window.take_out(), window.untaken) == ([1], 1)


def test_sent_again_only_the_last_packet_counts() -> None:
    window = window_of(1)
    window.add(pending(1), 900, 50)
    window.taken(101)
    assert (window.untaken, window.take_out()) == (1, [])
    window.taken(900)
    assert window.take_out() == [1]


def test_lost_is_what_was_overtaken_on_its_way_long_ago() -> None:
    window = window_of(1, 2, 3, 4, 5)
    missing = [(1, 3), (5, 900)]
    assert window.lost(BOOT, missing, 9_000_000_000) == [], "nothing sent later has arrived"
    window.acknowledged(BOOT, 0, [(4, 4)])
    assert window.lost(BOOT, missing, 9_000_000_000) == [1, 2, 3]
    assert window.lost(BOOT, missing, 2_000_000_000) == [1], "the others may have crossed the ack"
    assert window.lost(LATER, missing, 9_000_000_000) == []


def test_an_older_cloud_proves_only_what_stands_beside_its_gaps() -> None:
    assert proven_above(Ack(boot=BOOT, seq=3, missing=[(4, 5), (8, 9)])) == [(6, 7), (10, 10)]
    assert proven_above(Ack(boot=BOOT, seq=3)) == []
    assert proven_above(Ack(boot=BOOT, seq=3, missing=[(4, 5)], highest=9)) == [(6, 9)]


@given(st.sets(st.integers(1, 40)), st.integers(1, 12))
def test_the_proof_is_what_the_cloud_has_and_no_more(present: set[int], told: int) -> None:
    """`told` gaps at most are named, the lowest, as an ack has room for some only."""
    absent = [seq for seq in range(1, max(present, default=0)) if seq not in present]
    gaps: list[tuple[int, int]] = []
    for seq in absent:
        gaps[-1:] = [(gaps[-1][0], seq)] if gaps and gaps[-1][1] == seq - 1 else [*gaps[-1:], (seq, seq)]
    seq = gaps[0][0] - 1 if gaps else max(present, default=0)
    highest = gaps[told][0] - 1 if len(gaps) > told else max(present, default=0)
    ack = Ack(boot=BOOT, seq=seq, missing=gaps[:told], highest=highest)
    proven = proven_above(ack)
    assert {one for one in range(1, 50) if within(one, proven)} == {one for one in present if seq < one <= highest}
    old = proven_above(Ack(boot=BOOT, seq=seq, missing=gaps[:told]))
    assert {one for one in range(1, 50) if within(one, old)} <= present


@given(st.integers(0, 9), st.lists(st.tuples(st.integers(-5, 20), st.integers(-5, 20))), st.integers(0, 30))
def test_an_ack_that_makes_no_sense_proves_nothing_that_it_names(
    seq: int, missing: list[tuple[int, int]], highest: int
) -> None:
    ack = Ack(boot=BOOT, seq=seq, missing=missing, highest=highest)
    gaps, proven = missing_of(ack), proven_above(ack)
    assert all(low <= high for low, high in [*gaps, *proven])
    for first, last in missing:
        assert not any(within(one, proven) for one in range(max(first, 0), last + 1))


@given(st.lists(st.tuples(st.sampled_from(["taken", "ack"]), st.integers(1, 30))), st.integers(1, 30))
def test_the_books_balance(steps: list[tuple[str, int]], count: int) -> None:
    window = Window(30)
    for row in range(1, count + 1):
        window.add(pending(row), row, 0, Lane.LIVE if row % 2 else Lane.ALARMS)
    taken, acknowledged = set[int](), 0
    for step, number in steps:
        if step == "taken":
            window.taken(number)
            taken.add(number)
        else:
            window.acknowledged(BOOT, number)
            acknowledged = max(acknowledged, number)
    left = {row for row in range(1, count + 1) if row > acknowledged}
    assert (len(window), window.untaken) == (len(left), len(left - taken))
    assert window.in_lane(Lane.LIVE) == sum(row % 2 for row in left)
    assert set(window.take_out()) == left & taken


async def test_confirmations_wake_in_groups_and_news_at_once() -> None:
    inbox = Inbox()
    inbox.taken_at_a_time = 3

    async def woken() -> bool:
        await asyncio.sleep(0)
        return inbox.ready.is_set()

    inbox.taken(1, 0)
    inbox.taken(2, 0)
    assert not await woken()
    inbox.taken(3, 0)
    assert await woken()
    assert list(inbox.take().taken) == [(1, 0), (2, 0), (3, 0)]
    inbox.taken(4, NO_SUBSCRIBERS)
    assert await woken(), "nobody listens any more"
    inbox.take()
    inbox.taken(5, NO_SUBSCRIBERS)
    assert not await woken()
    inbox.taken(6, 0)
    assert await woken(), "somebody listens again"
    assert list(inbox.take().taken) == [(5, NO_SUBSCRIBERS), (6, 0)]
    inbox.taken(7, 0)
    inbox.acknowledged(Ack(boot=BOOT, seq=1))
    assert await woken()
    assert list(inbox.take().taken) == [(7, 0)]
