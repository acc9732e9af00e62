"""Viewings of S0 on the LAN without a socket: starts and stops in both dialects, and what is refused."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.web.legacy_requests import LegacyError, session_of, user_of, video_number
from tests.support.clock import FakeClock
from tests.support.emotion_lan import START, Lan


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
