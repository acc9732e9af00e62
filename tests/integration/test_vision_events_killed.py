"""A process that makes events is killed with SIGKILL again and again: every event that opened is closed once."""

import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from contract.messages import Event
from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.outbox.store import Outbox
from edge.vision.events.album import EventAlbum
from edge.vision.events.book import Kept
from edge.vision.events.left_open import REASON, close_left_open
from tests.conftest import ROOT
from tests.support.event_process import SETTINGS

_KILLS = 4


async def test_killed_while_events_go_on_each_is_closed_once_at_the_next_start(tmp_path: Path) -> None:
    rng = random.Random(3)
    for _ in range(_KILLS):
        _run_and_kill(tmp_path, after_s=rng.uniform(0.0, 0.8))
    clock = SystemClock()
    album = EventAlbum(tmp_path / "events", SETTINGS, clock)
    async with Outbox.open(tmp_path / "store.db", device="gate-1", clock=clock, health=Health(clock)) as outbox:
        closed = await close_left_open(outbox, outbox, clock, kept=Kept(picture=album.has))
        assert {event.zone for event in closed} >= {"always", "late"}
        assert await close_left_open(outbox, outbox, clock) == []
        rows = await outbox.history("event", after=0, limit=10_000)
    lives: dict[str, list[Event]] = defaultdict(list)
    for _, record in rows:
        assert isinstance(record.body, Event)
        lives[record.body.event_id].append(record.body)
    for life in lives.values():
        assert [event.phase for event in life] == ["open", *["update"] * (len(life) - 2), "close"]
        assert (life[-1].end_ms or 0) >= life[0].start_ms
    ends = [life[-1] for life in lives.values()]
    by_kill = [event for event in ends if REASON in event.reasoning]
    assert len([event for event in by_kill if event.zone == "always"]) == _KILLS
    assert len([event for event in by_kill if event.zone == "late"]) == _KILLS
    assert all(event.severity == "HIGH" for event in by_kill if event.zone == "always")
    await _check_pictures(album, ends)


async def _check_pictures(album: EventAlbum, ends: list[Event]) -> None:
    """A close that a restart wrote says truly whether there is a picture; and every picture is whole."""
    for event in ends:
        assert album.has(event.event_id) == event.picture or REASON not in event.reasoning
        for kind in ("picture", "thumbnail"):
            data = await album.read(event.event_id, "picture" if kind == "picture" else "thumbnail")
            assert (data is not None) == album.has(event.event_id)
            assert data is None or cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    assert any(album.has(event.event_id) for event in ends)


def _run_and_kill(folder: Path, *, after_s: float) -> None:
    command = [sys.executable, "-m", "tests.support.event_process", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(after_s)
        process.kill()
