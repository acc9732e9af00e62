"""Samples for those who watch: batched, with wall time, units and gaps."""

from edge.core.hub import Hub
from edge.core.sample import Channel, Sample
from edge.sensing.batch import SampleBatcher
from tests.support.clock import START_MS, FakeClock


def test_rows_go_out_about_four_times_a_second_in_the_agreed_shape() -> None:
    clock, hub = FakeClock(), Hub()
    batcher = SampleBatcher("body", hub, clock)
    sent = []
    for step in range(20):
        clock.advance(0.05)
        batcher.add(
            Sample("body", clock.mono_ns(), {Channel.GSR_US: 4.123456, Channel.HR_BPM: 72.0}, gap_before=step == 0)
        )
        sent.append(hub.latest()[0].data)
    messages = [data for index, data in enumerate(sent) if index == 0 or data is not sent[index - 1]]
    assert messages[0] == {
        "sensor": "body",
        "rows": [{"t_ms": START_MS + 1050, "gsr_us": 4.1235, "hr_bpm": 72.0, "gap": True}],
    }
    assert [len(message["rows"]) for message in messages] == [1, 5, 5, 5]
    assert "gap" not in messages[1]["rows"][0]


def test_a_slow_sensor_is_shown_at_once() -> None:
    clock, hub = FakeClock(), Hub()
    batcher = SampleBatcher("body", hub, clock)
    for _ in range(3):
        clock.advance(1)
        batcher.add(Sample("body", clock.mono_ns(), {Channel.HR_BPM: 70.0}))
        assert hub.latest()[0].data["rows"][0]["t_ms"] == clock.now().wall_ms


def test_nothing_to_say_is_not_said() -> None:
    hub = Hub()
    SampleBatcher("body", hub, FakeClock()).flush()
    assert hub.latest() == []
