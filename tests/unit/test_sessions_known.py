"""What estimating emotion is told of a session: to its last segment, by its own clock, and of rests that are whole."""

from math import tanh
from pathlib import Path

import pytest

from contract.sessions import NewLabel, Stimulus, StimulusClock
from edge.affect.knowledge import NothingKnown
from edge.affect.listening import Listener
from edge.affect.pooling import Wanted
from edge.affect.runs import Closed
from edge.affect.segments import Segment
from edge.affect.session import Viewing
from edge.affect.sessions.settings import SessionSettings
from edge.affect.voices import Voices
from edge.core.clock import Stamp
from tests.support.sessions_room import MP4, opened_desk, pieces


async def test_the_last_segment_of_a_session_hears_what_was_said_in_it(tmp_path: Path) -> None:
    """It is judged once the session has ended: what others and the participant said counts there too."""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2")
        first = await room.desk.start("p1", video_id=1, external=True)
        room.clock.advance(3)
        await room.desk.label(first.session_id, [NewLabel(probe="LH")])
        await room.desk.stop(first.session_id)
        second = await room.desk.start("p2", video_id=1, external=True)
        room.clock.advance(3)
        await room.desk.label(second.session_id, [NewLabel(probe="HH")])
        ended = await room.desk.stop(second.session_id)
        assert ended.end_ms
        known = room.desk.known
        assert [one.probe for one in known.labels(second.session_id)] == ["HH"]
        assert known.others(second.session_id, ended.end_ms) == (0.0, 0.0, 1.0, 0.0)
        assert known.place_ms(second.session_id, ended.end_ms) == 3000
        assert known.felt(second.session_id, ended.end_ms, off_centre=0.25) == pytest.approx((-tanh(1.25), tanh(1.25)))
        await room.desk.erase("p2")
        assert known.labels(second.session_id) == []


async def test_others_say_nothing_of_the_time_after_a_film(tmp_path: Path) -> None:
    """What they felt at its last moment was told of each segment, for as long as the session went on after it."""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2")
        await room.desk.put_stimulus(Stimulus(id="film", kind="external", number=9, duration_ms=20_000))
        for person in ("p1", "p2"):
            view = await room.desk.start(person, stimulus="film")
            room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0))
            room.clock.advance(19.9)
            now_ms = room.clock.now().wall_ms
            room.desk.tell_clock(view.session_id, StimulusClock(at_ms=now_ms, stimulus_ms=19_900, rate=0))
            await room.desk.label(view.session_id, [NewLabel(probe="HH")])
            room.clock.advance(60)
            told = {s: room.desk.known.others(view.session_id, view.start_ms + s * 1000) for s in (20, 24, 25, 60)}
            await room.desk.stop(view.session_id)
        assert told == {20: (1.0, 0.0, 0.0, 0.0), 24: (1.0, 0.0, 0.0, 0.0), 25: None, 60: None}


async def test_a_wall_clock_that_is_set_moves_nothing_in_a_session(tmp_path: Path) -> None:
    """Segments go by the session's own time: so do labels, markers, the stimulus' clock and the end."""
    for jump_s in (3600, -3600):
        async with opened_desk(tmp_path / str(jump_s)) as room:
            await room.agree("p1")
            view = await room.desk.start("p1", video_id=1)
            room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0))
            room.clock.advance(10)
            room.clock.jump_wall(jump_s)
            room.clock.advance(10)
            now_ms = room.clock.now().wall_ms
            room.desk.tell_clock(view.session_id, StimulusClock(at_ms=now_ms, stimulus_ms=15_000, rate=0))
            await room.desk.label(view.session_id, [NewLabel(probe="HH", at_ms=now_ms - 1000), NewLabel(probe="LL")])
            marker = await room.desk.mark(view.session_id, name="rest", note="", at_ms=None)
            assert marker.at_ms == view.start_ms + 20_000
            labels = room.desk.known.labels(view.session_id)
            assert [one.at_ms - view.start_ms for one in labels] == [20_000, 19_000]
            assert room.desk.known.place_ms(view.session_id, view.start_ms + 20_000) == 15_000
            assert (await room.desk.stop(view.session_id)).end_ms == view.start_ms + 20_000


async def test_a_moment_before_all_time_is_none_that_the_file_could_not_hold(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", video_id=1)
        room.clock.jump_wall(3600)
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=0, stimulus_ms=0))
        assert (await room.desk.mark(view.session_id, name="rest", note="", at_ms=0)).at_ms == 0
        await room.desk.stop(view.session_id)
        assert len((await room.desk.session(view.session_id)).markers) == 1


async def test_a_film_that_nobody_started_has_not_begun(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2")
        await room.desk.put_stimulus(Stimulus(id="film", kind="external", number=9))
        await room.desk.put_video("film", pieces(MP4), len(MP4))
        view = await room.desk.start("p1", stimulus="film")
        assert not room.desk.known.begun(view.session_id)
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0, rate=0))
        room.desk.consensus.count("film", "p2", 0, ("HH", 1))
        assert room.desk.known.others(view.session_id, view.start_ms) is None
        room.clock.advance(30)
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=room.clock.now().wall_ms, stimulus_ms=0))
        assert room.desk.known.begun(view.session_id)
        other = await room.desk.start("p2", video_id=1)
        assert room.desk.known.begun(other.session_id)


async def test_a_trace_drowns_out_nothing_that_was_said(tmp_path: Path) -> None:
    """Ten points a second: the pool of voices hears one for each segment, and what was said before them too."""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        await room.desk.label(view.session_id, [NewLabel(probe="HH")])
        room.clock.advance(120)
        moments = range(view.start_ms + 20_000, view.start_ms + 110_000, 100)
        trace = [NewLabel(source="trace", at_ms=at, valence=(at - view.start_ms) / 200_000) for at in moments]
        assert await room.desk.label(view.session_id, trace) == 900
        labels = room.desk.known.labels(view.session_id)
        assert [one.probe for one in labels][-1] == "HH"
        assert len(labels) == 1 + 18
        assert labels[0].at_ms == moments[-1]
        assert [one.probe for one in room.desk.running()[0].labels] == ["HH"]


async def test_what_was_said_before_a_pause_is_still_about_the_film(tmp_path: Path) -> None:
    """The pool of voices leaves out labels that are older than the onset: both go by the same time."""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", video_id=1)
        told = (0, 0.0), (30, 1.0), (50, 0.0)
        for at_s, rate in told:
            clock = StimulusClock(at_ms=view.start_ms + at_s * 1000, stimulus_ms=20_000 * (at_s == 50), rate=rate)
            room.clock.advance(at_s + 1 - (room.clock.now().wall_ms - view.start_ms) / 1000)
            room.desk.tell_clock(view.session_id, clock)
        await room.desk.label(view.session_id, [NewLabel(probe="HH", at_ms=view.start_ms + 45_000)])
        listener = Listener(Voices(), room.desk.known, face_weight=0.5)
        viewing = room.viewings.running()[0]
        before, after = (
            listener.listen(
                Closed(Segment(0, 0, 0, view.start_ms + at, view.start_ms + at + 5000), viewing, onset=False), None
            )
            for at in (10_000, 165_000)
        )
        assert before.since_onset_s == 0.0
        assert after.since_onset_s == 140.0
        assert [after.end_ms - one.at_ms for one, _ in after.past(["HH", "HL", "LH", "LL"])] == [125_000]


async def test_a_marker_begins_the_clock_of_a_stimulus_that_is_shown_elsewhere(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2")
        view, other = await room.desk.start("p1", video_id=1), await room.desk.start("p2")
        room.clock.advance(30)
        marker = await room.desk.mark(view.session_id, name="Start ", note="", at_ms=view.start_ms + 20_000)
        assert marker.stimulus_ms == 0
        assert room.desk.known.place_ms(view.session_id, view.start_ms + 25_000) == 5000
        assert room.desk.known.onset_ms(view.session_id) == view.start_ms + 20_000
        assert (await room.desk.mark(other.session_id, name="start", note="", at_ms=None)).stimulus_ms is None
        await room.desk.stop(view.session_id)
        assert [one.stimulus_ms for one in (await room.desk.session(view.session_id)).clocks] == [0]


async def test_a_question_waits_as_long_by_a_wall_clock_that_is_set(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        for jump_s, waited_s in ((-3600, 21), (3600, 5)):
            room.desk.known.ask(view.session_id, "clock")
            room.clock.jump_wall(jump_s)
            room.clock.advance(waited_s)
            assert (room.desk.open_ask(view.session_id) is None) is (waited_s > 20)


class _Resting(NothingKnown):
    def resting(self, session_id: str, at_ms: int) -> bool:
        return at_ms >= 2000


def test_a_segment_rests_if_all_of_it_does() -> None:
    listener = Listener(Voices(), _Resting(), face_weight=0.5)
    viewing = Viewing("s", "p1", 1, Stamp(0, 0, trusted=True))
    first, second = (Segment(index, 0, 0, index * 5000, (index + 1) * 5000) for index in range(2))
    assert not listener.rests(Closed(first, viewing, onset=True))
    assert listener.rests(Closed(second, viewing, onset=False))


async def test_a_segment_hears_what_others_said_in_its_own_five_seconds(tmp_path: Path) -> None:
    """As in learning: at the end of a segment the quadrants and the points are those of the 5 s that end there."""
    async with opened_desk(tmp_path, settings=SessionSettings(consensus_reach_s=0)) as room:
        await room.agree("p1", "p2")
        view = await room.desk.start("p2", video_id=1)
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0))
        room.clock.advance(20)
        told = ((7000, "HH"), (10_000, "LL"))
        labels = [NewLabel(probe=probe, at_ms=view.start_ms + at_ms) for at_ms, probe in told]  # type: ignore[arg-type]
        await room.desk.label(view.session_id, labels)
        await room.desk.stop(view.session_id)
        view = await room.desk.start("p1", video_id=1)
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0))
        known, high = room.desk.known, pytest.approx((tanh(1.25),) * 2)
        for at_s, shares, means in ((10, (1, 0, 0, 0), high), (15, (0, 0, 0, 1), pytest.approx((-tanh(1.25),) * 2))):
            assert known.others(view.session_id, view.start_ms + at_s * 1000) == shares
            assert known.felt(view.session_id, view.start_ms + at_s * 1000, off_centre=0.25) == means
        assert known.others(view.session_id, view.start_ms + 5000) is None
        assert known.others(view.session_id, view.start_ms) is None


async def test_the_pool_is_told_what_others_felt_now_and_at_each_label(tmp_path: Path) -> None:
    """Of the 5 s that end with a moment, not of those that begin with it; and of as many labels as the pool hears."""
    async with opened_desk(tmp_path, settings=SessionSettings(consensus_reach_s=0)) as room:
        await room.agree("p1", "p2")
        room.desk.consensus.feel("video-1", "p2", 1, (0, 1.0, 2))
        room.desk.consensus.feel("video-1", "p2", 11, (1, -0.5, 1))
        view = await room.desk.start("p1", video_id=1)
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0))
        room.clock.advance(60)
        moments = [view.start_ms + at_s * 1000 for at_s in range(10, 45, 3)]
        await room.desk.label(view.session_id, [NewLabel(probe="HH", at_ms=at_ms) for at_ms in moments])
        listener = Listener(Voices(), room.desk.known, face_weight=0.5)
        viewing = room.viewings.running()[0]
        segment = Segment(11, 0, 0, view.start_ms + 55_000, view.start_ms + 60_000)
        closed = Closed(segment, viewing, onset=False)
        for wanted in (3, 8):
            felt = listener.listen(closed, Wanted(labels=wanted, off_centre=0.25)).felt
            at_labels = dict.fromkeys(moments[-wanted:], (None, None))
            assert felt == {segment.end_ms: (None, pytest.approx(-tanh(0.75)))} | at_labels
        assert listener.listen(closed, None).felt == {}
        at_first = room.desk.known.felt(view.session_id, moments[0], off_centre=0.5)
        assert at_first[0] == pytest.approx(tanh(1.0))
        assert at_first[1] is None
        assert NothingKnown().felt(view.session_id, moments[0], off_centre=0.25) == (None, None)
