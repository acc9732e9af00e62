"""What is said in a session: labels, answers, markers and traces, each kept once, told once and put in its place."""

from itertools import pairwise
from math import tanh
from pathlib import Path

import pytest

from contract.messages import Label, Marker, Prediction
from contract.sessions import NewLabel, Stimulus, StimulusClock
from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import RefusedError, UnknownError
from tests.support.sessions_room import opened_desk


async def test_labels_are_kept_once_and_told_once(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", video_id=1)
        label = NewLabel(probe="HL", label_id="a")
        assert await room.desk.label(view.session_id, [label, label]) == 1
        assert await room.desk.label(view.session_id, [label, NewLabel(valence=0.5)]) == 1
        with pytest.raises(RefusedError, match="at least one of"):
            await room.desk.label(view.session_id, [NewLabel()])
        assert len(await room.bodies(Label)) == 2
        seen = await room.desk.session(view.session_id)
        assert [(one.probe, one.valence) for one in seen.labels] == [("HL", None), (None, 0.5)]


async def test_an_answer_tells_what_was_asked_and_closes_the_question(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.desk.known.ask(view.session_id, "change")
        asked = room.desk.open_ask(view.session_id)
        assert asked
        room.desk.known.ask(view.session_id, "clock")
        assert room.desk.open_ask(view.session_id) == asked
        room.clock.advance(3)
        await room.desk.label(view.session_id, [NewLabel(probe="LL", ask_id=asked.ask_id)])
        assert room.desk.open_ask(view.session_id) is None
        [told] = await room.bodies(Label)
        assert isinstance(told, Label)
        assert (told.ask_id, told.asked_ms, told.reason) == (asked.ask_id, asked.at_ms, "change")
        assert not [message for message in room.hub.latest() if message.topic == "ask"]
        assert room.desk.known.labels(view.session_id)[0].probe == "LL"


async def test_a_question_expires(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.desk.known.ask(view.session_id, "clock")
        first = room.desk.open_ask(view.session_id)
        room.clock.advance(25)
        assert room.desk.open_ask(view.session_id) is None
        assert first
        room.desk.known.ask(view.session_id, "unsure")
        await room.desk.label(view.session_id, [NewLabel(probe="LL", ask_id=first.ask_id)])
        assert room.desk.open_ask(view.session_id) is not None
        room.desk.known.ask("nowhere", "clock")
        assert room.desk.open_ask("nowhere") is None


async def test_a_marked_rest_lasts_a_minute_and_others_speak_of_the_same_film(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        for name in ("p1", "p2"):
            await room.agree(name)
            await room.desk.put_stimulus(Stimulus(id="film", duration_ms=90_000))
            view = await room.desk.start(name, stimulus="film", overrule=True)
            room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0))
            room.clock.advance(20)
            await room.desk.label(view.session_id, [NewLabel(probe="LH")])
        known, now_ms = room.desk.known, room.clock.now().wall_ms
        assert known.duration_ms(view.session_id) == 90_000
        assert known.place_ms(view.session_id, now_ms) == 20_000
        assert known.others(view.session_id, now_ms) == (0.0, 0.0, 1.0, 0.0)
        assert not known.resting(view.session_id, now_ms + 5)
        await room.desk.mark(view.session_id, name="Rest", note="", at_ms=None)
        assert [known.resting(view.session_id, now_ms + after) for after in (1, 60_000, 60_001)] == [True, True, False]
        assert (known.labels("nowhere"), known.others("nowhere", 0), known.duration_ms("nowhere")) == ([], None, None)


async def test_a_trace_of_many_points_is_few_records(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        at_ms = view.start_ms
        room.clock.advance(60)
        points = [NewLabel(source="trace", at_ms=at_ms + 100 * step, valence=0.1, arousal=-0.2) for step in range(600)]
        assert await room.desk.label(view.session_id, points) == 600
        told = [body for body in await room.bodies(Label) if isinstance(body, Label)]
        assert [len(body.trace) for body in told] == [500, 100]
        assert told[0].trace[1] == (at_ms + 100, 0.1, -0.2)


async def test_of_a_long_trace_as_many_points_are_shown_as_one_can_see(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.clock.advance(600)
        for first in range(0, 5000, 1000):
            moments = range(view.start_ms + first * 100, view.start_ms + (first + 1000) * 100, 100)
            await room.desk.label(view.session_id, [NewLabel(source="trace", at_ms=at, valence=0.1) for at in moments])
        await room.desk.label(view.session_id, [NewLabel(probe="HH")])
        labels = (await room.desk.session(view.session_id)).labels
        assert [labels[0].at_ms, labels[1].at_ms] == [view.start_ms, view.start_ms + 300]
        assert [len(labels), labels[-1].probe] == [1993, "HH"]
        assert max(two.at_ms - one.at_ms for one, two in pairwise(labels[:-1])) <= 400
        shown = await room.desk.session(view.session_id)
        assert (shown.said, shown.traced) == (1, 5000)
        running = room.desk.running()[0]
        assert (len(running.labels), running.said, running.traced) == (1, 1, 5000)
        assert "1, and 5000 points of traces" in await room.desk.report(view.session_id)


async def test_a_session_has_no_more_labels_than_the_settings_say(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(max_labels=100)) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        assert await room.desk.label(view.session_id, [NewLabel(probe="HH")] * 100) == 100
        with pytest.raises(RefusedError, match="100 labels at most"):
            await room.desk.label(view.session_id, [NewLabel(probe="HH")])


async def test_the_stimulus_clock_places_labels_and_markers(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", stimulus="video-1")
        assert view.clock is None
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=room.clock.now().wall_ms, stimulus_ms=7000))
        room.clock.advance(5)
        marker = await room.desk.mark(view.session_id, name="cough", note="", at_ms=None)
        assert marker.stimulus_ms == 12_000
        await room.desk.label(view.session_id, [NewLabel(probe="HH", stimulus_ms=9000)])
        seen = await room.desk.session(view.session_id)
        assert [one.stimulus_ms for one in seen.clocks] == [7000]
        assert [(one.stimulus_ms, one.at_ms - view.start_ms) for one in seen.labels] == [(9000, 2000)]
        assert len(await room.bodies(Marker)) == 1
        await room.desk.stop(view.session_id)
        with pytest.raises(RefusedError, match="has ended"):
            await room.desk.mark(view.session_id, name="late", note="", at_ms=None)
        note = await room.desk.mark(view.session_id, name="", note="looked tired\0", at_ms=None)
        assert (note.name, note.note) == ("note", "looked tired")
        with pytest.raises(UnknownError):
            room.desk.tell_clock(view.session_id, StimulusClock(at_ms=0, stimulus_ms=0))


async def test_others_labels_of_a_stimulus_make_its_consensus(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2")
        for person, probe in (("p1", "HH"), ("p2", "LL")):
            view = await room.desk.start(person, stimulus="video-1")
            await room.desk.label(view.session_id, [NewLabel(probe=probe, stimulus_ms=6000)])  # type: ignore[arg-type]
            await room.desk.stop(view.session_id)
        assert room.desk.consensus.shares("video-1", 5000, but_of="p1") == (0, 0, 0, 1)
        assert room.desk.consensus.shares("video-1", 5000, but_of="p3") == (0.5, 0, 0, 0.5)
        assert room.desk.consensus.shares("video-1", 60_000, but_of="p1") is None
        view = await room.desk.start("p1", stimulus="video-1")
        await room.desk.label(view.session_id, [NewLabel(valence=0.3, arousal=0.0, stimulus_ms=31_000)])
        await room.desk.stop(view.session_id)
        moments = (5000, 31_000)
        felt = [room.desk.consensus.means("video-1", at, but_of="p3", off_centre=0.25) for at in moments]
        assert felt == [(0.0, 0.0), (pytest.approx(tanh(0.55)), 0.0)]
    async with opened_desk(tmp_path) as room:
        assert room.desk.consensus.shares("video-1", 5000, but_of="p1") == (0, 0, 0, 1)
        assert [room.desk.consensus.means("video-1", at, but_of="p3", off_centre=0.25) for at in moments] == felt


async def test_predictions_of_a_video_pass_both_filters_in_order(tmp_path: Path) -> None:
    """S0.11, S0.12, S0.24, S0.36"""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2")
        one, two = await room.desk.start("p1", video_id=1), await room.desk.start("p2", video_id=1)
        for index in (1, 0):
            await room.predict(one.session_id, "p1", index)
        late = await room.predict(two.session_id, "p2", 5)

        async def found(user: str | None, session: str | None, since: int | None = None) -> list[Prediction]:
            return list(await room.desk.predictions(1, user_id=user, session_id=session, since_ms=since))

        assert [one.segment_index for one in await found(None, None)] == [0, 1, 5]
        assert [one.user_id for one in await found("p1", None)] == ["p1", "p1"]
        assert await found("p1", two.session_id) == []
        assert await found(None, None, late.end_ms - 1) == [late]
        assert list(await room.desk.predictions(3, user_id=None, session_id=None, since_ms=None)) == []
        assert len(await room.desk.segments(one.session_id)) == 2
        assert [view.segments for view in await room.desk.sessions(None, limit=5)] == [1, 2]
        await room.desk._floor.count_segments()
        assert [view.segments for view in room.desk.running()] == [2, 1]
        shown = [message.data["segments"] for message in room.hub.latest() if message.topic == "session"]
        assert sorted(shown) == [1, 2]
        with pytest.raises(UnknownError):
            await room.desk.segments("nowhere")
