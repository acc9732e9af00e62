"""The desk of sessions: consent before anything else, one session per participant, two at once, and what they watch."""

from pathlib import Path

import msgspec
import pytest

from contract.messages import Consent, Session
from contract.sessions import ChannelQuality, NewLabel, Stimulus, StimulusClock
from edge.affect.sessions.settings import SessionSettings
from edge.affect.signals.reading import NOISY, SLOW
from edge.core.errors import RecordInvalidError, RefusedError, UnknownError
from edge.web.session_port import SessionPort
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


async def test_clients_take_sensors_that_nobody_uses_before_they_share_one(tmp_path: Path) -> None:
    """S0.36, X.5: also where each sensor was given to somebody of the page, who is not in a session."""
    world = World(sensors=[sensor("left"), sensor("right")])
    async with opened_desk(tmp_path, world=world) as room:
        for participant, given in (("p1", "left"), ("p2", "right")):
            await room.desk.put_participant(participant, sensor=given, note="")
        views = [await room.desk.start(user, video_id=2, external=True) for user in ("user1", "user2", "user3")]
        assert [view.sensor for view in views] == ["left", "right", "left"]


async def test_a_warning_is_overruled_by_name_and_written_down(tmp_path: Path) -> None:
    off = {"gsr_us": ChannelQuality(state="electrode_off", index=0.0)}
    async with opened_desk(tmp_path, world=World(sensors=[sensor("left", quality=off)])) as room:
        await room.agree("p1")
        found = await room.desk.checks("p1", stimulus=None, sensor=None)
        assert found.ready
        states = {one.name: one.state for one in found.checks}
        assert states["electrodes"] == "warning"
        with pytest.raises(RefusedError, match="off the skin: skin conductance"):
            await room.desk.start("p1")
        view = await room.desk.start("p1", overrule=True)
        assert view.warnings == ["electrodes: off the skin: skin conductance"]


async def test_the_check_list_speaks_of_people_and_signals_rather_than_of_ids(tmp_path: Path) -> None:
    quality = {
        "pulse_raw": ChannelQuality(state="noisy", index=0.44),
        "gsr_raw": ChannelQuality(state="motion", index=0.2),
        "gsr_us": ChannelQuality(state="motion", index=0.2),
        "skin_c": ChannelQuality(state="ok", index=0.3),
    }
    worn = msgspec.structs.replace(sensor("body", quality=quality), name="Left hand")
    async with opened_desk(tmp_path, world=World(sensors=[worn], free_bytes=61_782 << 20)) as room:
        await room.agree("p1")
        said = {one.name: one.detail for one in (await room.desk.checks("p1", stimulus=None, sensor=None)).checks}
        assert said["sensor"] == "Left hand is connected"
        assert said["signal"] == "pulse is noisy; skin conductance is disturbed by movement; skin temperature is poor"
        assert said["disk"] == "64.8 GB free"
        room.world.sensors = [msgspec.structs.replace(worn, state="failed", detail="the port is gone")]
        said = {one.name: one.detail for one in (await room.desk.checks("p1", stimulus=None, sensor=None)).checks}
        assert said["sensor"] == "Left hand is not there: the port is gone"


async def test_the_check_list_claims_nothing_of_electrodes_on_a_board_that_nobody_calibrated(tmp_path: Path) -> None:
    quality = {"gsr_raw": ChannelQuality(state="ok", index=1.0)}
    async with opened_desk(tmp_path, world=World(sensors=[sensor("left", quality=quality)])) as room:
        await room.agree("p1")
        found = await room.desk.checks("p1", stimulus=None, sensor=None)
        said = {one.name: (one.state, one.detail) for one in found.checks}
        assert said["electrodes"] == (
            "warning",
            "whether they are on the skin cannot be told: the board is not calibrated",
        )
        assert said["signal"] == ("ok", "clean")


async def test_the_check_list_says_why_a_signal_is_poor_where_that_is_known(tmp_path: Path) -> None:
    quality = {
        "gsr_us": ChannelQuality(state="noisy", index=0.0, detail=SLOW),
        "pulse_raw": ChannelQuality(state="noisy", index=0.2, detail=NOISY),
    }
    async with opened_desk(tmp_path, world=World(sensors=[sensor("left", quality=quality)])) as room:
        await room.agree("p1")
        said = {one.name: one.detail for one in (await room.desk.checks("p1", stimulus=None, sensor=None)).checks}
        assert said["signal"] == f"skin conductance is noisy: {SLOW}; pulse is noisy"


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
        assert next(one.detail for one in found.checks if one.name == "disk") == "1 byte free"
        unknown = await room.desk.checks("p1", stimulus="nowhere", sensor=None)
        assert "no stimulus 'nowhere'" in unknown.checks[-1].detail


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
