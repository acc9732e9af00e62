"""The desk of sessions: consent before anything else, one session per participant, two at once, and what is told."""

import asyncio
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from contract.messages import AnyBody, Consent, Label, Marker, Prediction, Record, Session
from contract.sessions import ChannelQuality, NewLabel, Stimulus, StimulusClock
from edge.affect.sessions.book import Book
from edge.affect.sessions.settings import SessionSettings
from edge.core.clock import Stamp
from edge.core.errors import RecordInvalidError, RefusedError, StoreError, UnknownError
from edge.core.health import State
from edge.outbox.store import Outbox
from edge.web.session_port import SessionPort
from tests.support.clock import FakeClock
from tests.support.sessions_room import MP4, World, opened_desk, pieces, sensor


async def test_nothing_begins_before_the_participant_agreed_to_the_text_of_now(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        with pytest.raises(UnknownError, match="no participant 'p1'"):
            await room.desk.start("p1")
        await room.desk.put_participant("p1", sensor="left", note="")
        with pytest.raises(RefusedError, match="no consent is recorded"):
            await room.desk.start("p1", overrule=True)
        with pytest.raises(RefusedError, match="not the text of now"):
            await room.desk.consent("p1", given=True, text_sha256="0" * 64, witness="lead")
        await room.agree("p1")
        view = await room.desk.start("p1")
        assert (view.participant, view.sensor, view.end_ms) == ("p1", "left", None)
        assert [type(body) for body in await room.bodies(Consent | Session)] == [Consent, Session]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Ada Lovelace", "ada@example.org", "", "../p", "p\n"])
async def test_a_participant_goes_by_a_pseudonym(tmp_path: Path, name: str) -> None:
    async with opened_desk(tmp_path) as room:
        with pytest.raises(RefusedError, match="pseudonym"):
            await room.desk.put_participant(name, sensor=None, note="")
        with pytest.raises(RefusedError, match="pseudonym"):
            await room.desk.start(name, video_id=1, external=True)
        assert room.desk.participants() == []


async def test_taking_consent_back_ends_the_session_and_nothing_more_is_kept(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        sha256 = room.desk.consent_text().sha256
        await room.desk.consent("p1", given=False, text_sha256=sha256, witness="lead")
        assert (await room.desk.session(view.session_id)).reason == "withdrawn"
        with pytest.raises(RefusedError, match="took the consent back"):
            await room.desk.label(view.session_id, [NewLabel(probe="HH")])
        with pytest.raises(RefusedError, match="took the consent back"):
            await room.desk.mark(view.session_id, name="late", note="x", at_ms=None)
        late = await room.predict("other", "p2")
        with pytest.raises(RecordInvalidError):
            await room.desk.gate.append(late)
        with pytest.raises(RefusedError, match="took the consent back"):
            await room.desk.start("p1", video_id=2, external=True)


async def test_a_session_has_the_id_of_existing_clients_and_comes_back_by_it(tmp_path: Path) -> None:
    """S0.29, X.4"""
    async with opened_desk(tmp_path) as room:
        await room.agree("user_1")
        view = await room.desk.start("user_1", video_id=2, at_ms=1_732_178_316_000)
        assert (view.session_id, view.stimulus) == ("user_1_2_1732178316000", "video-2")
        assert await room.desk.start("user_1", session_id=view.session_id) == view
        await room.desk.stop(view.session_id)
        again = await room.desk.start("user_1", session_id=view.session_id)
        assert again.reason == "stopped"
        assert room.desk.running() == []
        with pytest.raises(RefusedError, match="another participant's"):
            await room.agree("p2")
            await room.desk.start("p2", session_id=view.session_id)


async def test_two_participants_watch_one_video_at_once_on_two_sensors(tmp_path: Path) -> None:
    """S0.36, X.5"""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2", "p3")
        one, two = await room.desk.start("p1", video_id=1), await room.desk.start("p2", video_id=1)
        assert {one.sensor, two.sensor} == {"left", "right"}
        now_ns = room.clock.mono_ns()
        found = {name: room.viewings.at(name, now_ns) for name in ("left", "right")}
        assert {name: viewing.user_id for name, viewing in found.items() if viewing} == {"left": "p1", "right": "p2"}
        with pytest.raises(RefusedError, match="every sensor is used"):
            await room.desk.start("p3", overrule=True)
        with pytest.raises(RefusedError, match="sensor left is used by p1"):
            await room.desk.start("p3", sensor="left", overrule=True)


async def test_a_new_session_of_a_participant_replaces_the_one_that_runs(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        first = await room.desk.start("p1", video_id=1)
        room.clock.advance(10)
        second = await room.desk.start("p1", video_id=2)
        assert [view.session_id for view in room.desk.running()] == [second.session_id]
        ended = await room.desk.session(first.session_id)
        assert (ended.reason, ended.end_ms) == ("replaced", first.start_ms + 10_000)
        viewing = room.viewings.find(first.session_id)
        assert viewing
        assert viewing.stopped
        assert (viewing.started.wall_ms, viewing.stopped.wall_ms) == (ended.start_ms, ended.end_ms)
        told = [(body.phase, body.reason) for body in await room.bodies(Session) if isinstance(body, Session)]
        assert told == [("start", ""), ("stop", "replaced"), ("start", "")]


async def test_an_existing_client_brings_its_own_consent_and_knows_no_check_list(tmp_path: Path) -> None:
    """S0.6, X.24"""
    async with opened_desk(tmp_path, world=World(sensors=[sensor("left", state="failed")])) as room:
        view = await room.desk.start("anonymous", video_id=4, external=True)
        assert (view.video_id, view.sensor) == (4, "left")
        consents = [body for body in await room.bodies(Consent) if isinstance(body, Consent)]
        assert [(one.participant, one.text_version, one.witness) for one in consents] == [
            ("anonymous", "external", "existing client")
        ]
        with pytest.raises(UnknownError, match="no video 9"):
            await room.desk.start("anonymous", video_id=9, external=True)
        newer = await room.desk.start("user2", video_id=4, external=True)
        on_sensor = room.viewings.at("left", room.clock.mono_ns())
        assert on_sensor
        assert on_sensor.session_id == newer.session_id
        await room.desk.stop(newer.session_id)
        back = room.viewings.at("left", room.clock.mono_ns())
        assert back
        assert back.session_id == view.session_id


async def test_an_existing_client_is_refused_where_its_consent_does_not_count(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(external_consent=False)) as room:
        with pytest.raises(RefusedError, match="no consent of user1 is recorded"):
            await room.desk.start("user1", video_id=1, external=True)
        assert room.desk.participants() == []
        await room.agree("user1")
        assert (await room.desk.start("user1", video_id=1, external=True)).participant == "user1"


async def test_what_another_program_was_told_counts_only_while_the_settings_say_so(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.desk.start("user1", video_id=1, external=True)
    async with opened_desk(tmp_path, settings=SessionSettings(external_consent=False)) as room:
        with pytest.raises(RefusedError, match="no consent of user1 is recorded"):
            await room.desk.start("user1", video_id=1, external=True)


async def test_a_warning_is_overruled_by_name_and_written_down(tmp_path: Path) -> None:
    off = {"gsr_us": ChannelQuality(state="electrode_off", index=0.0)}
    async with opened_desk(tmp_path, world=World(sensors=[sensor("left", quality=off)])) as room:
        await room.agree("p1")
        found = await room.desk.checks("p1", stimulus=None, sensor=None)
        assert found.ready
        states = {one.name: one.state for one in found.checks}
        assert states["electrodes"] == "warning"
        with pytest.raises(RefusedError, match="off the skin: gsr_us"):
            await room.desk.start("p1")
        view = await room.desk.start("p1", overrule=True)
        assert view.warnings == ["electrodes: off the skin: gsr_us"]


async def test_the_check_list_names_everything_that_stops_a_session(tmp_path: Path) -> None:
    world = World(sensors=[], free_bytes=1, model_problem="no model works")
    async with opened_desk(tmp_path, world=world) as room:
        await room.desk.put_stimulus(Stimulus(id="film", kind="file"))
        await room.desk.put_participant("p1", sensor=None, note="")
        room.clock.trusted = False
        found = await room.desk.checks("p1", stimulus="film", sensor=None)
        assert not found.ready
        assert {one.name: one.state for one in found.checks} == {
            "consent": "stop",
            "sensor": "stop",
            "clock": "warning",
            "disk": "stop",
            "model": "warning",
            "stimulus": "stop",
        }
        assert all(one.remedy for one in found.checks)
        unknown = await room.desk.checks("p1", stimulus="nowhere", sensor=None)
        assert "no stimulus 'nowhere'" in unknown.checks[-1].detail


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
        assert "1, and 5000 points of traces" in await room.desk.report(view.session_id)


async def test_the_oldest_session_goes_when_the_file_is_too_large(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(max_bytes=1 << 20)) as room:
        await room.agree("p1")
        views = [await room.desk.start("p1", session_id=name) for name in ("a", "b", "c")]
        for view in views[:2]:
            for _ in range(300):
                await room.desk.mark(view.session_id, name="x", note="words " * 600, at_ms=None)
        await room.desk._keep()
        assert [view.session_id for view in await room.desk.sessions(None, limit=9)] == ["c", "b"]


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
    async with opened_desk(tmp_path) as room:
        assert room.desk.consensus.shares("video-1", 5000, but_of="p1") == (0, 0, 0, 1)


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


async def test_a_session_that_nobody_stopped_is_ended(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(longest_s=60)) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.clock.advance(61)
        await room.desk._keep()
        assert room.desk.running() == []
        assert (await room.desk.session(view.session_id)).end_ms == view.start_ms + 61_000


async def test_only_so_many_ended_sessions_are_kept(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(max_sessions=10)) as room:
        await room.agree("p1")
        for _ in range(13):
            room.clock.advance(1)
            view = await room.desk.start("p1")
        await room.desk._keep()
        assert len(await room.desk.sessions(None, limit=100)) == 10
        assert room.desk.participants()[0].sessions == 10
        assert room.desk.running()[0].session_id == view.session_id


async def test_a_video_is_taken_whole_and_shown_until_removed(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        await room.desk.put_stimulus(Stimulus(id="film", title="A film", kind="file", number=7))
        made = await room.desk.put_video("film", pieces(MP4), len(MP4))
        path = room.desk.video_of("film")
        assert path
        assert path.read_bytes() == MP4
        assert made.size_bytes == len(MP4)
        view = await room.desk.start("p1", stimulus="film")
        assert view.video_id == 7
        for refused in (room.desk.put_video("film", pieces(MP4), None), room.desk.remove_stimulus("film")):
            with pytest.raises(RefusedError, match="shows film"):
                await refused
        with pytest.raises(RefusedError, match="number 7"):
            await room.desk.put_stimulus(Stimulus(id="other", number=7))
        await room.desk.stop(view.session_id)
        await room.desk.put_stimulus(Stimulus(id="film", title="Renamed", kind="file"))
        assert room.desk.video_of("film") == path
        await room.desk.remove_stimulus("film")
        assert not path.exists()
        with pytest.raises(UnknownError):
            room.desk.video_of("film")


async def test_stimuli_of_the_settings_are_made_once(tmp_path: Path) -> None:
    """U0.4, X.24"""
    async with opened_desk(tmp_path) as room:
        durations = {one.number: one.duration_ms for one in room.desk.stimuli()}
        assert durations == {1: 180_000, 2: 151_000, 3: 160_000, 4: 117_000}
        await room.desk.remove_stimulus("video-4")
        await room.desk.put_stimulus(Stimulus(id="video-1", number=1, duration_ms=90_000))
    async with opened_desk(tmp_path) as room:
        assert {one.number: one.duration_ms for one in room.desk.stimuli()} == {1: 90_000, 2: 151_000, 3: 160_000}


async def test_a_session_that_a_killed_daemon_left_running_ends_when_it_was_last_known_to_run(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened_desk(tmp_path, clock=clock) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", video_id=1)
        room.clock.advance(40)
        await room.desk._keep()
        await room.predict(view.session_id, "p1", 9)
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "sessions", copy)
    shutil.rmtree(tmp_path / "sessions")
    copy.rename(tmp_path / "sessions")
    clock.advance(3600)
    async with opened_desk(tmp_path, clock=clock) as room:
        ended = await room.desk.session(view.session_id)
        assert (ended.reason, ended.end_ms) == ("restarted", view.start_ms + 50_000)
        assert room.desk.running() == []


async def test_the_service_tells_what_the_store_did_not_take_and_says_so_meanwhile(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        refusing = True

        async def append(body: AnyBody, at: Stamp | None = None) -> Record:
            if refusing:
                raise StoreError("the disk is full")
            return await Outbox.append(room.outbox, body, at)

        room.outbox.append = append  # type: ignore[method-assign]
        await room.agree("p1")
        view = await room.desk.start("p1")
        await room.desk.label(view.session_id, [NewLabel(probe="HH")])
        degraded = asyncio.Event()
        room.health.on_change = lambda part: degraded.set() if part.state is State.DEGRADED else None
        working = asyncio.create_task(room.desk.run())
        await degraded.wait()
        refusing = False
        await room.outbox.wait_beyond(2)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert room.desk.pulse.alive
        kinds = [type(record.body).__name__ for _, record in await room.outbox.history(after=0)]
        assert kinds == ["Consent", "Session", "Label"]


async def test_the_desk_is_what_the_lan_side_asks_for(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        port: SessionPort = room.desk
        assert port.running() == []


async def test_nothing_of_a_sensors_wearer_is_kept_until_they_agreed(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, participants={"left": "p1"}) as room:
        assert room.viewings.wearer("left") == "p1" and not room.viewings.may_name("p1")
        await room.agree("p1")
        assert room.viewings.may_name("p1")
        assert (await room.desk.start("p1")).sensor == "left"


async def test_a_damaged_file_is_put_aside_and_goes_with_the_next_erasure(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "sessions.db").write_bytes(b"not a database at all" * 100)
    async with opened_desk(tmp_path) as room:
        assert room.health.of("sessions") is State.DEGRADED
        asides = [path for path in (tmp_path / "sessions").iterdir() if "damaged" in path.name]
        assert len(asides) == 1
        await room.agree("p1")
        await room.desk.erase("p1")
        assert not asides[0].exists()


async def test_absurd_numbers_and_names_are_answered_and_not_stumbled_over(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", video_id=1, at_ms=10**30)
        huge = NewLabel(probe="HH", stimulus_ms=10**30, at_ms=10**30)
        assert await room.desk.label(view.session_id, [huge, NewLabel(probe="HH", stimulus_ms=-5)]) == 2
        room.desk.tell_clock(view.session_id, StimulusClock(at_ms=10**30, stimulus_ms=86_400_000, rate=16))
        await room.desk.mark(view.session_id, name="x", note="", at_ms=10**30)
        places = {label.stimulus_ms for label in (await room.desk.session(view.session_id)).labels}
        assert places == {0, 86_400_000}
        for session_id in ("\udcff", "a\0", "x" * 5000):
            with pytest.raises(UnknownError):
                await room.desk.session(session_id)
            with pytest.raises(RefusedError):
                await room.desk.start("p1", session_id=session_id)
        found = await room.desk.predictions(10**30, user_id="\udcff", session_id=None, since_ms=None)
        assert list(found) == []
        assert list(await room.desk.predictions(1, user_id=None, session_id=None, since_ms=10**30)) == []


async def test_a_file_that_is_damaged_in_its_middle_is_put_aside_too(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened_desk(tmp_path, clock=clock) as room:
        await room.agree("p1")
        for name in ("a", "b", "c"):
            await room.desk.start("p1", session_id=name)
            for _ in range(20):
                await room.desk.mark(name, name="x", note="words " * 600, at_ms=None)
    path = tmp_path / "sessions" / "sessions.db"
    data = path.read_bytes()
    path.write_bytes(data[:8192] + bytes(255 - one for one in data[8192:]))
    async with opened_desk(tmp_path, clock=clock) as room:
        assert room.health.of("sessions") is State.DEGRADED
        assert room.desk.participants() == []
        assert list((tmp_path / "sessions").glob("sessions.db.damaged-*"))


async def test_a_session_that_the_disk_could_not_end_ends_later_at_the_moment_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.clock.advance(10)

        def refuse(self: Book, kept: object, at: object) -> None:
            raise StoreError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(Book, "put_sessions", refuse)
            with pytest.raises(StoreError):
                await room.desk.consent("p1", given=False, text_sha256="", witness="")
        assert not room.viewings.running()
        room.clock.advance(60)
        await room.desk._keep()
        assert room.desk.running() == []
        ended = await room.desk.session(view.session_id)
        assert (ended.end_ms, ended.reason) == (view.start_ms + 10_000, "withdrawn")
