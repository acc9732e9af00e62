"""Metrics read from what the appliance knows anyway, at the moment somebody asks. All names begin with `afferent_`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from edge.core.health import State
from edge.vision.state import ConditionKind
from edge.web.body_metrics import body_metrics
from edge.web.deps import WebDeps
from edge.web.kept_metrics import kept_metrics

_CAMERA_GAUGES: Final = (
    ("fps", "camera_frames_per_second", "Frames that the camera delivers a second"),
    ("width", "camera_width_pixels", "Width of its pictures"),
    ("height", "camera_height_pixels", "Height of its pictures"),
    ("anomaly_score", "anomaly_score_sigma", "How far what goes on is from what was learned to be normal"),
    ("anomaly_threshold", "anomaly_threshold_sigma", "Score at which an alarm begins"),
    ("motion_threshold", "motion_threshold_luma", "By how much of 255 a pixel must differ to move, less if dull"),
    ("learning_progress", "anomaly_learning_ratio", "How much of the normal is learned, 0 to 1"),
)
_CAMERA_COUNTERS: Final = (
    ("frames", "camera_frames", "Frames delivered by the camera"),
    ("analysed", "camera_frames_analysed", "Frames analysed"),
    ("skipped", "camera_frames_skipped", "Frames that analysis passed over"),
    ("reconnects", "camera_reconnects", "Times that a lost camera came back"),
    ("events_opened", "events_opened", "Events that began in front of the camera"),
    ("events_merged", "events_merged", "Findings taken into an event that was open already"),
    ("events_suppressed", "events_suppressed", "Events that a rate limit kept from opening"),
    ("detector_runs", "detector_runs", "Times that an optional detector was run on a part of a picture"),
)
_CONDITIONS: Final = get_args(ConditionKind)
_SYNC_GAUGES: Final = (
    ("outbox_records", "outbox_records", "Records that the cloud has not acknowledged"),
    ("oldest_unacked_s", "outbox_oldest_seconds", "Age of the oldest of them"),
    ("uploads_pending", "uploads_pending", "Recordings not yet in object storage"),
)
_TELEMETRY_GAUGES: Final = (
    ("cpu_share", "cpu_share_ratio", "Share of one core that the daemon uses"),
    ("rss_bytes", "rss_bytes", "Resident memory of the daemon"),
    ("disk_free_bytes", "disk_free_bytes", "Free space where recordings are kept"),
    ("temperature_c", "temperature_celsius", "Temperature of the processor"),
)


def registry_of(deps: WebDeps) -> CollectorRegistry:
    """A registry of its own: two appliances in one process, as in tests, do not meet in a global one."""
    registry = CollectorRegistry()
    registry.register(_Appliance(deps))
    ProcessCollector(namespace="afferent", registry=registry)
    return registry


class _Appliance(Collector):
    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def collect(self) -> Iterable[Metric]:
        deps = self._deps
        yield InfoMetricFamily(
            "afferent_build", "What runs here", value={"version": deps.version, "device": deps.device}
        )
        yield from self._cameras()
        yield from self._health()
        yield from self._live()
        yield from body_metrics(deps.sensors, deps.sessions)
        yield from kept_metrics(deps.storage, deps.totals)
        yield from _plain(_SYNC_GAUGES, self._newest("sync"))
        yield from _plain(_TELEMETRY_GAUGES, deps.telemetry())

    def _cameras(self) -> Iterator[Metric]:
        cameras, relays = self._deps.cameras.values(), self._deps.relays
        stats = {camera.id: camera.stats for camera in cameras}
        for field, name, about in _CAMERA_GAUGES:
            yield _gauge(name, about, "camera", {key: getattr(one, field) for key, one in stats.items()})
        for field, name, about in _CAMERA_COUNTERS:
            family = CounterMetricFamily(f"afferent_{name}", about, labels=["camera"])
            for key, one in stats.items():
                family.add_metric([key], getattr(one, field))
            yield family
        yield _conditions({key: one.condition for key, one in stats.items()})
        yield _gauge("viewers", "Live pictures sent now", "camera", {c.id: relays.viewers(c.id) for c in cameras})
        yield _gauge("camera_recording", "1 while it is recorded", "camera", {c.id: c.recording for c in cameras})

    def _health(self) -> Iterator[Metric]:
        states = GaugeMetricFamily(
            "afferent_health_state", "1 for the state that a part is in, 0 for the others", labels=["part", "state"]
        )
        changes = CounterMetricFamily("afferent_health_changes", "Changes of a part's state", labels=["part"])
        for part in self._deps.health.parts():
            changes.add_metric([part.part], part.changes)
            for state in State:
                states.add_metric([part.part, state.value], float(part.state is state))
        yield states
        yield changes

    def _live(self) -> Iterator[Metric]:
        hub, sync = self._deps.hub, self._newest("sync")
        yield GaugeMetricFamily("afferent_event_streams", "Watchers of the live messages", value=hub.watchers)
        yield CounterMetricFamily(
            "afferent_live_messages_dropped", "Live messages that slow watchers missed", value=hub.dropped
        )
        yield CounterMetricFamily(
            "afferent_records_acknowledged", "Records that the cloud confirmed", value=sync.get("acked_total") or 0
        )
        upload = sync.get("upload") or {}
        yield GaugeMetricFamily(
            "afferent_upload_sent_bytes",
            "Bytes sent of the recording being uploaded",
            value=upload.get("sent_bytes", 0),
        )

    def _newest(self, topic: str) -> Mapping[str, Any]:
        return next((message.data for message in self._deps.hub.latest() if message.topic == topic), {})


def _conditions(now: Mapping[str, str]) -> GaugeMetricFamily:
    """The state set of each camera's picture; all 0 while analysis is not at work."""
    about = "1 for the condition that the picture is in, 0 for the others"
    family = GaugeMetricFamily("afferent_camera_condition", about, labels=["camera", "condition"])
    for camera, condition in now.items():
        for each in _CONDITIONS:
            family.add_metric([camera, each], float(each == condition))
    return family


def _gauge(name: str, about: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"afferent_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family


def _plain(table: Iterable[tuple[str, str, str]], values: Mapping[str, Any]) -> Iterator[Metric]:
    for field, name, about in table:
        value = values.get(field)
        if value is not None:
            yield GaugeMetricFamily(f"afferent_{name}", about, value=float(value))
