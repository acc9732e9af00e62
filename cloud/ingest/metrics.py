"""What is counted about taking records in, and about the work beside it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class IngestMetrics:
    """The counters of one ingest; each `registry` takes them once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "afferent_ingest_records_total",
            "Records by what became of them; unreadable are kept whole, rejected are not kept as records",
            ["result"],
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "afferent_ingest_commit_seconds", "Time to store one batch", registry=registry, buckets=_buckets(0.001)
        )
        self.batch_records = Histogram(
            "afferent_ingest_batch_records", "Records in one batch", registry=registry, buckets=_buckets(1)
        )
        self.acks = Counter("afferent_ingest_acks_total", "Acks sent to devices", registry=registry)
        self.retries = Counter(
            "afferent_ingest_retries_total", "Batches tried again because the database was away", registry=registry
        )
        self.requests = Counter(
            "afferent_ingest_storage_requests_total",
            "Questions of devices about object storage by what became of them",
            ["result"],
            registry=registry,
        )
        self.reminders = Counter(
            "afferent_ingest_reminders_total",
            "Boots whose device was asked again for what is missing",
            registry=registry,
        )
        self.incomplete_boots = Gauge(
            "afferent_ingest_incomplete_boots", "Boots of which something is missing", registry=registry
        )
        self.sent = Counter(
            "afferent_ingest_sent_total",
            "Commands and desired states sent to devices, also again, by what the broker said",
            ["what", "result"],
            registry=registry,
        )
        self.connected = Gauge("afferent_ingest_broker_connected", "1 while connected to the broker", registry=registry)


class WorkMetrics:
    """The counters of the worker's parts; each `registry` takes them once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.aborted_uploads = Counter(
            "afferent_objects_aborted_uploads_total",
            "Uploads that a device left behind and the cloud aborted",
            registry=registry,
        )
        self.erased_objects = Counter(
            "afferent_objects_erased_total",
            "Objects of erased participants by what became of them",
            ["result"],
            registry=registry,
        )
        self.devices = Gauge("afferent_fleet_devices", "Devices by state", ["state"], registry=registry)
        self.behind = Gauge(
            "afferent_fleet_devices_behind", "Devices that are not what they shall be", registry=registry
        )
        self.refused = Gauge(
            "afferent_fleet_devices_refused", "Devices that refuse a part of what they shall be", registry=registry
        )
        self.commands_open = Gauge("afferent_fleet_commands_open", "Commands that have not ended", registry=registry)
        self.commands_expired = Counter(
            "afferent_fleet_commands_expired_total",
            "Commands that no device was heard to accept in time, or to end within two weeks of that",
            registry=registry,
        )


def _buckets(first: float) -> list[float]:
    return [first * 2**step for step in range(12)]
