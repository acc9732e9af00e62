"""What is on its way: bounded, in order, and what the broker or the cloud said of it."""

from hypothesis import given
from hypothesis import strategies as st

from edge.outbox.rows import Pending
from edge.sync.window import Window

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


def test_room_and_cursor_follow_what_is_sent() -> None:
    window = window_of(1, 2, 5)
    assert (len(window), window.room, window.cursor, window.untaken) == (3, 7, 5, 3)
    window.rewind()
    assert (len(window), window.room, window.cursor, window.untaken) == (0, 10, 0, 0)


def test_an_acknowledgement_is_of_one_boot() -> None:
    window = window_of(1, 2)
    window.add(pending(3, LATER, 1), 103, 0)
    assert window.acknowledged(LATER, 1) == 1
    assert window.acknowledged(BOOT, 1) == 1
    assert window.acknowledged(BOOT, 1) == 0
    assert len(window) == 1


def test_the_broker_counts_only_up_to_the_first_it_has_not() -> None:
    window = window_of(1, 2, 3)
    window.taken(102)
    assert window.taken_in_order() == {}
    window.taken(101)
    assert window.taken_in_order() == {BOOT: 2}
    window.taken(999)
    assert window.untaken == 1


def test_sent_again_only_the_last_packet_counts() -> None:
    window = window_of(1)
    window.add(pending(1), 900, 50)
    window.taken(101)
    assert window.untaken == 1
    window.taken(900)
    assert window.taken_in_order() == {BOOT: 1}
    assert len(window) == 1


def test_stale_is_what_was_sent_long_ago_and_nothing_else() -> None:
    window = window_of(1, 2, 3)
    asked = [pending(row) for row in (2, 3, 4)]
    assert [record.row for record in window.stale(asked, before_ns=3_000_000_000)] == [2]


@given(st.lists(st.tuples(st.sampled_from(["taken", "ack"]), st.integers(1, 30))), st.integers(1, 30))
def test_the_prefix_is_honest(steps: list[tuple[str, int]], count: int) -> None:
    window = Window(30)
    for row in range(1, count + 1):
        window.add(pending(row), row, 0)
    taken, acknowledged = set[int](), 0
    for step, number in steps:
        if step == "taken":
            window.taken(number)
            taken.add(number)
        else:
            window.acknowledged(BOOT, number)
            acknowledged = max(acknowledged, number)
    left = [row for row in range(1, count + 1) if row > acknowledged]
    prefix = next((index for index, row in enumerate(left) if row not in taken), len(left))
    assert window.taken_in_order() == ({BOOT: left[prefix - 1]} if prefix else {})
    assert len(window) == len(left)
