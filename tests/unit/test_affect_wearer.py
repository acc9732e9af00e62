"""Who wears a sensor: what one person showed is never the next one's, and nothing is kept of who does not agree."""

import numpy as np

from contract.messages import Prediction
from edge.affect.delivery import Delivery
from edge.affect.window import SignalWindow
from edge.core.clock import Stamp
from edge.core.errors import StoreError
from edge.core.sample import Channel, Sample
from tests.support.affect import ListSink
from tests.support.affect_room import Room


async def test_the_next_person_is_judged_by_their_own_signals_alone() -> None:
    """The grid of the first segment of another person holds nothing of the minute before it."""
    room = Room(wanted=6)
    room.viewings.start("user1", 1, room.clock.now())
    room.script[17.0] = lambda: room.viewings.start("user2", 1, room.clock.now())
    told = await room.play()
    assert [one.user_id for one in told] == ["user1"] * 4 + ["user2"] * 2
    cells = [int(inputs["valid"].sum()) for inputs in room.model.seen[:6]]
    assert cells[4] in {19, 20}
    assert cells[5] == cells[4] + 20


async def test_the_same_person_keeps_their_minute_from_one_viewing_to_the_next() -> None:
    room = Room(wanted=5)
    room.viewings.start("user1", 1, room.clock.now())
    room.script[15.0] = lambda: room.viewings.start("user1", 2, room.clock.now())
    await room.play()
    assert int(room.model.seen[3]["valid"].sum()) >= 75


def test_a_window_forgets_what_was_before_a_moment() -> None:
    ring = SignalWindow([Channel.GSR_US], rate_hz=4.0, cells=8)
    for index in range(8):
        ring.add(Sample("body", index * 250_000_000, {Channel.GSR_US: 1.0}))
    ring.forget(before_ns=600_000_000)
    assert ring.until(2_000_000_000).valid[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 1, 1]
    assert np.isfinite(ring.until(2_000_000_000).values).all()


async def test_nothing_is_kept_of_a_wearer_who_did_not_agree() -> None:
    """Not even without their name: the sensor tells who it was."""
    room = Room(wanted=1, participants={"body": "user7"})
    agreed = {"user7": False}
    room.viewings.may_name = lambda user: agreed[user]
    room.script[21.0] = lambda: agreed.update(user7=True)
    told = await room.play()
    assert told[0].user_id == "user7"
    assert told[0].start_ms - room.began_ms >= 15_000
    assert room.service.stats.silent >= 3
    assert int(room.model.seen[0]["valid"].sum()) <= 40, "nothing of before they agreed"


async def test_after_a_withdrawal_nothing_more_is_kept_until_the_sensor_was_taken_off() -> None:
    room = Room(wanted=3)
    agreed = {"user1": True}
    room.viewings.may_name = lambda user: agreed[user]
    viewing = room.viewings.start("user1", 1, room.clock.now())

    def withdraw() -> None:
        agreed["user1"] = False
        room.viewings.stop(viewing.session_id, room.clock.now())

    room.script[11.0] = withdraw
    room.script[31.0] = lambda: setattr(room, "speaking", False)
    room.script[45.0] = lambda: setattr(room, "speaking", True)
    told = await room.play()
    assert [one.user_id for one in told] == ["user1", "user1", None]
    assert told[2].start_ms - told[0].start_ms >= 40_000
    assert int(room.model.seen[2]["valid"].sum()) <= 20, "nothing of who wore it before"
    assert float(room.model.seen[2]["memory"][0]) == 0.0


async def test_an_erased_person_leaves_nothing_in_memory_and_is_not_met_again() -> None:
    room = Room(wanted=2)
    gone: list[str] = []
    room.viewings.may_name = lambda user: user not in gone
    viewing = room.viewings.start("user1", 1, room.clock.now())

    def erase() -> None:
        gone.append("user1")
        room.viewings.stop(viewing.session_id, room.clock.now())
        room.service.forget("user1")

    room.script[7.0] = erase
    room.script[31.0] = lambda: room.viewings.start("user2", 1, room.clock.now())
    told = await room.play()
    assert [one.user_id for one in told] == ["user1", "user2"]
    assert float(room.model.seen[1]["memory"][0]) == 0.0


async def test_what_waits_for_the_store_is_forgotten_with_the_person() -> None:
    sink = ListSink()
    sink.full = True
    delivery = Delivery(sink)
    for user in ("user1", "user2", "user1"):
        delivery.put(_prediction(user), Stamp(1, 1, trusted=True))
    try:
        await delivery.flush()
    except StoreError:
        sink.full = False
    delivery.forget("user1")
    await delivery.flush()
    assert [one.user_id for one in sink.predictions] == ["user2"]


def _prediction(user: str) -> Prediction:
    return Prediction(
        task="emotion", model="m", model_version="1", source="body", segment_index=0, start_ms=0, end_ms=1, user_id=user
    )
