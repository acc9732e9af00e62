"""Several reasons at once: continuous files beside clips of events, sessions beside each other; units of a camera."""

from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.access_unit import AccessUnit
from edge.core.frame import Frame
from edge.recording.jobs import Begin, End, Forget, JobQueue, Mark, Material
from edge.recording.planner import ClipPlanner
from edge.recording.settings import RecordingSettings
from edge.recording.unit_ring import UnitRing
from tests.support.clock import FakeClock

_KEY_EVERY = 10


class _Camera:
    """A planner that gets ten pictures a second of a clock that the test moves; with `units`, H.264 of the camera."""

    def __init__(self, *, units: bool = False, **settings: Any) -> None:
        self.clock = FakeClock()
        self.room = True
        chosen = RecordingSettings(**({"pre_roll_s": 1.0, "post_roll_s": 2.0} | settings))
        self.queue = JobQueue(chosen.queue_bytes)
        self.planner = ClipPlanner(
            "front", settings=chosen, queue=self.queue, clock=self.clock, may_begin=lambda: self.room, boot="run-1"
        )
        self.units = units
        self.seq = count()

    def run(self, seconds: float, *, lose: bool = False, size: int = 100) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            now_ns, seq = self.clock.mono_ns(), next(self.seq)
            unit = AccessUnit("h264", bytes(size), seq % _KEY_EVERY == 0, seq, now_ns, now_ns, 640, 480, b"\x67")
            units = (unit,) if self.units and not lose else ()
            self.planner.offer(Frame("front", seq, bytes(100), 640, 480, now_ns, None, units))

    def jobs(self) -> list[Any]:
        self.queue.close()
        jobs: list[Any] = []
        while (job := self.queue.take()) is not None:
            jobs.append(job)
        return jobs


def _begun(jobs: list[Any]) -> list[Begin]:
    return [job for job in jobs if isinstance(job, Begin)]


def _materials(jobs: list[Any]) -> list[Material]:
    return [job for job in jobs if isinstance(job, Frame | AccessUnit)]


def test_both_makes_a_clip_of_its_own_for_an_event_from_what_is_kept_of_the_continuous_file() -> None:
    camera = _Camera(mode="both")
    camera.run(3)
    camera.planner.event_opened("ev", urgent=True)
    opened_ns = camera.clock.mono_ns()
    camera.run(1)
    camera.planner.event_closed("ev")
    camera.run(3)
    jobs = camera.jobs()
    always, event = _begun(jobs)
    assert (always.sidecar.reason, always.sidecar.event_id, always.from_ns) == ("continuous", None, None)
    assert (event.sidecar.reason, event.sidecar.event_id, event.sidecar.urgent) == ("event", "ev", True)
    assert event.from_ns == opened_ns + 100_000_000 - 1_000_000_000, "the pre-roll is not encoded again"
    assert [job.recording_id for job in jobs if isinstance(job, End)] == [event.sidecar.recording_id]
    assert len(_materials(jobs)) == 70, "each picture is compressed once"
    assert camera.planner.recording_of("ev") == event.sidecar.recording_id


def test_sessions_have_clips_of_their_own_in_any_mode() -> None:
    camera = _Camera(mode="off")
    camera.planner.start_session("s-1", "anna")
    camera.run(1)
    camera.planner.start_session("s-2", None)
    camera.planner.start_session("s-1", "again")
    camera.run(1)
    camera.planner.stop_session("s-1")
    camera.planner.stop_session("unknown")
    camera.run(1)
    assert camera.planner.recording
    camera.planner.stop_session("s-2")
    assert not camera.planner.recording
    jobs = camera.jobs()
    first, second = (begin.sidecar for begin in _begun(jobs))
    assert (first.session_id, first.participant, first.reason) == ("s-1", "anna", "session")
    assert (second.session_id, second.participant, second.reason) == ("s-2", None, "session")
    assert [job.recording_id for job in jobs if isinstance(job, End)] == [first.recording_id, second.recording_id]


def test_a_session_does_not_show_what_was_before_it() -> None:
    camera = _Camera()
    camera.run(3)
    camera.planner.start_session("s-1", None)
    camera.run(1)
    jobs = camera.jobs()
    assert len(_materials(jobs)) == 10
    assert _begun(jobs)[0].from_ns is None


def test_outside_of_the_schedule_only_events_are_recorded() -> None:
    """The fake clock begins at 20:26:41 UTC on a Thursday."""
    window = {"days": ["thu"], "start": "20:27", "end": "20:28"}
    camera = _Camera(mode="both", schedule=_schedule(window), segment_s=3600)
    camera.run(10)
    assert not camera.planner.recording
    camera.run(20)
    assert camera.planner.recording
    camera.run(60)
    assert not camera.planner.recording
    camera.planner.event_opened("ev")
    camera.run(1)
    assert [begin.sidecar.reason for begin in _begun(camera.jobs())] == ["schedule", "event"]


def _schedule(window: dict[str, Any]) -> Any:
    import msgspec

    from edge.recording.schedule import Schedule

    return msgspec.convert({"zone": "UTC", "windows": [window]}, Schedule)


def test_units_begin_at_a_key_before_and_go_on_in_the_next_file_at_a_key() -> None:
    camera = _Camera(units=True, mode="continuous", segment_s=5)
    camera.run(12)
    jobs = camera.jobs()
    first, second, third = _begun(jobs)
    assert first.sidecar.codec == "h264"
    assert (first.from_ns, second.from_ns, third.from_ns) == (None, None, None)
    place = jobs.index(second)
    assert isinstance(jobs[place - 1], End)
    assert jobs[place + 1].key
    assert [job.seq for job in _materials(jobs)] == list(range(120))


def test_units_are_kept_for_the_pre_roll_even_while_nothing_is_recorded() -> None:
    camera = _Camera(units=True)
    camera.run(3)
    camera.planner.event_opened("ev")
    camera.run(1)
    jobs = camera.jobs()
    (begin,) = _begun(jobs)
    assert begin.from_ns == begin.sidecar.mono_ns - 1_000_000_000
    assert len(_materials(jobs)) == 40
    assert len(camera.planner.ring) == 0


def test_after_a_lost_unit_nothing_is_written_until_the_next_key() -> None:
    camera = _Camera(units=True, mode="continuous")
    camera.run(1.2)
    camera.run(0.1, lose=True)
    camera.run(1.7)
    assert [unit.seq for unit in _materials(camera.jobs())] == [*range(12), *range(20, 30)]
    assert camera.planner.dropped == 7


def test_a_unit_that_does_not_fit_into_memory_costs_those_that_need_it_too() -> None:
    camera = _Camera(units=True, mode="continuous", queue_bytes=2**20)
    camera.run(3, size=2**18)
    camera.planner.end()
    jobs = camera.jobs()
    assert len(_materials(jobs)) == 4
    assert next(job for job in jobs if isinstance(job, End)).frames_dropped == 26


def test_h264_always_encodes_and_a_camera_that_stops_compressing_is_encoded() -> None:
    encoded, stopping = _Camera(units=True, codec="h264", mode="continuous"), _Camera(units=True, mode="continuous")
    encoded.run(1)
    assert all(isinstance(one, Frame) for one in _materials(encoded.jobs()))
    stopping.run(1)
    stopping.units = False
    stopping.run(4)
    jobs = stopping.jobs()
    assert [type(job) for job in _materials(jobs)] == [AccessUnit] * 10 + [Frame] * 30
    assert len(_begun(jobs)) == 2
    assert [job.frames_dropped for job in jobs if isinstance(job, End)] == [10], "until it was noticed"


@pytest.mark.parametrize("units", [False, True])
def test_what_finds_no_room_is_counted_also_where_the_camera_compresses(units: bool) -> None:
    """The ledger names what was not recorded; what nobody wanted is not missed."""
    camera = _Camera(units=units, mode="event")
    camera.room = False
    camera.run(1)
    assert camera.planner.unrecorded == 0
    camera.planner.event_opened("ev")
    camera.run(2)
    assert camera.planner.unrecorded == 20
    camera.room = True
    camera.run(1)
    assert camera.planner.unrecorded == 20
    assert len(_begun(camera.jobs())) == 1


def test_what_is_to_be_hidden_ends_clips_and_forgets_at_once() -> None:
    """A change of the order of privacy in mid-clip: what comes next is a file of its own, of painted pictures."""
    camera = _Camera(units=True, mode="both")
    camera.planner.event_opened("ev")
    camera.run(1.5)
    camera.planner.forget()
    camera.units = False
    camera.run(1)
    jobs = camera.jobs()
    last = max(index for index, job in enumerate(jobs) if isinstance(job, AccessUnit))
    assert [type(job) for job in jobs[last + 1 :]] == [End, End, Forget, Forget, Begin, Begin, *[Frame] * 10]


def test_an_event_that_is_an_alarm_makes_a_growing_clip_urgent() -> None:
    camera = _Camera()
    camera.planner.event_opened("a")
    camera.run(1)
    camera.planner.event_opened("b", urgent=True)
    jobs = camera.jobs()
    (begin,) = _begun(jobs)
    (mark,) = (job for job in jobs if isinstance(job, Mark))
    assert (begin.sidecar.urgent, mark) == (False, Mark(begin.sidecar.recording_id, "b", urgent=True))
    assert begin.sidecar.showing("b", urgent=True).urgent


_STEPS = st.sampled_from(["film", "lose", "open", "close", "start 1", "stop 1", "start 2", "stop 2", "hide", "jpeg"])


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(_STEPS, max_size=40), mode=st.sampled_from(["off", "event", "continuous", "both"]))
def test_whatever_happens_every_clip_begins_with_a_key_has_no_gap_and_is_of_one_kind(
    steps: list[str], mode: str
) -> None:
    camera = _Camera(units=True, mode=mode, segment_s=5, max_clip_s=5)
    for step in steps:
        _do(camera, step)
        camera.run(0.7)
    camera.planner.end()
    clips = _Clips()
    for job in camera.jobs():
        clips.do(job)


class _Clips:
    """What the recorder makes of jobs, as far as it is pictures."""

    def __init__(self) -> None:
        self._growing: dict[str, list[Material]] = {}
        self._ring: list[AccessUnit] = []

    def do(self, job: Any) -> None:
        match job:
            case Begin():
                assert job.sidecar.recording_id not in self._growing
                self._growing[job.sidecar.recording_id] = list(self._ring) if job.from_ns is not None else []
            case End():
                _check(self._growing.pop(job.recording_id))
            case Forget():
                self._ring = []
            case Frame() | AccessUnit():
                self._add(job)

    def _add(self, material: Material) -> None:
        if isinstance(material, AccessUnit):
            self._ring = [material] if material.key else [*self._ring, material]
        for materials in self._growing.values():
            materials.append(material)


def _do(camera: _Camera, step: str) -> None:
    verb, _, number = step.partition(" ")
    planner = camera.planner
    match verb:
        case "lose":
            camera.run(0.1, lose=True)
        case "open":
            planner.event_opened("ev")
        case "close":
            planner.event_closed("ev")
        case "start":
            planner.start_session(number, None)
        case "stop":
            planner.stop_session(number)
        case "hide":
            planner.forget()
        case "jpeg":
            camera.units = not camera.units


def _check(materials: list[Material]) -> None:
    """As the recorder writes them: from the first key on."""
    kinds = {type(material) for material in materials}
    assert len(kinds) <= 1
    units = [material for material in materials if isinstance(material, AccessUnit)]
    keys = [index for index, unit in enumerate(units) if unit.key]
    for earlier, later in pairwise(units[keys[0] :] if keys else ()):
        assert later.key or later.seq == earlier.seq + 1


_UNIT = AccessUnit("h264", bytes(10), True, 0, 0, 0, 64, 64)


def _ring(pattern: str, *, seconds: float = 3, max_bytes: int = 1000) -> UnitRing:
    """A unit each second; K is a key."""
    ring = UnitRing(seconds=seconds, max_bytes=max_bytes)
    for at, kind in enumerate(pattern):
        ring.append(replace(_UNIT, key=kind == "K", seq=at, mono_ns=at * 10**9))
    return ring


@pytest.mark.parametrize(
    ("pattern", "since_s", "seqs"),
    [
        ("KppppKpp", 4, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("KppppKppp", 5, [5, 6, 7, 8]),
        ("KppppKppp", 0, [5, 6, 7, 8]),
        ("pppKp", 0, [3, 4]),
        ("ppp", 0, []),
        ("KKKKKK", 4, [4, 5]),
        ("Kppppppp", 7, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_the_ring_gives_from_the_key_at_or_before(pattern: str, since_s: int, seqs: list[int]) -> None:
    assert [unit.seq for unit in _ring(pattern).since(since_s * 10**9)] == seqs


def test_what_was_before_the_camera_was_away_is_no_pre_roll() -> None:
    ring = _ring("KppK", seconds=3)
    ring.append(replace(_UNIT, seq=4, mono_ns=600 * 10**9))
    assert [unit.seq for unit in ring.since(598 * 10**9)] == [4]


def test_the_ring_is_bounded_by_bytes_group_by_group() -> None:
    ring = _ring("KppKppKpp", seconds=100, max_bytes=75)
    assert [unit.seq for unit in ring.since(0)] == [3, 4, 5, 6, 7, 8]
    assert ring.size_bytes == 60
    assert _ring("Kpppppppp", max_bytes=75).since(0) == [], "half a group is of no use"
