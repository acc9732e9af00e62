"""A recorded hour of body signals through window, segments and the real model, faster than it happened."""

import asyncio
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from contract.emotions import EMOTIONS
from edge.affect.service import AffectService
from edge.affect.session import Viewings
from edge.affect.settings import AffectSettings
from edge.core.health import Health, State
from edge.core.sample import Sample
from edge.models.store import ModelStore
from tests.support.affect import ListSink, SteppingClock
from tests.support.body import body_stream

MINUTES = 20
SEGMENTS = MINUTES * 12


@pytest.mark.data
async def test_twenty_minutes_give_240_segments(data_dir: Path) -> None:
    """N segments of 5000 ms, valid probabilities that sum to 1, some decided and some not, and no failure."""
    samples = body_stream(data_dir)
    sink, position = ListSink(SEGMENTS), 0
    clock = SteppingClock(step_s=1.0)
    began_ns = clock.mono_ns()
    health = Health(clock)
    service = AffectService(
        "body",
        model_store=ModelStore(),
        settings=AffectSettings(),
        viewings=Viewings({}),
        sink=sink,
        health=health,
        clock=clock,
    )

    def send() -> None:
        nonlocal position
        while position < len(samples) and samples[position].mono_ns <= clock.mono_ns() - began_ns:
            one = samples[position]
            service.offer(Sample(one.sensor, one.mono_ns + began_ns, one.values))
            position += 1

    clock.on_step = send
    task = asyncio.create_task(service.run())
    try:
        await asyncio.wait_for(sink.enough.wait(), 60)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    told = sink.predictions[:SEGMENTS]
    assert [one.segment_index for one in told] == list(range(SEGMENTS))
    assert {later.start_ms - earlier.start_ms for earlier, later in pairwise(told)} == {5000}
    for one in told:
        assert list(one.probabilities) == list(EMOTIONS)
        assert sum(one.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
        assert all(0 <= share <= 1 for share in one.probabilities.values())
        assert one.probe is None or one.probabilities[one.probe] <= one.confidence + 1e-5
    decided = [one for one in told if one.probe]
    assert 0.1 * SEGMENTS < len(decided) < 0.95 * SEGMENTS
    assert len({one.probe for one in decided}) > 1
    assert told[0].probe is None, "nobody is known after five seconds"
    assert np.median([one.quality for one in told]) > 0.9
    assert service.stats.failures == 0
    assert health.of("affect") is State.OK
