"""A disk that has to be spared: what goes on by itself rests, events are recorded with their pre-roll all the same."""

from typing import Any, Literal

import pytest

from edge.core.frame import Frame
from edge.recording.jobs import Begin, End, JobQueue
from edge.recording.planner import ClipPlanner
from edge.recording.settings import RecordingSettings
from tests.support.clock import FakeClock


class _Camera:
    """Ten frames a second."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.plain = True
        self.queue = JobQueue(2**24)
        self.planner = ClipPlanner(
            "front",
            settings=RecordingSettings(**({"pre_roll_s": 1.0, "post_roll_s": 2.0} | settings)),
            queue=self.queue,
            clock=self.clock,
            may_begin=lambda: True,
            may_record_plain=lambda: self.plain,
        )
        self.seq = 0

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.seq += 1
            self.planner.offer(Frame("front", self.seq, b"jpeg", 640, 480, self.clock.mono_ns()))
        self.planner.tick()

    def story(self) -> list[str]:
        """The reasons of clips and their lengths in frames."""
        self.queue.close()
        told: list[str] = []
        frames = 0
        while (job := self.queue.take()) is not None:
            if isinstance(job, Begin):
                told.append(job.sidecar.reason)
            elif isinstance(job, End):
                told.append(str(frames))
            frames = frames + 1 if isinstance(job, Frame) else 0 if isinstance(job, End) else frames
        return told


@pytest.mark.parametrize("mode", ["continuous", "both"])
def test_what_goes_on_by_itself_rests_and_events_do_not(mode: Literal["continuous", "both"]) -> None:
    """Point 5: the write budget is held, and never by an event."""
    camera = _Camera(mode=mode)
    camera.run(5)
    camera.plain = False
    camera.run(5)
    assert not camera.planner.recording
    camera.planner.event_opened("ev-1")
    camera.run(3)
    assert camera.planner.recording
    camera.planner.event_closed("ev-1")
    camera.run(4)
    assert not camera.planner.recording
    camera.plain = True
    camera.run(2)
    camera.planner.end()
    story = camera.story()
    assert story[::2] == ["continuous", "event", "continuous"]
    assert story[1] == "50"
    assert 58 <= int(story[3]) <= 62, "a second before, three of the event, two after"


def test_by_hand_is_not_by_itself() -> None:
    camera = _Camera(mode="continuous")
    camera.plain = False
    camera.planner.trigger.start_manual()
    camera.run(1)
    assert camera.planner.recording


def test_a_note_says_whether_its_time_was_trusted() -> None:
    camera = _Camera(mode="continuous")
    camera.clock.trusted = False
    camera.run(1)
    begin = camera.queue.take()
    assert isinstance(begin, Begin)
    assert not begin.sidecar.trusted
