"""What is told of a camera, and counted (S1.7)."""

import random

import pytest

from contract.messages import Severity
from contract.plan import Plan
from edge.core.backoff import Backoff
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.hub import Hub
from edge.vision.analysis import Seen
from edge.vision.events.book import EventBook
from edge.vision.events.journal import EventJournal
from edge.vision.pixels.condition import Condition
from edge.vision.places.watch import Places
from edge.vision.settings import VisionSettings
from edge.vision.state import Pace
from edge.vision.telling import Telling, VisionOutlets
from tests.support.clock import FakeClock
from tests.support.findings import SECOND, finding, stamp
from tests.support.record_sink import MemorySink


@pytest.mark.parametrize(
    ("severities", "anomalies"),
    [(["LOW", "LOW"], 0), (["HIGH", "HIGH"], 1), (["LOW", "MEDIUM", "HIGH", "LOW"], 1)],
)
def test_an_anomaly_counts_once_also_if_it_became_one_later(severities: list[Severity], anomalies: int) -> None:
    """A zone in which a cat is LOW and a person HIGH is one event."""
    clock = FakeClock()
    sink = MemorySink(clock)
    outlets = VisionOutlets(sink=sink, hub=Hub(), health=Health(clock))
    journal = EventJournal(sink, clock, Backoff(random.Random(1)))
    telling = Telling("front", outlets, EventBook("front", VisionSettings()), journal)
    places = Places(Plan()).step((), None, 0, None)
    for at_s, severity in enumerate(severities):
        found = (finding("zone_entered", severity, zone="gate"),)
        condition = Condition(kind="ok", since_ns=0)
        seen = Seen(things=(), findings=found, reading=None, condition=condition, places=places)
        frame = Frame("front", at_s, b"", 64, 48, at_s * SECOND)
        telling.show(seen, frame, stamp(at_s), Pace(), 1.0)
    telling.close(stamp(len(severities)))
    telling.show(seen, frame, stamp(len(severities)), Pace(), 1.0)
    assert telling.state.anomaly_stats.total_anomalies_detected == anomalies
