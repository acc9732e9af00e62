"""What estimating emotion is told of a session: to its last segment, by its own clock, and of rests that are whole."""

from pathlib import Path

from contract.sessions import NewLabel, Stimulus, StimulusClock
from edge.affect.knowledge import NothingKnown
from edge.affect.listening import Listener
from edge.affect.runs import Closed
from edge.affect.segments import Segment
from edge.affect.session import Viewing
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
        await room.desk.erase("p2")
        assert known.labels(second.session_id) == []


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
                Closed(Segment(0, 0, 0, view.start_ms + at, view.start_ms + at + 5000), viewing, onset=False)
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
