"""The service around window, runs and model: one durable prediction for every 5 s, whatever fails meanwhile."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.messages import AnyBody, Loss, Prediction, Record
from edge.affect.delivery import Delivery
from edge.affect.estimator import Estimator
from edge.affect.window import SignalWindow
from edge.core.clock import Stamp
from edge.core.errors import ModelError, StoreDelayedError, StoreError
from edge.core.health import State
from edge.core.sample import Channel, Sample
from tests.support.affect import CLASSES, ListSink, ScriptedModel
from tests.support.affect_room import Room


async def test_a_prediction_every_five_seconds() -> None:
    """S0.32, S0.35: exactly 5000 ms apart, with everything that the record promises."""
    room = Room(wanted=6)
    told = await room.play()
    assert {later.start_ms - earlier.start_ms for earlier, later in pairwise(told)} == {5000}
    assert all(one.end_ms - one.start_ms == 5000 for one in told)
    assert [one.segment_index for one in told] == list(range(6))
    first = told[0]
    assert (first.task, first.model, first.model_version, first.source) == ("emotion", "scripted", "0.0.1", "body")
    assert first.probe == "HH"
    assert list(first.probabilities) == CLASSES
    assert sum(first.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert first.confidence == max(first.probabilities.values())
    assert (first.valence, first.arousal, first.quality, first.cluster_id) == (0.25, -0.5, 1.0, 0)
    assert first.session_id is None and first.user_id is None and first.inference_ms is not None
    assert room.health.of("affect") is State.OK
    assert "body" in room.changes[-1].detail


async def test_a_record_is_stamped_with_the_end_of_its_segment() -> None:
    room = Room(wanted=2)
    told = await room.play()
    stamps = [stamp for stamp in room.sink.stamps if stamp]
    assert [stamp.wall_ms for stamp in stamps[:2]] == [one.end_ms for one in told]


async def test_memory_goes_round_and_onset_is_told_once() -> None:
    room = Room(wanted=4)
    await room.play()
    assert [float(inputs["onset"][0]) for inputs in room.model.seen[:4]] == [1, 0, 0, 0]
    assert [float(inputs["memory"][0]) for inputs in room.model.seen[:4]] == [0, 1, 2, 3]


async def test_segments_close_although_samples_stop() -> None:
    """In a viewing each segment is told; one without any data is an abstention of quality 0."""
    room = Room(wanted=16)
    room.viewings.start("user1", 2, room.clock.now())
    room.script[4.0] = lambda: setattr(room, "speaking", False)
    told = await room.play()
    assert told[0].probe == "HH"
    last = told[-1]
    assert last.probe is None and last.quality == 0.0 and last.valence is None and last.arousal is None
    assert sum(last.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert {later.start_ms - earlier.start_ms for earlier, later in pairwise(told)} == {5000}


async def test_a_silent_sensor_says_nothing_outside_a_viewing() -> None:
    """And the place in the run is kept, so that the hole is seen."""
    room = Room(wanted=4)
    room.script[9.0] = lambda: setattr(room, "speaking", False)
    room.script[22.0] = lambda: setattr(room, "speaking", True)
    told = await room.play()
    assert [one.segment_index for one in told] == [0, 1, 4, 5]
    assert room.service.stats.silent == 2


async def test_a_viewing_names_its_segments() -> None:
    """S0.29, S0.36: user, video and session are on the record; the last segment is as long as it was."""
    room = Room(wanted=6)
    room.script[7.0] = lambda: room.viewings.start("user1", 2, room.clock.now())
    room.script[19.0] = lambda: room.viewings.stop(room.viewings.running()[0].session_id, room.clock.now())
    told = await room.play()
    shape = [(one.user_id, one.video_id, one.segment_index, one.end_ms - one.start_ms) for one in told]
    assert shape == [
        (None, None, 0, 5000),
        (None, None, 1, 2000),
        ("user1", 2, 0, 5000),
        ("user1", 2, 1, 5000),
        ("user1", 2, 2, 2000),
        (None, None, 0, 5000),
    ]
    assert told[2].session_id == f"user1_2_{told[2].start_ms}"
    assert [float(inputs["onset"][0]) for inputs in room.model.seen[:6]] == [1, 0, 1, 0, 0, 1]


async def test_another_persons_memory_is_not_used() -> None:
    room = Room(wanted=5)
    room.viewings.start("user1", 1, room.clock.now())
    room.script[15.0] = lambda: room.viewings.start("user2", 1, room.clock.now())
    await room.play()
    assert [float(inputs["memory"][0]) for inputs in room.model.seen[:5]] == [0, 1, 2, 0, 1]


async def test_the_wearer_of_a_sensor_is_named_outside_viewings_too() -> None:
    room = Room(wanted=1, participants={"body": "user7"})
    assert (await room.play())[0].user_id == "user7"


async def test_wall_clock_jumps_do_not_make_segments_overlap() -> None:
    room = Room(wanted=8)
    room.viewings.start("user1", 2, room.clock.now())
    room.script[12.0] = lambda: room.clock.jump_wall(-3600)
    room.script[23.0] = lambda: room.clock.jump_wall(7200)
    told = await room.play()
    assert all(one.end_ms == two.start_ms for one, two in pairwise(told))


async def test_a_failing_model_abstains_says_so_and_goes_on() -> None:
    """Health is degraded, segments go on, and after three failures the model is loaded afresh."""
    room = Room(wanted=8)
    room.script[9.0] = lambda: setattr(room.model, "failing", 4)
    told = await room.play()
    failed = [one for one in told if not one.probabilities]
    assert len(failed) >= 3
    assert all(one.probe is None and one.quality == 0 and one.confidence == 0 for one in failed)
    assert told[-1].probe == "HH"
    states = [change.state for change in room.changes]
    assert states == [State.STARTING, State.OK, State.DEGRADED, State.OK]
    assert "told to fail" in room.changes[2].detail
    assert room.models.loads == 2
    assert room.service.stats.failures == 4
    assert {later.start_ms - earlier.start_ms for earlier, later in pairwise(told)} == {5000}


async def test_without_a_model_it_tries_again_and_keeps_alive() -> None:
    room = Room(wanted=2, store_fails=3)
    told = await room.play()
    assert room.models.loads == 4
    assert [change.state for change in room.changes][:3] == [State.STARTING, State.DEGRADED, State.OK]
    assert "no model here" in room.changes[1].detail
    assert told[0].probe == "HH"
    assert room.service.pulse.alive


async def test_what_a_full_store_refuses_is_handed_over_later_in_order() -> None:
    room = Room(wanted=6)
    room.script[6.0] = lambda: setattr(room.sink, "full", True)
    room.script[21.0] = lambda: setattr(room.sink, "full", False)
    told = await room.play()
    assert [one.segment_index for one in told] == list(range(6))
    assert [change.state for change in room.changes] == [State.STARTING, State.OK, State.DEGRADED, State.OK]
    assert room.service.stats.lost == 0


async def test_what_was_given_up_is_explained() -> None:
    """Bounded memory: the oldest go, and a `Loss` says how many."""
    sink = ListSink()
    delivery = Delivery(sink, limit=3)
    sink.full = True
    at = Stamp(1, 1, trusted=True)
    for index in range(5):
        delivery.put(_prediction(index), at)
    with pytest.raises(StoreError):
        await delivery.flush()
    assert (delivery.waiting, delivery.lost) == (3, 2)
    sink.full = False
    await delivery.flush()
    assert isinstance(sink.bodies[0], Loss) and sink.bodies[0].count == 2
    assert [one.segment_index for one in sink.predictions] == [2, 3, 4]
    await delivery.flush()
    assert len(sink.bodies) == 4


async def test_what_stands_in_the_stores_own_line_is_not_handed_over_twice() -> None:
    """A full disk: `StoreDelayedError` means that the record comes by itself."""

    class SlowSink(ListSink):
        async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
            await super().append(body, at)
            raise StoreDelayedError("the disk is full")

    sink = SlowSink()
    delivery = Delivery(sink, limit=3)
    for index in range(4):
        delivery.put(_prediction(index), Stamp(1, 1, trusted=True))
    for _ in range(4):
        with pytest.raises(StoreDelayedError):
            await delivery.flush()
    await delivery.flush()
    assert [one.count for one in sink.bodies if isinstance(one, Loss)] == [1]
    assert [one.segment_index for one in sink.predictions] == [1, 2, 3]


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (ScriptedModel(label_set="six"), "label set"),
        (ScriptedModel(rate_hz=None), "rate_hz"),
        (ScriptedModel(channels="gsr_us,brain"), "brain"),
    ],
)
def test_a_model_that_speaks_otherwise_is_refused(model: ScriptedModel, complaint: str) -> None:
    """X.8: an order of classes without its label set means nothing."""
    with pytest.raises(ModelError, match=complaint):
        Estimator(model, now_ns=lambda: 0)


@pytest.mark.parametrize(
    ("probabilities", "min_quality", "probe"),
    [([0.1, 0.1, 0.7, 0.1], 0.0, "LH"), ([0.4, 0.2, 0.2, 0.2], 0.0, None), ([0.7, 0.1, 0.1, 0.1], 1.0, "HH")],
)
def test_unsure_is_undecided(probabilities: list[float], min_quality: float, probe: str | None) -> None:
    """The thresholds are the manifest's: .5 of probability and .4 of quality here."""
    model = ScriptedModel()
    model.probabilities = probabilities
    estimator = Estimator(model, now_ns=lambda: 0, min_quality=min_quality)
    ring = SignalWindow(estimator.channels, rate_hz=4.0, cells=estimator.cells)
    ring.add(Sample("body", 0, {Channel.GSR_US: 5.0}))
    assert estimator.estimate(ring.until(250_000_000), onset=True).probe == probe
    empty = SignalWindow(estimator.channels, rate_hz=4.0, cells=estimator.cells).until(0)
    assert estimator.estimate(empty, onset=False).probe is None


def test_an_output_that_is_no_number_is_a_failure_and_not_remembered() -> None:
    model = ScriptedModel()
    estimator = Estimator(model, now_ns=lambda: 0)
    empty = SignalWindow(estimator.channels, rate_hz=4.0, cells=estimator.cells).until(0)
    model.probabilities = [float("nan"), 0.1, 0.1, 0.1]
    with pytest.raises(ModelError, match="not finite"):
        estimator.estimate(empty, onset=True)
    model.probabilities = [0.0, 0.0, 0.0, 0.0]
    with pytest.raises(ModelError, match="no distribution"):
        estimator.estimate(empty, onset=True)
    model.probabilities = [0.7, 0.1, 0.1, 0.1]
    estimator.estimate(empty, onset=True)
    assert float(model.seen[-1]["memory"][0]) == 0.0


@pytest.mark.parametrize(
    "odd",
    [
        {"probabilities": np.ones(3, np.float32)},
        {"probabilities": np.ones((1, 4), np.float32)},
        {"probabilities": np.empty(0, np.float32)},
        {"quality": np.empty(0, np.float32)},
        {"valence": np.array(0.5, np.float32)},
        {"baseline_state": np.array([7], np.int64)},
        {"pushes": np.ones(3, np.float32)},
    ],
)
def test_an_output_of_another_shape_is_a_failure_and_ends_nothing_else(
    monkeypatch: pytest.MonkeyPatch, odd: dict[str, NDArray[Any]]
) -> None:
    model = ScriptedModel()
    estimator = Estimator(model, now_ns=lambda: 0)
    ring = SignalWindow(estimator.channels, rate_hz=4.0, cells=estimator.cells)
    ring.add(Sample("body", 0, {Channel.GSR_US: 5.0}))
    run = model.run
    with monkeypatch.context() as patch:
        patch.setattr(model, "run", lambda inputs: run(inputs) | odd)
        with pytest.raises(ModelError, match="of another shape"):
            estimator.estimate(ring.until(250_000_000), onset=True)
    estimator.estimate(ring.until(250_000_000), onset=True)
    assert float(model.seen[-1]["memory"][0]) == 0.0


def _prediction(index: int) -> Prediction:
    return Prediction(
        task="emotion",
        model="m",
        model_version="1",
        source="body",
        segment_index=index,
        start_ms=index,
        end_ms=index + 1,
    )
