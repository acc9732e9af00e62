"""From frames and reasons to clips: pre-roll, post-roll, long clips, lost cameras, no room."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.core.frame import Frame
from edge.recording.jobs import Begin, End, Forget, JobQueue, Mark
from edge.recording.planner import ClipPlanner
from edge.recording.ring import PreRollRing
from edge.recording.settings import RecordingSettings
from tests.support.clock import START_MS, FakeClock

_Job = tuple[Begin, list[Frame], list[str], End | None]


class _Camera:
    """A planner that gets ten frames a second of a clock that the test moves."""

    def __init__(self, *, room: bool = True, **settings: Any) -> None:
        self.clock = FakeClock()
        self.room = room
        chosen = RecordingSettings(**({"pre_roll_s": 1.0, "post_roll_s": 2.0} | settings))
        self.queue = JobQueue(chosen.queue_bytes)
        self.planner = ClipPlanner(
            "front", settings=chosen, queue=self.queue, clock=self.clock, may_begin=lambda: self.room
        )
        self.seq = 0

    def run(self, seconds: float, *, size: int = 100, width: int = 640, luma: bool = False) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.seq += 1
            plane = np.zeros((480, width), np.uint8) if luma else None
            self.planner.offer(Frame("front", self.seq, bytes(size), width, 480, self.clock.mono_ns(), plane))

    def clips(self) -> list[_Job]:
        """What was asked of the thread, clip by clip."""
        self.queue.close()
        clips: list[_Job] = []
        while (job := self.queue.take()) is not None:
            match job:
                case Begin():
                    clips.append((job, [], [], None))
                case Frame():
                    clips[-1][1].append(job)
                case Mark():
                    _of(clips, job.recording_id)[2].append(job.event_id)
                case End():
                    place = clips.index(_of(clips, job.recording_id))
                    clips[place] = (*clips[place][:3], job)
                case Forget():
                    pass
                case _:
                    pytest.fail(f"unexpected {job}")
        return clips


def _of(clips: list[_Job], recording_id: str) -> _Job:
    return next(clip for clip in clips if clip[0].sidecar.recording_id == recording_id)


def _seqs(frames: list[Frame]) -> list[int]:
    return [frame.seq for frame in frames]


def test_a_clip_has_its_pre_roll_and_its_post_roll_and_no_frame_twice() -> None:
    camera = _Camera()
    camera.run(5)
    camera.planner.event_opened("ev")
    camera.run(3)
    camera.planner.event_closed("ev")
    camera.run(5)
    ((begin, frames, _, end),) = camera.clips()
    assert _seqs(frames) == list(range(40, 101))
    assert begin.sidecar.event_id == "ev"
    assert begin.sidecar.start_ms == START_MS + 1000 + 4000
    assert end == End(begin.sidecar.recording_id, 0)


def test_a_long_event_goes_on_in_the_next_clip_without_losing_a_frame() -> None:
    camera = _Camera(max_clip_s=5)
    camera.planner.event_opened("ev")
    camera.run(12)
    clips = camera.clips()
    assert [len(frames) for _, frames, _, _ in clips] == [50, 50, 20]
    assert [begin.sidecar.event_id for begin, *_ in clips] == ["ev"] * 3
    assert [seq for _, frames, _, _ in clips for seq in _seqs(frames)] == list(range(1, 121))


def test_continuous_recording_is_cut_into_segments_that_name_the_event_they_show() -> None:
    camera = _Camera(mode="continuous", segment_s=5)
    camera.run(2)
    camera.planner.event_opened("ev")
    camera.planner.event_closed("ev")
    camera.run(8)
    first, second = camera.clips()
    assert (first[0].sidecar.reason, first[2], len(first[1])) == ("continuous", ["ev"], 50)
    assert (second[2], len(second[1])) == ([], 50)


def test_another_picture_size_begins_another_clip() -> None:
    camera = _Camera(mode="continuous")
    camera.run(1)
    camera.run(1, width=320)
    assert [begin.sidecar.width_px for begin, *_ in camera.clips()] == [640, 320]


def test_h264_gets_even_sizes() -> None:
    camera = _Camera(mode="continuous")
    camera.run(0.1, width=641)
    assert camera.clips()[0][0].sidecar.width_px == 640


def test_a_camera_that_falls_silent_ends_its_clip() -> None:
    camera = _Camera()
    camera.planner.event_opened("ev")
    camera.run(1)
    camera.clock.advance(9)
    camera.planner.tick()
    assert camera.planner.recording
    camera.clock.advance(2)
    camera.planner.tick()
    assert not camera.planner.recording


def test_without_room_frames_are_counted_and_a_clip_begins_as_soon_as_there_is_some() -> None:
    camera = _Camera(room=False)
    camera.planner.event_opened("ev")
    camera.run(2)
    assert camera.planner.unrecorded == 20
    camera.room = True
    camera.run(1)
    ((_, frames, _, _),) = camera.clips()
    assert _seqs(frames) == list(range(21, 31))


def test_what_does_not_fit_into_memory_is_dropped_and_counted() -> None:
    camera = _Camera(mode="continuous", queue_bytes=2**20)
    camera.run(3, size=2**18)
    camera.planner.end()
    ((begin, frames, _, end),) = camera.clips()
    assert len(frames) == 4
    assert end == End(begin.sidecar.recording_id, 26)
    assert camera.planner.dropped == 26


def test_idle_keeps_jpeg_bytes_only_and_only_in_event_mode() -> None:
    camera, off = _Camera(), _Camera(mode="off")
    camera.run(3, luma=True)
    off.run(3)
    kept = camera.planner.ring.drain()
    assert _seqs(kept) == list(range(20, 31))
    assert all(frame.luma is None for frame in kept)
    assert len(off.planner.ring) == 0


def test_the_ring_is_bounded_by_bytes_too() -> None:
    ring = PreRollRing(seconds=100, max_bytes=1000)
    frame = Frame("front", 1, bytes(300), 4, 4, 0)
    for seq in range(10):
        ring.append(replace(frame, seq=seq, mono_ns=seq))
    assert _seqs(ring.drain()) == [7, 8, 9]
    assert ring.size_bytes == 0


def test_an_event_is_in_the_recording_that_begins_with_it_and_in_the_one_that_grows() -> None:
    camera = _Camera(max_clip_s=5)
    camera.planner.event_opened("first")
    assert camera.planner.recording_of("first") is None, "a clip begins with a frame"
    camera.run(1)
    camera.planner.event_opened("second")
    recording = camera.planner.recording_of("first")
    assert recording == camera.planner.recording_of("second") is not None
    camera.run(5)
    camera.planner.event_closed("first")
    camera.planner.event_opened("third")
    assert camera.planner.recording_of("first") == recording, "where it begins, however long it goes on"
    before, after = camera.clips()
    assert before[0].sidecar.recording_id == recording
    assert (before[0].sidecar.event_ids, before[2]) == (("first",), ["second"])
    assert (after[0].sidecar.event_ids, after[2]) == (("first", "second"), ["third"])
    assert camera.planner.recording_of("third") == after[0].sidecar.recording_id


def test_what_nothing_records_has_no_recording_and_only_the_latest_are_remembered() -> None:
    off, camera = _Camera(mode="off"), _Camera(mode="continuous")
    off.planner.event_opened("ev")
    off.run(1)
    assert off.planner.recording_of("ev") is None
    off.planner.trigger.start_manual()
    off.run(1)
    assert off.planner.recording_of("ev") is not None, "a recording by hand shows it too"
    camera.run(1)
    for number in range(300):
        camera.planner.event_opened(f"ev-{number}")
        camera.planner.event_closed(f"ev-{number}")
    assert camera.planner.recording_of("ev-0") is None
    assert camera.planner.recording_of("ev-299") is not None


def test_what_waits_for_the_encoder_takes_no_more_than_its_bound_says() -> None:
    """A plane of brightness is twenty times its JPEG: a slow encoder would have the queue take most of a Pi."""
    camera = _Camera(mode="continuous")
    camera.run(3, luma=True)
    ((_, waiting, _, _),) = camera.clips()
    assert len(waiting) == 30
    assert all(frame.luma is None and frame.units == () for frame in waiting)
