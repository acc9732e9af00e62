"""S0 on the LAN without a socket: exact shapes, order, filters, refusals, and who may see whose."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.sessions import Check, CheckList
from edge.core.clock import Clock
from edge.core.health import State
from edge.web.legacy_requests import LegacyError, session_of, user_of, video_number
from tests.support.clock import FakeClock
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.web import Web, make_web

NEAR, FAR = "127.0.0.1", "203.0.113.9"
START = 1_732_178_316_000


class Lan:
    """The appliance as clients of S0 see it."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.desk = FakeSessions(clock=clock)
        self.sensors = FakeSensors(hub=self.desk.hub)
        self.desk.show("calm", number=2, duration_ms=151_000)
        self.desk.show("storm", number=3)
        self.web: Web = make_web(folder, sessions=self.desk, sensors=self.sensors, hub=self.desk.hub, clock=clock)

    async def ask(self, method: str, path: str, *, address: str = NEAR, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.web.app, client=(address, 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    async def get(self, path: str, **options: Any) -> Any:
        found = await self.ask("GET", path, **options)
        assert found.status_code == 200, found.text
        return found.json()

    async def start(self, user: str, video: int = 2, at: int = START, **options: Any) -> httpx.Response:
        body = {"video_id": video, "timestamp": at, "user_id": user, "session_id": f"{user}_{video}_{at}"}
        return await self.ask("POST", f"/api/video/{video}/start", json=body, **options)

    async def link(self, participant: str) -> dict[str, str]:
        made = await self.web.deps.auth.link(participant, 1.0)
        return {"Authorization": f"Bearer {made.token}"}


@pytest.fixture
def lan(tmp_path: Path) -> Lan:
    return Lan(tmp_path)


async def test_a_start_is_echoed_and_begins_a_session(lan: Lan) -> None:
    """S0.6, S0.8, S0.29"""
    started = await lan.start("user1")
    assert (started.status_code, started.json()) == (200, {"success": True, "session_id": "user1_2_1732178316000"})
    view = lan.desk.known["user1_2_1732178316000"]
    assert (view.participant, view.video_id, view.start_ms, view.stimulus) == ("user1", 2, START, "calm")
    assert (await lan.start("user1")).json() == started.json()
    assert len(lan.desk.known) == 1


async def test_what_a_start_leaves_out_has_defaults(tmp_path: Path) -> None:
    """S0.7, U0.1"""
    clock = FakeClock()
    lan = Lan(tmp_path, clock)
    now = clock.now().wall_ms
    for content in (b"", b"{}"):
        started = await lan.ask("POST", "/api/video/2/start", content=content)
        assert started.json() == {"success": True, "session_id": f"anonymous_2_{now}"}
    assert lan.desk.known[f"anonymous_2_{now}"].participant == "anonymous"


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("2/start", "{", "No JSON data provided"),
        ("2/start", "[]", "No JSON data provided"),
        ("start", "", "No JSON data provided"),
        ("start", "{}", "No JSON data provided"),
        ("start", '{"user_id": "user1"}', "video_id is required"),
        ("start", '{"video_id": 9}', "Invalid video ID"),
        ("start", '{"video_id": true}', "Invalid video ID"),
        ("9/start", "{}", "Invalid video ID"),
        ("two/start", "{}", "Invalid video ID"),
        ("2/start", '{"video_id": 3}', "Invalid video ID"),
        ("2/start", '{"user_id": "ab"}', "Invalid user ID"),
        ("2/start", '{"user_id": ""}', "Invalid user ID"),
        ("2/start", '{"user_id": 7}', "Invalid user ID"),
        ("2/start", '{"user_id": "../../etc"}', "Invalid user ID"),
        ("2/start", '{"timestamp": "now"}', "Invalid timestamp"),
        ("2/start", '{"timestamp": -1}', "Invalid timestamp"),
        ("2/start", '{"session_id": "a\\u0000"}', "Invalid session ID"),
        ("stop", "{}", "No JSON data provided"),
        ("stop", '{"user_id": "user1"}', "session_id is required"),
    ],
)
async def test_a_wrong_start_or_stop_is_a_400_in_the_clients_words(lan: Lan, path: str, body: str, error: str) -> None:
    """S0.43, X.24, U0.1"""
    refused = await lan.ask("POST", f"/api/video/{path}", content=body)
    assert (refused.status_code, refused.json()["success"], refused.json()["error"]) == (400, False, error)
    assert not lan.desk.known


async def test_an_unknown_video_names_those_that_are_known(lan: Lan) -> None:
    """X.24"""
    for method, path, body in (
        ("POST", "/api/video/9/start", {}),
        ("POST", "/api/video/9/stop", {}),
        ("POST", "/api/video/stop", {"video_id": 9}),
        ("GET", "/api/predictions/video/9", {}),
    ):
        refused = await lan.ask(method, path, json=body)
        assert (refused.status_code, refused.json()["error"]) == (400, "Invalid video ID")
        assert refused.json()["message"] == "known video ids: 2, 3"


async def test_the_route_of_the_code_tells_the_duration_and_locks_user_and_video(lan: Lan) -> None:
    """U0.1, X.5"""
    body = {"video_id": 2, "user_id": "user1", "session_id": "one"}
    started = await lan.ask("POST", "/api/video/start", json=body)
    assert started.json() == {"success": True, "session_id": "one", "estimated_duration_ms": 151_000}
    assert (await lan.ask("POST", "/api/video/start", json=body)).status_code == 200
    again = await lan.ask("POST", "/api/video/start", json={**body, "session_id": "two"})
    assert (again.status_code, again.json()["status"], again.json()["session_id"]) == (409, "already_processing", "one")
    other = await lan.ask("POST", "/api/video/start", json={"video_id": 2, "user_id": "user2", "session_id": "three"})
    assert other.status_code == 200
    unknown = await lan.ask("POST", "/api/video/start", json={"video_id": 3, "user_id": "user3"})
    assert unknown.json()["estimated_duration_ms"] is None
    assert [view.session_id for view in lan.desk.running()][:2] == ["one", "three"]


async def test_the_same_session_id_is_never_another_user_s(lan: Lan) -> None:
    """S0.36"""
    assert (await lan.ask("POST", "/api/video/2/start", json={"user_id": "user1", "session_id": "x"})).is_success
    taken = await lan.ask("POST", "/api/video/2/start", json={"user_id": "user2", "session_id": "x"})
    assert (taken.status_code, taken.json()["success"]) == (409, False)


async def test_without_consent_a_start_says_why_it_is_refused(lan: Lan) -> None:
    lan.desk.external_consent = False
    refused = await lan.start("user1")
    assert (refused.status_code, refused.json()["success"]) == (403, False)
    assert "has not agreed" in refused.json()["error"]
    assert not lan.desk.known


async def test_stops_in_both_dialects(lan: Lan) -> None:
    """S0.10, U0.2"""
    await lan.start("user1")
    one = "user1_2_1732178316000"
    stopped = await lan.ask("POST", "/api/video/2/stop", json={"session_id": one})
    assert stopped.json() == {"success": True, "message": "Video session stopped"}
    assert lan.desk.known[one].end_ms is not None
    assert (await lan.ask("POST", "/api/video/2/stop", json={"session_id": one})).is_success
    code = await lan.ask("POST", "/api/video/stop", json={"session_id": one})
    assert code.json() == {"success": True, "status": "success", "message": "Stop signal received"}
    wrong = await lan.ask("POST", "/api/video/3/stop", json={"session_id": one})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "Invalid video ID")
    unknown = await lan.ask("POST", "/api/video/2/stop", json={"session_id": "nobody_2_1"})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "Session not found")


async def test_a_stop_that_names_no_session_ends_the_one_that_can_be_meant(lan: Lan) -> None:
    """S0.10, X.5"""
    assert (await lan.ask("POST", "/api/video/2/stop")).status_code == 200
    await lan.start("user1")
    await lan.start("user2")
    unclear = await lan.ask("POST", "/api/video/2/stop")
    assert (unclear.status_code, unclear.json()["error"]) == (400, "session_id is required")
    assert (await lan.ask("POST", "/api/video/2/stop", json={"user_id": "user2"})).is_success
    assert (await lan.ask("POST", "/api/video/2/stop")).is_success
    assert not lan.desk.running()


async def test_predictions_have_the_exact_shape_and_order(lan: Lan) -> None:
    """S0.11, S0.12, S0.32, U0.3, U0.4"""
    await lan.start("user1")
    for probe, cluster in (("HH", 1), ("HL", 0), ("LH", 0), ("LL", 0)):
        lan.desk.predict("user1_2_1732178316000", probe, cluster_id=cluster)
    told = await lan.ask("GET", "/api/predictions/video/2?user_id=user1&session_id=user1_2_1732178316000")
    first = (
        '{"segment_index":0,"timestamp":1732178316000,"probe":"HH","emotion":"Happy","color":"#eecdac","cluster_id":1}'
    )
    assert told.text.startswith(f'{{"success":true,"video_id":2,"segments":[{first},')
    assert told.text.endswith('],"total":4,"duration_ms":151000}')
    shown = [(one["segment_index"], one["timestamp"], one["emotion"], one["color"]) for one in told.json()["segments"]]
    assert shown[1:] == [
        (1, START + 5000, "Neutral", "#7fc087"),
        (2, START + 10000, "Angry", "#f4978e"),
        (3, START + 15000, "Sad", "#879af0"),
    ]
    assert told.headers["cache-control"] == "no-store"


async def test_an_abstention_is_shown_in_grey_and_keeps_its_place(lan: Lan) -> None:
    """U0.3: never silently Neutral"""
    await lan.start("user1")
    for probe in ("HH", None, "LL"):
        lan.desk.predict("user1_2_1732178316000", probe)
    segments = (await lan.get("/api/predictions/video/2"))["segments"]
    assert segments[1] == {
        "segment_index": 1,
        "timestamp": START + 5000,
        "probe": "",
        "emotion": "Unknown",
        "color": "#999999",
        "cluster_id": 0,
    }
    assert [one["segment_index"] for one in segments] == [0, 1, 2]


async def test_times_come_only_for_those_who_ask(lan: Lan) -> None:
    """X.7"""
    await lan.start("user1")
    lan.desk.predict("user1_2_1732178316000", end_ms=START + 1000)
    plain = (await lan.get("/api/predictions/video/2"))["segments"][0]
    assert list(plain) == ["segment_index", "timestamp", "probe", "emotion", "color", "cluster_id"]
    timed = (await lan.get("/api/predictions/video/2?times=1"))["segments"][0]
    assert timed == {**plain, "start_ms": START, "end_ms": START + 1000}
    timeline = await lan.get("/api/predictions/timeline?video_id=2")
    assert (timeline["segment_duration"], timeline["segments"][0]) == (5000, timed)


async def test_nothing_yet_is_no_error(lan: Lan) -> None:
    """S0.13"""
    told = await lan.ask("GET", "/api/predictions/video/2?user_id=user1")
    expected = '{"success":true,"segments":[],"total":0,"message":"No predictions yet. Processing in progress..."}'
    assert (told.status_code, told.text) == (200, expected)


async def test_both_filters_hold_together_and_positions_are_of_what_is_left(lan: Lan) -> None:
    """S0.12, S0.29, S0.36"""
    for user, at in (("user1", START), ("user2", START + 2000), ("user1", START + 60_000)):
        await lan.start(user, at=at)
        for _ in range(3):
            lan.desk.predict(f"{user}_2_{at}")

    async def indices(query: str) -> list[tuple[int, int]]:
        told = await lan.get(f"/api/predictions/video/2?{query}")
        assert told["total"] == len(told["segments"])
        return [(one["segment_index"], one["timestamp"] - START) for one in told["segments"]]

    assert len(await indices("")) == 9
    assert await indices("user_id=user2") == [(0, 2000), (1, 7000), (2, 12_000)]
    assert [at for _, at in await indices("user_id=user1")] == [0, 5000, 10_000, 60_000, 65_000, 70_000]
    assert [at for _, at in await indices(f"session_id=user1_2_{START + 60_000}")] == [60_000, 65_000, 70_000]
    assert await indices(f"user_id=user2&session_id=user1_2_{START}") == []
    times = [at for _, at in await indices("")]
    assert times == sorted(times)


async def test_the_active_view_is_the_last_hour_and_the_other_is_for_ever(tmp_path: Path) -> None:
    """S0.24, X.22"""
    clock = FakeClock()
    lan = Lan(tmp_path, clock)
    begin = clock.now().wall_ms
    await lan.start("user1", at=begin)
    for _ in range(3):
        lan.desk.predict(f"user1_2_{begin}")
    clock.advance(3600 + 10)
    told = await lan.get("/api/predictions/active?user_id=user1")
    assert told == {
        "success": True,
        "segments": [
            {
                "segment_index": 0,
                "timestamp": begin + 10_000,
                "probe": "HH",
                "emotion": "Happy",
                "color": "#eecdac",
                "video_id": 2,
                "user_id": "user1",
                "session_id": f"user1_2_{begin}",
            }
        ],
        "total": 1,
    }
    assert (await lan.get("/api/predictions/active?video_id=3"))["total"] == 0
    assert (await lan.get("/api/predictions/video/2"))["total"] == 3
    assert (await lan.get("/api/predictions/all"))["total"] == 3
    newest = (await lan.get("/api/predictions/all?limit=1"))["segments"]
    assert [one["timestamp"] for one in newest] == [begin + 10_000]


async def test_a_store_that_fails_and_a_bug_are_told_as_s0_has_them(
    lan: Lan, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S0.14, S0.15"""
    lan.desk.broken = True
    for method, path in (
        ("GET", "/api/predictions/video/2"),
        ("GET", "/api/predictions/active"),
        ("POST", "/api/video/2/start"),
    ):
        told = await lan.ask(method, path)
        assert (told.status_code, told.text) == (503, '{"success":false,"error":"Database unavailable"}')

    async def fails(*_: Any, **__: Any) -> Any:
        raise KeyError("a bug")

    monkeypatch.setattr(lan.desk, "predictions", fails)
    told = await lan.ask("GET", "/api/predictions/video/2")
    assert (told.status_code, told.text) == (500, '{"error":"Internal server error"}')
    assert caplog.records[-1].exc_info is not None


async def test_where_there_is_no_sensor_the_answer_is_503_with_the_reason(tmp_path: Path) -> None:
    web = make_web(tmp_path)
    transport = httpx.ASGITransport(web.app, client=(NEAR, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        told = await client.get("/api/predictions/video/2")
        assert (told.status_code, told.json()["error"]) == (503, "Database unavailable")
        assert "No body sensor" in told.json()["message"]
        assert (await client.get("/api/health")).json()["database"] == "unavailable"


async def test_the_rest_of_the_api_as_far_as_it_costs_nothing(lan: Lan) -> None:
    """U0.8"""
    await lan.start("user1")
    lan.web.deps.health.set("store", State.OK)
    health = await lan.get("/api/health")
    assert (health["success"], health["status"], health["database"]) == (True, "healthy", "connected")
    session = {
        "session_id": "user1_2_1732178316000",
        "user_id": "user1",
        "video_id": 2,
        "timestamp": START,
        "active": True,
        "segments": 0,
    }
    assert await lan.get("/api/video/sessions/active") == {"success": True, "sessions": [session], "total": 1}
    assert await lan.get("/api/video/session/user1_2_1732178316000") == {"success": True, "session": session}
    assert (await lan.ask("GET", "/api/video/session/nobody")).status_code == 404
    assert await lan.get("/api/signals/latest") == {"success": True, "signals": [], "total": 0}
    lan.web.deps.health.set("store", State.FAILED, "full")
    assert (await lan.get("/api/health"))["status"] == "degraded"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
async def test_what_is_not_there_is_a_404_in_json(lan: Lan, method: str) -> None:
    """U0.8"""
    told = await lan.ask(method, "/api/emotions/nothing")
    assert (told.status_code, told.json()["success"], told.json()["error"]) == (404, False, "Endpoint not found")
    assert "/api/emotions/nothing" in told.json()["message"]


async def test_a_participant_s_token_is_enforced_wherever_it_is_sent(lan: Lan) -> None:
    """S0.36, X.6"""
    await lan.start("user1")
    await lan.start("user2")
    for user in ("user1", "user2"):
        lan.desk.predict(f"{user}_2_{START}")
    mine = await lan.link("user1")
    for address in (NEAR, FAR):
        told = await lan.get("/api/predictions/video/2", headers=mine, address=address)
        assert told["total"] == 1
        other = await lan.ask("GET", "/api/predictions/video/2?user_id=user2", headers=mine, address=address)
        assert (other.status_code, other.json()["success"]) == (403, False)
    both = f"user_id=user1&session_id=user2_2_{START}"
    assert (await lan.get(f"/api/predictions/video/2?{both}", headers=mine))["total"] == 0
    assert (await lan.get("/api/predictions/all", headers=mine))["total"] == 1
    assert (await lan.get("/api/predictions/active", headers=mine))["total"] == 0
    assert (await lan.get("/api/predictions/timeline", headers=mine))["total"] == 1
    assert (await lan.get("/api/video/sessions/active", headers=mine))["total"] == 1
    for method, path, body in (("GET", "session/{}", None), ("POST", "2/stop", "{}"), ("POST", "stop", "{}")):
        told = [
            await lan.ask(method, f"/api/video/{path.format(one)}", headers=mine, json=body and {"session_id": one})
            for one in (f"user2_2_{START}", "nobody_2_1")
        ]
        # Whether somebody else has such a session is nobody's to find out.
        assert (told[0].status_code, told[0].content) == (403, told[1].content)
    assert (await lan.ask("GET", "/api/signals/latest", headers=mine)).status_code == 403
    assert (await lan.start("user2", headers=mine)).status_code == 403
    refused = await lan.ask("POST", "/api/video/2/stop", json={"session_id": f"user2_2_{START}"}, headers=mine)
    assert refused.status_code == 403
    assert len(lan.desk.running()) == 2
    assert (await lan.ask("POST", "/api/video/2/stop", headers=mine)).is_success
    assert [view.participant for view in lan.desk.running()] == ["user2"]
    begun = await lan.ask("POST", "/api/video/3/start", json={"session_id": "mine"}, headers=mine, address=FAR)
    assert begun.is_success
    assert lan.desk.known["mine"].participant == "user1"


async def test_a_participant_s_token_never_takes_another_s_sensor(lan: Lan) -> None:
    """S0.36, X.6: an open client shares what there is; who came by a link would be given somebody else's body."""
    mine = await lan.link("user1")
    busy = Check(name="sensor", state="stop", detail="sensor wrist is used by user2 in a session that runs")
    lan.desk.welcome("user1")
    lan.desk.list_of_checks = CheckList(ready=False, checks=[busy])
    refused = await lan.start("user1", headers=mine)
    assert (refused.status_code, "user2" in refused.text) == (409, False)
    assert lan.desk.running() == []
    assert (await lan.start("user1")).is_success


async def test_the_administrator_sees_all_and_strangers_nothing(lan: Lan) -> None:
    """X.6"""
    await lan.start("user1")
    lan.desk.predict(f"user1_2_{START}")
    owner = await lan.web.signed_in()
    assert (await lan.get("/api/predictions/video/2", headers=owner, address=FAR))["total"] == 1
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        refused = await lan.ask("GET", "/api/predictions/video/2", headers=headers, address=FAR)
        assert refused.status_code == 401
    # On an open network, too, a token that is over does not make its bearer anybody.
    wrong = await lan.ask("GET", "/api/predictions/video/2", headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401
    assert (await lan.get("/api/predictions/video/2"))["total"] == 1


async def test_pages_of_configured_origins_may_use_it_and_others_not(lan: Lan) -> None:
    """S0.41"""
    page = {"Origin": "http://localhost:5173"}
    ask = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = await lan.ask("OPTIONS", "/api/video/2/start", headers=ask)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert preflight.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE, OPTIONS"
    allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
    assert {"content-type", "authorization"} <= set(allowed)
    more = await lan.ask("OPTIONS", "/api/video/2/start", headers={**ask, "Access-Control-Request-Headers": "x-any"})
    assert more.status_code == 400
    told = await lan.ask("GET", "/api/predictions/video/2", headers=page)
    assert told.headers["access-control-allow-origin"] == "http://localhost:5173"
    foreign = {"Origin": "http://evil.example"}
    assert (await lan.ask("POST", "/api/video/2/start", json={}, headers=foreign)).status_code == 403
    assert "access-control-allow-origin" not in (await lan.ask("GET", "/api/health", headers=foreign)).headers


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
_BODIES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("video_id", "user_id", "session_id", "timestamp", "other"), _ANYTHING)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_BODIES, path=st.sampled_from(["2/start", "2/stop", "start", "stop"]))
async def test_no_body_makes_it_fall_over(lan: Lan, body: dict[str, Any], path: str) -> None:
    told = await lan.ask("POST", f"/api/video/{path}", content=json.dumps(body))
    assert told.status_code in {200, 400, 404, 409}
    assert isinstance(told.json()["success"], bool)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=60), video=st.text(min_size=1, max_size=8), user=st.text(max_size=20))
async def test_no_path_query_or_bytes_make_it_fall_over(lan: Lan, raw: bytes, video: str, user: str) -> None:
    told = await lan.ask("POST", f"/api/video/{quote(video, safe='')}/start", content=raw)
    assert told.status_code in {200, 400, 404}
    told = await lan.ask("GET", f"/api/predictions/video/{quote(video, safe='')}", params={"user_id": user})
    assert told.status_code in {200, 400, 404}


@given(_ANYTHING)
def test_an_id_is_checked_or_refused(raw: Any) -> None:
    """S0.43, X.4"""
    for check in (video_number, user_of, session_of):
        try:
            found = check(raw)
        except LegacyError as error:
            assert error.code == 400
        else:
            assert found == raw or str(found) == str(raw).lstrip("0") or found == 0
