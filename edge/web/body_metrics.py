"""Metrics of body sensors and sessions. Their labels are configured sensors and channels, never people or sessions."""

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from contract.sessions import SensorView
from edge.core.health import State
from edge.web.session_port import SensorPort, SessionPort

_COUNTERS: Final = (
    ("samples", "sensor_samples", "Samples that came from a sensor"),
    ("gaps", "sensor_gaps", "Gaps in what came from a sensor"),
    ("lost", "sensor_samples_lost", "Samples that were sent and never came"),
    ("resets", "sensor_resets", "Times that a sensor's board began anew"),
)
_GAUGES: Final = (
    ("rate_hz", "sensor_rate_hertz", "Samples a second", 1.0),
    ("clock_offset_ms", "sensor_clock_offset_seconds", "Board to host time, relative to the first frame", 1e-3),
    ("clock_drift_ppm", "sensor_clock_drift_ppm", "How much faster the board's clock runs, in millionths", 1.0),
    ("clock_jitter_ms", "sensor_clock_jitter_seconds", "How unevenly a sensor's frames arrive", 1e-3),
)


def body_metrics(sensors: SensorPort | None, sessions: SessionPort | None) -> Iterator[Metric]:
    """Everything countable of them; nothing of what the appliance does not have."""
    if sensors is not None:
        yield from _of_sensors(sensors.sensors())
    if sessions is not None:
        yield from _of_sessions(sessions)


def _of_sensors(views: Sequence[SensorView]) -> Iterator[Metric]:
    for field, name, about in _COUNTERS:
        counter = CounterMetricFamily(f"afferent_{name}", about, labels=["sensor"])
        for view in views:
            counter.add_metric([view.id], getattr(view, field))
        yield counter
    for field, name, about, scale in _GAUGES:
        gauge = GaugeMetricFamily(f"afferent_{name}", about, labels=["sensor"])
        for view in views:
            if (value := getattr(view, field)) is not None:
                gauge.add_metric([view.id], value * scale)
        yield gauge
    yield _up(views)
    yield _quality(views)


def _up(views: Sequence[SensorView]) -> Metric:
    about = "1 while a sensor delivers, be it not perfectly"
    gauge = GaugeMetricFamily("afferent_sensor_up", about, labels=["sensor"])
    for view in views:
        gauge.add_metric([view.id], float(view.state in {State.OK.value, State.DEGRADED.value}))
    return gauge


def _quality(views: Sequence[SensorView]) -> Metric:
    about = "How fit a channel is now, 0 to 1"
    gauge = GaugeMetricFamily("afferent_sensor_quality_ratio", about, labels=["sensor", "channel"])
    for view in views:
        for channel, quality in view.quality.items():
            gauge.add_metric([view.id, channel], quality.index)
    return gauge


def _of_sessions(port: SessionPort) -> Iterator[Metric]:
    running = port.running()
    counted = (
        ("sessions_running", "Sessions that go on", len(running)),
        ("session_labels", "Labels in them, the newest 20 of each", sum(len(view.labels) for view in running)),
        ("session_segments", "Segments predicted in them", sum(view.segments for view in running)),
        ("session_asks_open", "Questions that wait for an answer", _asks(port)),
    )
    for name, about, value in counted:
        yield GaugeMetricFamily(f"afferent_{name}", about, value=value)


def _asks(port: SessionPort) -> int:
    return sum(port.open_ask(view.session_id) is not None for view in port.running())
