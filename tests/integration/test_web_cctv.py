"""The existing camera clients (S1) against a real server: exact shapes, live pictures, who may stop."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets

from tests.support.mjpeg_client import watching
from tests.support.web import WITHIN_S, Web, eventually, jpeg_of, make_web, serving


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving(make_web(tmp_path, cameras=("front", "back"))) as served:
        yield served


async def test_what_the_service_is(web: Web) -> None:
    """S1.1"""
    async with web.client() as client:
        before = await client.get("/")
        await client.post("/start")
        async with watching(web) as live:
            await live.part()
            after = await client.get("/", headers={"Accept": "application/json"})
    assert before.json() == {
        "service": "Smart Edge-AI CCTV System",
        "version": "1.0.0",
        "ai_enabled": True,
        "streaming": False,
        "ai_pipeline_active": False,
    }
    assert list(before.json()) == ["service", "version", "ai_enabled", "streaming", "ai_pipeline_active"]
    assert before.headers["content-type"] == "application/json"
    assert after.json() == {**before.json(), "streaming": True, "ai_pipeline_active": True}


async def test_a_browser_gets_the_page_and_its_files(web: Web) -> None:
    """S1.1, X.2: one origin for the page and every route."""
    async with web.client(headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}) as client:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert page.text == (await client.get("/viewer/")).text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        script = await client.get("/app.js")
        assert script.headers["content-type"].startswith("text/javascript")
        again = await client.get("/viewer/app.js", headers={"If-None-Match": script.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/viewer/none.js")).status_code == 404
        assert (await client.get("/viewer/..%2f..%2fauth.py")).status_code == 404


async def test_start_and_its_failure(web: Web) -> None:
    """S1.2, S1.3"""
    async with web.client() as client:
        started = await client.post("/start")
        again = await client.post("/start")
        web.cameras["back"].broken = True
        failed = await client.post("/start", params={"camera": "back"})
        nowhere = await client.post("/start", params={"camera": "7"})
    expected = {"status": "ready", "message": "Camera initialized successfully", "ai_pipeline_active": True}
    assert (started.status_code, started.json()) == (200, expected)
    assert again.json() == expected
    assert (failed.status_code, failed.json()) == (500, {"error": "Camera not available"})
    assert nowhere.status_code == 500


async def test_a_camera_that_opens_but_shows_nothing_is_not_available(web: Web) -> None:
    """S1.3"""
    camera = web.cameras["front"]
    camera.running = True
    async with web.client() as client:
        failed = await client.post("/start")
    assert (failed.status_code, failed.json()) == (500, {"error": "Camera not available"})


async def test_no_camera_at_all(tmp_path: Path) -> None:
    """S1.1, S1.3"""
    async with serving(make_web(tmp_path, cameras=())) as web, web.client() as client:
        assert (await client.get("/")).json()["streaming"] is False
        assert (await client.post("/start")).json() == {"error": "Camera not available"}
        assert (await client.get("/live")).status_code == 404


async def test_live_headers_parts_and_bytes(web: Web) -> None:
    """S1.4, S1.5: the camera's bytes untouched; the cache buster ignored."""
    async with web.client() as client:
        await client.post("/start")
    async with watching(web, "/live?t=1780000000000") as live:
        headers = live.response.headers
        assert headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        assert headers["cache-control"] == "no-cache, no-store, must-revalidate"
        assert (headers["pragma"], headers["expires"]) == ("no-cache", "0")
        await live.part()
        for number in (1, 2, 3):
            web.cameras["front"].show(jpeg_of(number, 70_000))
            part, body = await live.part()
            assert body == jpeg_of(number, 70_000)
            assert part["Content-Type"] == "image/jpeg"
            assert float(part["X-Timestamp"]) > 1e9
    async with web.client() as client:
        assert (await client.head("/live")).headers["content-type"].startswith("multipart/")


async def test_cameras_by_position_and_by_id(web: Web) -> None:
    """S1.11"""
    for camera, path in (("front", "/live/0"), ("back", "/live/1"), ("back", "/live/back")):
        async with watching(web, path) as live:
            await live.part()
            web.cameras[camera].show(jpeg_of(5))
            assert (await live.part())[1] == jpeg_of(5)
            assert web.deps.relays.viewers(camera) == 1
    async with web.client() as client:
        missing = await client.get("/live/2")
        heads = [(await client.head(path)).status_code for path in ("/live/1", "/live/2", "/live/1?overlay=x")]
    assert (missing.status_code, missing.json()["field"]) == (404, "camera")
    assert heads == [200, 404, 200]


async def test_a_lost_camera_keeps_its_viewers_and_comes_back(tmp_path: Path) -> None:
    """S1.35, X.9"""
    async with serving(make_web(tmp_path, lost_after_s=0.5)) as web, watching(web) as live:
        headers, _ = await live.part()
        assert headers["X-No-Signal"] == "1"
        web.cameras["front"].show(jpeg_of(1))
        while "X-No-Signal" in headers:
            headers, body = await live.part()
        assert body == jpeg_of(1)
        headers, _ = await live.part()
        assert headers["X-No-Signal"] == "1"
        web.cameras["front"].show(jpeg_of(2))
        while "X-No-Signal" in headers:
            headers, body = await live.part()
        assert body == jpeg_of(2)


async def test_status_with_and_without_an_anomaly(web: Web) -> None:
    """S1.6, S1.7, S1.8, S1.9"""
    async with web.client() as client:
        idle = (await client.get("/status")).json()
        assert idle == {"streaming": False, "camera_active": False, "ai_pipeline_active": False, "ai_status": "IDLE"}
        await client.post("/start")
        vision = web.cameras["front"].vision
        assert vision is not None
        async with watching(web) as live:
            await live.part()
            moving = (await client.get("/status")).json()
            web.cameras["front"].vision = {
                **vision,
                "ai_status": "ALERT",
                "anomaly_status": {
                    "is_anomaly": True,
                    "anomaly_type": "sudden_motion",
                    "confidence": 0.87,
                    "severity": "HIGH",
                    "reasoning": ["faster than usual"],
                    "baseline_deviation": 3.4,
                },
            }
            alert = (await client.get("/status")).json()
    stats = {
        "total_frames_analyzed": 1547,
        "total_anomalies_detected": 12,
        "anomaly_rate": 0.0078,
        "learning_complete": True,
    }
    assert moving == {
        "streaming": True,
        "camera_active": True,
        "ai_pipeline_active": True,
        "ai_status": "MOTION",
        "anomaly_stats": stats,
    }
    basic = ["streaming", "camera_active", "ai_pipeline_active", "ai_status"]
    assert [list(told) for told in (idle, moving, alert)] == [
        basic,
        [*basic, "anomaly_stats"],
        [*basic, "anomaly_status", "anomaly_stats"],
    ]
    assert alert["ai_status"] == "ALERT"
    assert alert["anomaly_status"] == {
        "is_anomaly": True,
        "anomaly_type": "sudden_motion",
        "confidence": 0.87,
        "severity": "HIGH",
        "reasoning": ["faster than usual"],
        "baseline_deviation": 3.4,
    }


async def test_a_broken_analysis_leaves_the_stream_alone(web: Web) -> None:
    """S1.17"""
    async with web.client() as client:
        await client.post("/start")
        web.cameras["front"].vision = None
        status = (await client.get("/status")).json()
    assert (status["camera_active"], status["ai_pipeline_active"], status["ai_status"]) == (True, False, "IDLE")


async def test_stop_by_the_only_viewer_releases_the_camera_and_ends_its_picture(web: Web) -> None:
    """S1.10, S1.21, X.10"""
    async with web.client() as client:
        await client.post("/start")
        async with watching(web) as live:
            await live.part()
            stopped = await client.post("/stop")
            assert await asyncio.wait_for(live.ended(), WITHIN_S)
        assert (stopped.status_code, stopped.json()) == (200, {"status": "camera stopped", "ai_pipeline": "reset"})
        assert "x-camera-kept" not in stopped.headers
        assert not web.cameras["front"].running
        assert web.cameras["front"].resets == 1
        assert (await client.post("/stop")).json()["status"] == "camera stopped"


async def test_stop_while_others_watch_takes_away_nobody_s_picture(web: Web) -> None:
    """X.10: not without sign-in; whoever signed in may."""
    async with web.client() as client:
        await client.post("/start")
        async with watching(web) as mine, watching(web) as theirs:
            await mine.part()
            await theirs.part()
            kept = await client.post("/stop")
            assert (kept.json()["status"], kept.headers["x-camera-kept"]) == ("camera stopped", "2")
            web.cameras["front"].show(jpeg_of(9))
            assert (await theirs.part())[1] == jpeg_of(9)
            assert web.cameras["front"].resets == 0
            await client.post("/stop", headers=await web.signed_in())
            assert await asyncio.wait_for(theirs.ended(), WITHIN_S)
        assert not web.cameras["front"].running


async def test_stop_by_another_program_of_the_same_address_leaves_the_only_viewer_alone(web: Web) -> None:
    """X.10"""
    async with web.client(headers={"User-Agent": "another"}) as client:
        await client.post("/start")
        async with watching(web) as theirs:
            await theirs.part()
            assert (await client.post("/stop")).headers["x-camera-kept"] == "1"
            web.cameras["front"].show(jpeg_of(4))
            assert (await theirs.part())[1] == jpeg_of(4)


async def test_stop_does_not_end_a_recording(web: Web) -> None:
    """X.10"""
    async with web.client() as client:
        await client.post("/start")
        web.cameras["front"].recording = True
        assert (await client.post("/stop")).headers["x-camera-kept"] == "1"
    assert web.cameras["front"].running


async def test_snapshots_and_their_failure(web: Web) -> None:
    """S1.12"""
    async with web.client() as client:
        dark = await client.post("/snapshot")
        assert (dark.status_code, dark.json()) == (500, {"error": "Camera not available"})
        await client.post("/start")
        web.cameras["front"].show(jpeg_of(3))
        taken = await client.post("/snapshot")
        assert list(taken.json()) == ["filename"]
        name = taken.json()["filename"]
        assert re.fullmatch(r"snapshot_\d{10}\.jpg", name)
        assert (await client.get(f"/snapshots/{name}")).status_code == 401
        picture = await client.get(f"/snapshots/{name}", headers=await web.signed_in())
        assert (picture.headers["content-type"], picture.content) == ("image/jpeg", jpeg_of(3))


async def test_websocket_sends_one_jpeg_a_message(web: Web) -> None:
    """S1.13"""
    address = web.base.replace("http", "ws")
    async with websockets.connect(f"{address}/ws/live?camera=back", proxy=None) as socket:
        await socket.recv()
        for number in (1, 2):
            web.cameras["back"].show(jpeg_of(number, 90_000))
            assert await socket.recv() == jpeg_of(number, 90_000)
        await socket.send("ignored")
        assert web.deps.relays.viewers("back") == 1
        web.deps.relays.of("back").finish()
        with pytest.raises(websockets.ConnectionClosedOK) as told:
            await socket.recv()
        assert told.value.rcvd is not None
        assert told.value.rcvd.code == 1001
    async with websockets.connect(f"{address}/ws/live", proxy=None) as socket:
        await socket.recv()
    with pytest.raises(websockets.InvalidStatus, match="404"):
        await websockets.connect(f"{address}/ws/live?camera=none", proxy=None)


async def test_pages_of_existing_clients_may_use_their_routes_and_no_other(web: Web) -> None:
    """S1.25"""
    ours, foreign = "http://localhost:3001", "http://evil.example"
    preflight = {"Origin": ours, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-Any"}
    async with web.client() as client:
        asked = await client.options("/start", headers=preflight)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == ours
        assert asked.headers["access-control-allow-credentials"] == "true"
        assert asked.headers["access-control-allow-headers"] == "X-Any"
        assert "POST" in asked.headers["access-control-allow-methods"]
        told = await client.get("/status", headers={"Origin": ours})
        assert told.headers["access-control-allow-origin"] == ours
        assert told.headers["access-control-expose-headers"].startswith("*")
        assert (await client.post("/stop", headers={"Origin": ours})).status_code == 200
        assert (await client.post("/stop", headers={"Origin": foreign})).status_code == 403
        assert "access-control-allow-origin" not in (await client.get("/status", headers={"Origin": foreign})).headers
        native = await client.get("/v1/session", headers={"Origin": ours})
        assert "access-control-allow-origin" not in native.headers
        assert (await client.delete("/v1/session", headers={"Origin": ours})).status_code == 403
        assert (await client.delete("/v1/session", headers={"Origin": web.base})).status_code == 204


async def test_one_viewer_too_many_is_told_so(tmp_path: Path) -> None:
    async with serving(make_web(tmp_path, max_viewers=1)) as web, watching(web) as live, web.client() as client:
        await live.part()
        refused = await client.get("/live")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        assert "web.max_viewers" in refused.json()["remedy"]


async def test_a_hundred_starts_and_stops_leave_nothing_behind(web: Web) -> None:
    """S1.35"""
    async with web.client() as client:
        tasks = 0
        for cycle in range(100):
            await client.post("/start")
            async with watching(web) as live:
                await live.part()
            await client.post("/stop")
            if cycle == 10:
                tasks = len(asyncio.all_tasks())
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks and web.deps.relays.viewers("front") == 0)
    assert not web.cameras["front"].running
