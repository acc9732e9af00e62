"""Metrics of what is kept, carried and taken in: the disk, what it bears, and the totals that other rooms count."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from edge.core.storage_view import StorageView, WearView
from edge.web.storage_port import StoragePort

_STORAGE: Final = (
    ("max_bytes", "storage_budget_bytes", "Most that everything kept may take"),
    ("free_bytes", "storage_free_bytes", "What the disk has left"),
    ("ballast_bytes", "storage_ballast_bytes", "What is held ready for alarms on a full disk"),
    ("short_bytes", "storage_short_bytes", "What is missing although all that may go is gone"),
    ("bytes_per_hour", "storage_growth_bytes_per_hour", "How fast what is kept grows"),
    ("horizon_s", "storage_horizon_seconds", "Time at this rate until the oldest has to go"),
    ("kept_s", "storage_kept_seconds", "How much time the disk keeps at this rate"),
)
_WEAR: Final = (
    ("bytes_per_day", "wear_bytes_per_day", "Pace at which the disk is written"),
    ("syncs_per_minute", "wear_syncs_per_minute", "Pace at which writes are forced to the disk"),
    ("left", "wear_budget_left_ratio", "Share of the write budget that is left, 1 to 0"),
    ("linger_ms", "wear_commit_wait_milliseconds", "How long a commit waits for more records now"),
    ("fragment_s", "wear_fragment_seconds", "How long a fragment of video is now"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A number that only grows while the appliance runs. `name` is without `afferent_` and `_total`."""

    name: str
    about: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Total):
    """A number that goes up and down. `name` is without `afferent_`."""


Totals = Callable[[], Sequence[Total]]


def kept_metrics(storage: StoragePort | None, totals: Totals) -> Iterator[Metric]:
    """Everything countable of them; nothing of what the appliance does not have."""
    yield from _counters(totals())
    if storage is not None:
        view = storage.view()
        yield from _of_storage(view)
        yield from _of_wear(view.wear)


def _counters(totals: Sequence[Total]) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for one in totals:
        if one.name not in families:
            kind = GaugeMetricFamily if isinstance(one, Level) else CounterMetricFamily
            families[one.name] = kind(f"afferent_{one.name}", one.about, labels=list(one.labels))
        families[one.name].add_metric(list(one.labels.values()), one.value)
    yield from families.values()


def _of_storage(view: StorageView) -> Iterator[Metric]:
    for name, metric, about in _STORAGE:
        if (value := getattr(view, name)) is not None:
            yield GaugeMetricFamily(f"afferent_{metric}", about, value=float(value))
    yield GaugeMetricFamily("afferent_storage_room", "1 while recordings may grow", value=float(view.room))
    used = GaugeMetricFamily("afferent_storage_used_bytes", "What each room keeps on the disk", labels=["room"])
    for stash in view.stashes:
        used.add_metric([stash.name], stash.used_bytes)
    kept = GaugeMetricFamily("afferent_storage_class_bytes", "What is kept of each class", labels=["class"])
    unsent = GaugeMetricFamily("afferent_storage_unsent_bytes", "What of a class is nowhere else", labels=["class"])
    for one in view.classes:
        kept.add_metric([one.kind], one.size_bytes)
        unsent.add_metric([one.kind], one.unsent_bytes)
    gone = CounterMetricFamily("afferent_storage_evicted", "Things that gave way, by rule", labels=["rule"])
    lost = CounterMetricFamily("afferent_storage_lost", "Of these, those that were nowhere else", labels=["rule"])
    size = CounterMetricFamily("afferent_storage_evicted_bytes", "Bytes that gave way, by rule", labels=["rule"])
    for rule in view.evictions:
        gone.add_metric([rule.reason], rule.count)
        lost.add_metric([rule.reason], rule.lost)
        size.add_metric([rule.reason], rule.size_bytes)
    yield from (used, kept, unsent, gone, lost, size)


def _of_wear(wear: WearView | None) -> Iterator[Metric]:
    if wear is None:
        return
    for name, metric, about in _WEAR:
        yield GaugeMetricFamily(f"afferent_{metric}", about, value=float(getattr(wear, name)))
    for value, metric, about in (
        (wear.payload_bytes, "wear_payload_bytes", "Bytes that were meant to be written"),
        (wear.device_bytes, "wear_device_bytes", "Bytes that the kernel sent to a disk for the appliance"),
        (wear.syncs, "wear_syncs", "Times that writes were forced to the disk"),
    ):
        yield CounterMetricFamily(f"afferent_{metric}", about, value=value)
