"""Predictions of S0 without a socket: exact shapes, order, filters, pages and failures."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.core.health import State
from tests.support.clock import FakeClock
from tests.support.emotion_lan import NEAR, START, Lan
from tests.support.web import make_web


@pytest.fixture
def lan(tmp_path: Path) -> Lan:
    return Lan(tmp_path)


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


async def test_a_timeline_comes_page_by_page_and_loses_nothing_between(lan: Lan) -> None:
    """U0.8: two viewings in step, so that pages would end among segments of one moment"""
    for user in ("user1", "user2"):
        await lan.start(user)
        for _ in range(7):
            lan.desk.predict(f"{user}_2_{START}")
    assert (await lan.get("/api/predictions/timeline")).keys() == {"success", "segment_duration", "segments", "total"}
    found: list[int] = []
    query = "limit=3"
    for _ in range(4):
        page = await lan.get(f"/api/predictions/timeline?{query}")
        assert page["total"] == len(page["segments"]) <= 4
        found = [one["start_ms"] for one in page["segments"]] + found
        if "next" not in page:
            break
        query = f"limit=3&before={page['next']}"
    assert found == sorted([START + 5000 * place for place in range(7)] * 2)
    for wrong in ("limit=0", "limit=10001", "before=-1", "before=x"):
        assert (await lan.ask("GET", f"/api/predictions/timeline?{wrong}")).status_code == 400


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
