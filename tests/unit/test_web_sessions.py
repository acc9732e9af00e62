"""Participants, stimuli, sessions and sensors by their native routes: what they take, say, refuse, and whose it is."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

import edge.web.sign_ins
from contract.sessions import ChannelQuality, Check, CheckList, SignalView, StimulusClock
from edge.web.auth import Auth
from edge.web.callers import Caller
from edge.web.feed import MOST_OF_ONE, Feeds
from edge.web.problem import ProblemError
from edge.web.session_views import stimulus_at
from tests.support.clock import FakeClock
from tests.support.session_stage import CONSENT, FakeSensors, FakeSessions, sensor_view
from tests.support.web import Web, make_web

FAR = "203.0.113.9"


class Desk:
    """The appliance, asked by its administrator unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        (folder / "videos").mkdir()
        self.port = FakeSessions(folder=folder / "videos")
        self.sensors = FakeSensors("wrist", "belt", hub=self.port.hub)
        self.web: Web = make_web(folder, sessions=self.port, sensors=self.sensors, hub=self.port.hub)

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.web.app, client=(FAR, 1))
        sent = await self.web.signed_in() if headers is None else headers
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=sent, **more)

    async def linked(self, participant: str) -> dict[str, str]:
        """The header of somebody who came by a link."""
        made = await self.ask("POST", f"/v1/participants/{participant}/link")
        assert made.status_code == 201
        return {"Authorization": f"Bearer {made.json()['token']}"}

    async def begin(self, participant: str, **body: Any) -> str:
        if participant not in self.port.people:
            self.port.welcome(participant)
        begun = await self.ask("POST", "/v1/sessions", json={"participant": participant, "overrule": True, **body})
        assert begun.status_code == 200, begun.text
        session_id: str = begun.json()["session_id"]
        return session_id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_participant_is_made_agrees_takes_it_back_and_is_erased(desk: Desk) -> None:
    made = await desk.ask("PUT", "/v1/participants/p-01", json={"sensor": "wrist", "note": "left hand"})
    assert (made.status_code, made.json()["sensor"], made.json()["consent"]) == (200, "wrist", None)
    text = (await desk.ask("GET", "/v1/consent")).json()
    said = {"given": True, "text_sha256": text["sha256"], "witness": "me"}
    agreed = (await desk.ask("POST", "/v1/participants/p-01/consent", json=said)).json()["consent"]
    assert (agreed["given"], agreed["witness"], agreed["text_version"]) == (True, "me", "1")
    session = await desk.begin("p-01")
    assert (await desk.ask("GET", "/v1/participants")).json()["participants"][0]["sessions"] == 1
    await desk.ask("POST", "/v1/participants/p-01/consent", json={**said, "given": False})
    assert desk.port.known[session].reason == "withdrawn"
    erased = await desk.ask("DELETE", "/v1/participants/p-01")
    assert (erased.status_code, erased.json()["participant"], erased.json()["sessions"]) == (200, "p-01", [session])
    assert (await desk.ask("DELETE", "/v1/participants/p-01")).status_code == 404


async def test_another_text_than_that_of_now_is_refused(desk: Desk) -> None:
    desk.port.welcome("p-01", consent=False)
    said = {"given": True, "text_sha256": "0" * 64}
    refused = await desk.ask("POST", "/v1/participants/p-01/consent", json=said)
    assert (refused.status_code, refused.json()["field"]) == (409, "$.text_sha256")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("PUT", "participants/-x", {}, 400, "participant"),
        ("PUT", "participants/p", {"name": "Ada"}, 400, "$"),
        ("PUT", "participants/p", {"note": "x" * 2001}, 400, "$.note"),
        ("POST", "participants/nobody/consent", {"given": True, "text_sha256": CONSENT.sha256}, 404, "$.text_sha256"),
        ("POST", "participants/p/consent", {"given": True, "text_sha256": "x"}, 400, "$.text_sha256"),
        ("POST", "participants/nobody/link", None, 404, "participant"),
        ("PUT", "stimuli/a", {"id": "b"}, 400, "$.id"),
        ("PUT", "stimuli/a", {"id": "a", "number": -1}, 400, "$.number"),
        ("PUT", "stimuli/a", {"id": "a", "number": 7}, 409, "$.number"),
        ("DELETE", "stimuli/none", None, 404, "stimulus"),
        ("GET", "stimuli/none", None, 404, "stimulus"),
        ("GET", "stimuli/seven/video", None, 404, "stimulus"),
        ("POST", "sessions", {"participant": "nobody"}, 404, None),
        ("POST", "sessions", {"participant": "p", "session_id": "\n"}, 400, "$.session_id"),
        ("POST", "sessions", {"participant": "p", "session_id": "a/b"}, 400, "$.session_id"),
        ("GET", "sessions/checks", None, 400, "participant"),
        ("GET", "sessions/checks?participant=nobody", None, 404, None),
        ("GET", "sessions?limit=0", None, 400, "limit"),
        ("GET", "sessions?participant=-", None, 400, "participant"),
        ("GET", "sessions/none", None, 404, None),
        ("POST", "sessions/none/stop", None, 404, None),
        ("POST", "sensors/none/command", {"command": "identify"}, 404, "sensor"),
        ("POST", "sensors/wrist/command", {"command": "rate", "value": 50}, 409, "sensor"),
        ("POST", "sensors/wrist/command", {"command": "explode"}, 400, "$.command"),
    ],
)
async def test_what_cannot_be_done_names_the_field(  # noqa: PLR0917 - a table
    desk: Desk, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    desk.port.welcome("p")
    desk.port.show("seven", number=7)
    refused = await desk.ask(method, f"/v1/{path}", json=body)
    assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_session_from_its_check_list_to_its_report(desk: Desk) -> None:
    desk.port.welcome("p-01")
    desk.port.show("calm", number=2)
    checks = (await desk.ask("GET", "/v1/sessions/checks?participant=p-01&stimulus=calm")).json()
    assert (checks["ready"], checks["checks"][1]["state"]) == (True, "warning")
    warned = await desk.ask("POST", "/v1/sessions", json={"participant": "p-01", "stimulus": "calm"})
    assert (warned.status_code, "overrule" in warned.json()["detail"]) == (409, True)
    assert await desk.begin("p-01", stimulus="calm", session_id="p-01 2 é") == "p-01 2 é"
    one = await desk.begin("p-01", stimulus="calm", session_id="p-01_2_7")
    path = f"/v1/sessions/{one}"
    assert (await desk.ask("GET", path)).json()["stimulus"] == "calm"
    clock = {"at_ms": desk.port.known[one].start_ms, "stimulus_ms": 500, "rate": 1.0}
    assert (await desk.ask("POST", f"{path}/clock", json=clock)).status_code == 204
    marked = (await desk.ask("POST", f"{path}/markers", json={"name": "door", "note": "it slammed"})).json()
    assert (marked["name"], marked["note"]) == ("door", "it slammed")
    asked = desk.port.ask(one)
    assert (await desk.ask("GET", f"{path}/ask")).json()["ask"]["ask_id"] == asked.ask_id
    labels = [{"probe": "HH", "label_id": "l1", "ask_id": asked.ask_id}, {"source": "trace", "valence": 0.5}]
    assert (await desk.ask("POST", f"{path}/labels", json={"labels": labels})).json() == {"kept": 2}
    assert (await desk.ask("POST", f"{path}/labels", json={"labels": labels[:1]})).json() == {"kept": 0}
    assert (await desk.ask("GET", f"{path}/ask")).json() == {"ask": None}
    desk.port.predict(one, "LH")
    desk.port.predict(one, None)
    first, second = (await desk.ask("GET", f"{path}/segments")).json()["segments"]
    assert (first["emotion"], first["color"], first["stimulus_ms"]) == ("Angry", "#f4978e", 500)
    assert (second["probe"], second["emotion"], second["stimulus_ms"]) == (None, "Unknown", 5500)
    assert second["start_ms"] == first["end_ms"]
    assert (first["voices"], first["pushes"]["scr_count"]) == ({"body": 0.7, "labels": 0.3}, 0.8)
    ended = (await desk.ask("POST", f"{path}/stop")).json()
    assert ended["end_ms"] is not None
    assert (await desk.ask("POST", f"{path}/clock", json=clock)).status_code == 409
    report = await desk.ask("GET", f"{path}/report")
    assert report.headers["content-type"].startswith("text/html")
    assert "'unsafe-inline'" in report.headers["content-security-policy"]
    assert "sandbox" in report.headers["content-security-policy"]
    newest = (await desk.ask("GET", "/v1/sessions?participant=p-01&limit=1")).json()["sessions"]
    assert [(view["session_id"], view["labels"]) for view in newest] == [(one, [])]


async def test_without_consent_a_session_is_forbidden_and_with_a_stop_it_conflicts(desk: Desk) -> None:
    desk.port.welcome("p-01", consent=False)
    forbidden = await desk.ask("POST", "/v1/sessions", json={"participant": "p-01"})
    assert (forbidden.status_code, forbidden.json()["field"]) == (403, "$.participant")
    desk.port.welcome("p-02")
    desk.port.list_of_checks = CheckList(ready=False, checks=[Check(name="disk", state="stop", detail="full")])
    stopped = await desk.ask("POST", "/v1/sessions", json={"participant": "p-02", "overrule": True})
    assert stopped.status_code == 409


async def test_a_label_that_says_nothing_is_named(desk: Desk) -> None:
    one = await desk.begin("p-01")
    labels = {"labels": [{"probe": "HH"}, {"source": "square"}]}
    refused = await desk.ask("POST", f"/v1/sessions/{one}/labels", json=labels)
    assert (refused.status_code, refused.json()["field"]) == (400, "$.labels[1]")
    assert not desk.port.known[one].labels
    many = {"labels": [{"valence": 0.1}] * 501}
    assert (await desk.ask("POST", f"/v1/sessions/{one}/labels", json=many)).json()["field"] == "$.labels"
    trace = {"labels": [{"source": "trace", "valence": 0.123456, "at_ms": 1_700_000_000_000}] * 500}
    assert (await desk.ask("POST", f"/v1/sessions/{one}/labels", json=trace)).json() == {"kept": 500}


async def test_a_video_goes_in_and_comes_out_in_ranges(desk: Desk) -> None:
    content = bytes(range(256)) * 100
    desk.port.show("calm", number=2)

    async def chunks() -> Any:
        for begin in range(0, len(content), 1000):
            yield content[begin : begin + 1000]

    for body in (content, chunks()):
        kept = await desk.ask("PUT", "/v1/stimuli/calm/video", content=body)
        assert (kept.status_code, kept.json()["size_bytes"], kept.json()["kind"]) == (200, len(content), "file")
    whole = await desk.ask("GET", "/v1/stimuli/calm/video")
    assert (whole.content, whole.headers["content-type"]) == (content, "video/mp4")
    part = await desk.ask(
        "GET", "/v1/stimuli/calm/video", headers={**await desk.web.signed_in(), "Range": "bytes=10-19"}
    )
    assert (part.status_code, part.content) == (206, content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(content)}"
    head = await desk.ask("HEAD", "/v1/stimuli/calm/video")
    assert (head.headers["content-length"], head.content) == (str(len(content)), b"")
    beyond = {**await desk.web.signed_in(), "Range": "bytes=999999-"}
    assert (await desk.ask("GET", "/v1/stimuli/calm/video", headers=beyond)).status_code == 416
    desk.port.largest_video = 100
    assert (await desk.ask("PUT", "/v1/stimuli/calm/video", content=content)).status_code == 409
    assert (await desk.ask("PUT", "/v1/stimuli/none/video", content=b"")).status_code == 404
    await desk.begin("p-01", stimulus="calm")
    assert (await desk.ask("DELETE", "/v1/stimuli/calm")).status_code == 409
    assert (await desk.ask("PUT", "/v1/stimuli/other", json={"id": "other"})).json()["kind"] == "external"
    assert (await desk.ask("DELETE", "/v1/stimuli/other")).status_code == 204
    assert [one["id"] for one in (await desk.ask("GET", "/v1/stimuli")).json()["stimuli"]] == ["calm"]


async def test_a_participant_reaches_their_own_session_and_no_other(desk: Desk) -> None:
    """S0.36, X.6"""
    desk.port.show("calm")
    desk.port.show("storm")
    mine, other = await desk.begin("p-01", stimulus="calm"), await desk.begin("p-02", stimulus="storm")
    link = await desk.linked("p-01")
    posts = {"markers": {"name": "x"}, "clock": {"at_ms": 1, "stimulus_ms": 0}, "labels": {"labels": [{"probe": "HH"}]}}
    for session, allowed in ((mine, True), (other, False), ("none", False)):
        for part in ("", "/ask", "/segments"):
            told = await desk.ask("GET", f"/v1/sessions/{session}{part}", headers=link)
            assert told.status_code == (200 if allowed else 403), part
        for part, body in posts.items():
            told = await desk.ask("POST", f"/v1/sessions/{session}/{part}", headers=link, json=body)
            assert told.is_success if allowed else told.status_code == 403, part
        assert (await desk.ask("GET", f"/v1/sessions/{session}/report", headers=link)).status_code == 403
    for stimulus, status in (("calm", 200), ("storm", 403)):
        assert (await desk.ask("GET", f"/v1/stimuli/{stimulus}", headers=link)).status_code == status
    assert (await desk.ask("GET", "/v1/stimuli/storm/video", headers=link)).status_code == 403
    seen = (await desk.ask("GET", "/v1/sessions", headers=link)).json()["sessions"]
    assert [view["participant"] for view in seen] == ["p-01"]
    assert (await desk.ask("GET", "/v1/sessions?participant=p-02", headers=link)).status_code == 403
    assert (await desk.ask("POST", f"/v1/sessions/{other}/stop", headers=link)).status_code == 403
    assert (await desk.ask("POST", f"/v1/sessions/{mine}/stop", headers=link)).status_code == 200
    for body in ({"participant": "p-02"}, {"participant": "p-01", "overrule": True}):
        assert (await desk.ask("POST", "/v1/sessions", headers=link, json=body)).status_code == 403
    desk.port.list_of_checks = CheckList(ready=True, checks=[])
    again = await desk.ask("POST", "/v1/sessions", headers=link, json={"participant": "p-01", "session_id": other})
    assert again.status_code == 409
    again = await desk.ask("POST", "/v1/sessions", headers=link, json={"participant": "p-01"})
    assert again.json()["participant"] == "p-01"


async def test_a_participant_wears_no_other_s_sensor_and_hears_of_nobody(desk: Desk) -> None:
    """S0.36, X.6: a session on a sensor is what the body of its wearer says."""
    desk.port.welcome("p-01", sensor="wrist")
    desk.port.list_of_checks = CheckList(ready=True, checks=[])
    desk.port.show("storm")
    link = await desk.linked("p-01")
    body = {"participant": "p-01", "sensor": "belt"}
    refused = await desk.ask("POST", "/v1/sessions", headers=link, json=body)
    assert (refused.status_code, refused.json()["field"]) == (403, "$.sensor")
    assert desk.port.running() == []
    assert (await desk.ask("POST", "/v1/sessions", headers=link, json={**body, "sensor": "wrist"})).is_success
    desk.port.list_of_checks = CheckList(ready=False, checks=[])
    for more in ({}, {"stimulus": "none"}):
        conflict = await desk.ask("POST", "/v1/sessions", headers=link, json={"participant": "p-01", **more})
        assert (conflict.status_code, conflict.json()["detail"]) == (409, "Your session cannot begin now")


def test_a_participant_leaves_feeds_for_others(desk: Desk) -> None:
    """X.6: one link, however many pages it is opened in, never takes every feed there is from who runs the session."""
    feeds, one, other = Feeds(desk.web.deps), Caller("a", participant="p-01"), Caller("b", participant="p-02")
    with ExitStack() as opened:
        for _ in range(MOST_OF_ONE):
            opened.enter_context(feeds.admitted(one))
        with pytest.raises(ProblemError, match="8 feeds"), feeds.admitted(one):
            pass
        for caller in (other, *[Caller("c", user="admin")] * 10):
            opened.enter_context(feeds.admitted(caller))
    with feeds.admitted(one):
        assert feeds.open == 1


@pytest.mark.parametrize("name", [".", "..", "checks"])
async def test_a_session_is_named_nothing_that_a_path_takes_for_something_else(desk: Desk, name: str) -> None:
    """X.4: browsers resolve dots, and `checks` is another route."""
    desk.port.welcome("p-01")
    begun = await desk.ask("POST", "/v1/sessions", json={"participant": "p-01", "session_id": name, "overrule": True})
    assert (begun.status_code, begun.json()["field"]) == (400, "$.session_id")


async def test_a_participant_agrees_for_themselves_alone_and_names_no_witness(desk: Desk) -> None:
    for name in ("p-01", "p-02"):
        desk.port.welcome(name, consent=False)
    link = await desk.linked("p-01")
    said = {"given": True, "text_sha256": CONSENT.sha256, "witness": "a notary"}
    agreed = await desk.ask("POST", "/v1/participants/p-01/consent", json=said, headers=link)
    assert agreed.json()["consent"]["witness"] == "their own page"
    assert (await desk.ask("POST", "/v1/participants/p-02/consent", json=said, headers=link)).status_code == 403


async def test_a_link_ends_by_itself_by_erasure_and_by_a_new_password(tmp_path: Path) -> None:
    clock = FakeClock()
    auth = Auth(tmp_path, clock=clock)
    auth.reset()
    one, other = await auth.link("p-01", 2.0), await auth.link("p-02", 2.0)
    signed = auth.who(one.token)
    assert signed is not None
    assert (signed.participant, auth.user_of(one.token), auth.lasts_s(one.token)) == ("p-01", None, 7200)
    assert Auth(tmp_path, clock=clock).who(one.token) == signed
    assert one.token not in (tmp_path / "sessions.json").read_text()
    assert await auth.revoke("p-01") == 1
    assert (auth.who(one.token), await auth.revoke("p-01")) == (None, 0)
    clock.advance(7201)
    assert (auth.who(other.token), auth.lasts_s(other.token)) == (None, 0)
    last = await auth.link("p-03", 2.0)
    Auth(tmp_path, clock=clock).reset()
    assert auth.who(last.token) is None


async def test_links_never_push_the_administrator_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.web.sign_ins, "_MOST_LINKS", 4)
    clock = FakeClock()
    auth = Auth(tmp_path, clock=clock, session_days=1)
    owner = await auth.sign_in(auth.reset(), "192.0.2.1")
    links = [(await auth.link(f"p-{number}", 100.0)).token for number in range(3)]
    for number in range(3):
        clock.advance(0.01)
        await auth.link(f"q-{number}", 100.0)
    assert auth.user_of(owner.token) == "admin"
    assert [auth.who(token) is None for token in links] == [True, True, False]


async def test_erasing_somebody_ends_their_link(desk: Desk) -> None:
    await desk.begin("p-01")
    link = await desk.linked("p-01")
    assert (await desk.ask("GET", "/v1/sessions", headers=link)).status_code == 200
    await desk.ask("DELETE", "/v1/participants/p-01")
    assert (await desk.ask("GET", "/v1/sessions", headers=link)).status_code == 401


async def test_the_page_of_participants_takes_the_token_into_a_cookie(tmp_path: Path) -> None:
    web = make_web(tmp_path, sessions=FakeSessions())
    link = await web.deps.auth.link("p-01", 1.0)
    page = await web.ask("GET", f"/participant?token={link.token}", signed_in=False)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"]
    assert cookie.startswith(f"afferent_participant={link.token}; HttpOnly; Max-Age=3")
    assert "SameSite=strict" in cookie
    for query in ("", "?token=nonsense", f"?token={await web.token()}"):
        assert "set-cookie" not in (await web.ask("GET", f"/participant{query}", signed_in=False)).headers
    who = await web.ask("GET", "/v1/session", signed_in=False, headers={"Cookie": f"afferent_participant={link.token}"})
    assert who.json() == {"signed_in": False, "user": None, "open": False, "role": "participant", "subject": "p-01"}
    both = f"afferent_participant={link.token}; afferent_session={await web.token()}"
    who = await web.ask("GET", "/v1/session", signed_in=False, headers={"Cookie": both})
    assert (who.json()["role"], who.json()["subject"]) == ("admin", None)


async def test_sensors_are_shown_with_their_signals_and_told_what_to_do(desk: Desk) -> None:
    desk.sensors.signal(SignalView(sensor="wrist", t_ms=1, hr_bpm=71.5))
    told = (await desk.ask("GET", "/v1/sensors")).json()
    assert [one["id"] for one in told["sensors"]] == ["wrist", "belt"]
    assert told["signals"][0]["hr_bpm"] == 71.5
    done = await desk.ask("POST", "/v1/sensors/wrist/command", json={"command": "calibrate", "value": 512})
    assert done.json() == {"ok": True, "detail": "done", "values": {"value": 512.0}}
    assert desk.sensors.commands[0][1].value == 512


async def test_an_appliance_whose_sessions_cannot_be_opened_says_so(tmp_path: Path) -> None:
    web = make_web(tmp_path)
    for path in ("participants", "stimuli", "sessions", "consent"):
        refused = await web.ask("GET", f"/v1/{path}")
        assert (refused.status_code, "/v1/health" in refused.json()["remedy"]) == (503, True)
    assert (await web.ask("GET", "/v1/sensors")).json() == {"sensors": [], "signals": []}
    assert (await web.ask("POST", "/v1/sensors/x/command", json={"command": "identify"})).status_code == 503


async def test_a_store_that_fails_is_told_as_it_is_for_reading_and_for_writing(desk: Desk) -> None:
    desk.port.welcome("p-01")
    desk.port.broken = True
    assert (await desk.ask("GET", "/v1/sessions")).status_code == 503
    assert (await desk.ask("PUT", "/v1/participants/p-02", json={})).status_code == 507
    assert (await desk.ask("POST", "/v1/sessions", json={"participant": "p-01"})).status_code == 507


async def test_metrics_tell_of_sensors_and_sessions(desk: Desk) -> None:
    one = await desk.begin("p-01")
    desk.port.predict(one)
    desk.sensors.views["belt"] = sensor_view(
        "belt", clock_drift_ppm=None, quality={"x": ChannelQuality(state="ok", index=1)}
    )
    text = (await desk.ask("GET", "/metrics")).text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["afferent_sensor_samples_total", "wrist"] == 1200
    assert found["afferent_sensor_gaps_total", "wrist"] == 2
    assert found["afferent_sensor_samples_lost_total", "wrist"] == 5
    assert found["afferent_sensor_resets_total", "wrist"] == 1
    assert found["afferent_sensor_clock_drift_ppm", "wrist"] == 38.0
    assert ("afferent_sensor_clock_drift_ppm", "belt") not in found
    assert found["afferent_sensor_clock_jitter_seconds", "wrist"] == pytest.approx(0.0009)
    assert found["afferent_sensor_quality_ratio", "pulse_raw", "wrist"] == 0.4
    assert found["afferent_sessions_running",] == 1
    assert found["afferent_session_segments",] == 1
    assert found["afferent_session_labels",] == 0


@pytest.mark.parametrize(
    ("clock", "at_ms", "where"),
    [
        (None, 5, None),
        (StimulusClock(at_ms=1000, stimulus_ms=500), 3000, 2500),
        (StimulusClock(at_ms=1000, stimulus_ms=500), 600, 100),
        (StimulusClock(at_ms=1000, stimulus_ms=500), 400, None),
        (StimulusClock(at_ms=1000, stimulus_ms=500, rate=2.0), 2000, 2500),
        (StimulusClock(at_ms=1000, stimulus_ms=500, rate=0.0), 9000, 500),
        (StimulusClock(at_ms=1000, stimulus_ms=500, rate=0.0), 800, 300),
    ],
)
def test_where_the_stimulus_was(clock: StimulusClock | None, at_ms: int, where: int | None) -> None:
    assert stimulus_at(clock, at_ms) == where


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
_NAMES = ("participant", "session_id", "labels", "name", "at_ms", "stimulus_ms", "given", "id", "number", "command")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, _ANYTHING)),
    target=st.sampled_from(
        [
            ("PUT", "participants/p"),
            ("POST", "participants/p/consent"),
            ("PUT", "stimuli/p"),
            ("POST", "sessions"),
            ("POST", "sessions/one/labels"),
            ("POST", "sessions/one/markers"),
            ("POST", "sessions/one/clock"),
            ("POST", "sensors/wrist/command"),
        ]
    ),
)
async def test_no_body_makes_it_fall_over(desk: Desk, body: dict[str, Any], target: tuple[str, str]) -> None:
    if "one" not in desk.port.known:
        await desk.begin("p", session_id="one")
    method, path = target
    told = await desk.ask(method, f"/v1/{path}", content=json.dumps(body))
    assert told.status_code in {200, 204, 400, 403, 404, 409}
    if told.status_code >= 400:
        assert told.json()["title"]
