"""Every route of the table against every kind of caller, and what machines that watch are told."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.core.health import State
from edge.web.access import Access
from edge.web.app import endpoints_of
from edge.web.endpoint import WEBSOCKET, Endpoint
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.web import Web, make_web

FAR, NEAR = "203.0.113.9", "127.0.0.1"
_FOR_THE_KNOWN = {Access.METRICS, Access.SIGNED_IN, Access.ADMIN, Access.OWN}


async def asked(web: Web, path: str, *, method: str = "GET", address: str = NEAR, **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(web.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, path, **options)


def paths_of(endpoint: Endpoint) -> str:
    return (
        endpoint.path.replace("{camera}", "front").replace("{name:path}", "app.js").replace("{name}", "snapshot_1.jpg")
    )


async def test_every_route_refuses_whom_it_must(tmp_path: Path) -> None:
    web = make_web(tmp_path, start_wait_s=0.5, sessions=FakeSessions(), sensors=FakeSensors())
    signed_in = await web.signed_in()
    endpoints = [endpoint for endpoint in endpoints_of(web.deps) if endpoint.method != WEBSOCKET]
    assert {endpoint.path for endpoint in endpoints if endpoint.access is Access.PUBLIC and endpoint.documented} == {
        "/",
        "/viewer/",
        "/viewer/{name:path}",
        "/v1/session",
        "/participant",
        "/collect",
        "/health",
        "/healthz",
        "/readyz",
    }
    for endpoint in endpoints:
        path, method = paths_of(endpoint), endpoint.method
        if path == "/v1/session" or endpoint.access is Access.ACCOUNT:
            continue  # tests of their own; signing out here would end the session of the others
        far = (await asked(web, path, method=method, address=FAR)).status_code
        assert (far == 401) is (endpoint.access is not Access.PUBLIC or path == "/"), path
        if endpoint.app:
            continue  # open-ended: allowed callers are tested on a real server
        near = (await asked(web, path, method=method)).status_code
        assert (near == 401) is (endpoint.access in _FOR_THE_KNOWN), path
        assert (await asked(web, path, method=method, address=FAR, headers=signed_in)).status_code != 401, path


FOR_PARTICIPANTS = {
    ("GET", "/v1/consent"),
    ("POST", "/v1/participants/{participant}/consent"),
    ("GET", "/v1/stimuli/{stimulus}"),
    ("GET", "/v1/stimuli/{stimulus}/video"),
    ("GET", "/v1/sessions"),
    ("POST", "/v1/sessions"),
    ("GET", "/v1/sessions/{session_id}"),
    ("POST", "/v1/sessions/{session_id}/stop"),
    ("POST", "/v1/sessions/{session_id}/markers"),
    ("POST", "/v1/sessions/{session_id}/clock"),
    ("POST", "/v1/sessions/{session_id}/labels"),
    ("GET", "/v1/sessions/{session_id}/ask"),
    ("GET", "/v1/sessions/{session_id}/segments"),
    ("GET", "/v1/events/stream"),
    ("WEBSOCKET", "/v1/events/ws"),
}


async def test_a_participant_may_use_this_and_nothing_else(tmp_path: Path) -> None:
    """X.6: the whole table, from an open network too"""
    web = make_web(tmp_path, sessions=FakeSessions(), sensors=FakeSensors())
    await web.signed_in()
    link = await web.deps.auth.link("user1", 1.0)
    mine = {"Authorization": f"Bearer {link.token}"}
    table = endpoints_of(web.deps)
    assert {(one.method, one.path) for one in table if one.access is Access.OWN} == FOR_PARTICIPANTS
    for endpoint in table:
        if endpoint.access in {Access.PUBLIC, Access.OPEN_OR_OWN, Access.OWN} or endpoint.method == WEBSOCKET:
            continue
        for address in (NEAR, FAR):
            refused = await asked(web, paths_of(endpoint), method=endpoint.method, address=address, headers=mine)
            assert refused.status_code == 403, endpoint.path
    assert (await asked(web, "/", headers=mine)).status_code == 401


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "", "//", "http://evil.example"])
async def test_no_origin_of_somewhere_else_may_stop_a_camera(tmp_path: Path, origin: str) -> None:
    refused = await asked(make_web(tmp_path), "/stop", method="POST", headers={"Origin": origin})
    assert refused.status_code == 403


async def test_a_wrong_token_is_no_token(tmp_path: Path) -> None:
    web = make_web(tmp_path)
    wrong = {"Authorization": "Bearer nonsense", "Cookie": "afferent_session=nonsense"}
    refused = await asked(web, "/v1/status", headers=wrong)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="afferent"')
    assert refused.json()["remedy"].startswith("POST /v1/session")


async def test_the_root_s_json_is_for_open_networks_and_the_page_for_all(tmp_path: Path) -> None:
    """S1.1"""
    web = make_web(tmp_path)
    assert (await asked(web, "/", address=FAR)).status_code == 401
    assert (await asked(web, "/", address=FAR, headers={"Accept": "text/html"})).status_code == 200
    assert (await asked(web, "/", address=FAR, headers=await web.signed_in())).status_code == 200


async def test_scrapers_need_no_sign_in_where_the_settings_say_so(tmp_path: Path) -> None:
    web = make_web(tmp_path, metrics_networks=("203.0.113.0/24",))
    assert (await asked(web, "/metrics", address=FAR)).status_code == 200
    assert (await asked(web, "/metrics")).status_code == 401


async def test_ready_tells_why_not_only_to_those_who_may_know(tmp_path: Path) -> None:
    web = make_web(tmp_path)
    assert (await asked(web, "/readyz", address=FAR)).status_code == 200
    web.deps.health.set("store", State.FAILED, "the disk is full")
    web.deps.health.set("models", State.STARTING)
    near, far = await asked(web, "/readyz"), await asked(web, "/readyz", address=FAR)
    assert near.status_code == far.status_code == 503
    assert near.json() == {"ready": False, "reasons": ["models is starting", "store is failed: the disk is full"]}
    assert far.json() == {"ready": False, "reasons": []}
    assert (await asked(web, "/healthz", address=FAR)).json() == {"status": "alive"}


async def test_metrics_are_all_ours_and_say_what_is(tmp_path: Path) -> None:
    web = make_web(tmp_path, cameras=("front", "back"))
    await web.cameras["front"].start()
    web.cameras["front"].counted = {
        "skipped": 3,
        "events_opened": 4,
        "events_merged": 5,
        "events_suppressed": 6,
        "detector_runs": 7,
        "anomaly_score": 1.5,
        "anomaly_threshold": 2.5,
        "learning_progress": 0.75,
        "motion_threshold": 6.5,
        "condition": "covered",
    }
    web.deps.health.set("broker", State.FAILED, "refused")
    web.deps.hub.publish("sync", {"outbox_records": 7, "acked_total": 40, "oldest_unacked_s": None}, key="all")
    text = (await asked(web, "/metrics", headers=await web.signed_in())).text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert all(key[0].startswith("afferent_") for key in found)
    assert found["afferent_camera_frames_total", "front"] == 1
    assert found["afferent_camera_frames_skipped_total", "front"] == 3
    assert [found[f"afferent_events_{how}_total", "front"] for how in ("opened", "merged", "suppressed")] == [4, 5, 6]
    assert found["afferent_detector_runs_total", "front"] == 7
    assert found["afferent_anomaly_score_sigma", "front"] == 1.5
    assert found["afferent_anomaly_threshold_sigma", "front"] == 2.5
    assert found["afferent_anomaly_learning_ratio", "front"] == 0.75
    assert found["afferent_motion_threshold_luma", "front"] == 6.5
    conditions = {key[2]: value for key, value in found.items() if key[:2] == ("afferent_camera_condition", "front")}
    assert [condition for condition, value in conditions.items() if value] == ["covered"]
    assert {"ok", "starting", "frozen", "black", "bright", "blurred", "moved"} < set(conditions)
    assert not any(value for key, value in found.items() if key[:2] == ("afferent_camera_condition", "back"))
    assert found["afferent_viewers", "back"] == 0
    assert found["afferent_health_state", "broker", "failed"] == 1
    assert found["afferent_health_state", "broker", "ok"] == 0
    assert found["afferent_outbox_records",] == 7
    assert found["afferent_records_acknowledged_total",] == 40
    assert ("afferent_outbox_oldest_seconds",) not in found
    assert found["afferent_process_resident_memory_bytes",] > 1e6


async def test_native_camera_routes_and_their_refusals(tmp_path: Path) -> None:
    web = make_web(tmp_path, cameras=("front", "back"))
    owner = await web.signed_in()

    async def post(path: str, **options: Any) -> httpx.Response:
        return await asked(web, path, method="POST", headers=owner, **options)

    started = await post("/v1/cameras/back/start")
    assert (started.json()["camera"], started.json()["running"], started.json()["position"]) == ("back", True, 1)
    assert (await post("/v1/cameras/back/recording", json={"on": True})).json()["recording"] is True
    taken = await post("/v1/cameras/back/snapshot")
    assert (taken.status_code, taken.json()["url"]) == (201, f"/snapshots/{taken.json()['filename']}")
    stopped = await post("/v1/cameras/back/stop")
    assert stopped.json()["running"] is False
    dark = await post("/v1/cameras/back/snapshot")
    assert (dark.status_code, dark.json()["title"]) == (503, "Service Unavailable")
    web.cameras["back"].broken = True
    lost = await post("/v1/cameras/back/start")
    assert (lost.status_code, lost.json()["detail"]) == (503, "no such device")
    full = await post("/v1/cameras/back/recording", json={"on": True})
    assert (full.status_code, full.json()["detail"]) == (507, "the disk is full")
    assert (await post("/v1/cameras/nine/start")).json()["remedy"] == "cameras are: front, back"


async def test_records_are_paged_both_ways(tmp_path: Path) -> None:
    web = make_web(tmp_path)
    owner = await web.signed_in()
    for _ in range(25):
        web.history.add()

    async def rows(query: str) -> tuple[list[int], int | None]:
        page = (await asked(web, f"/v1/predictions?{query}", headers=owner)).json()
        return [entry["row"] for entry in page["records"]], page["next"]

    assert await rows("limit=10") == (list(range(25, 15, -1)), 16)
    assert await rows("limit=10&before=16") == (list(range(15, 5, -1)), 6)
    assert await rows("limit=10&after=16") == (list(range(17, 26)), None)
    assert (await asked(web, "/v1/events", headers=owner)).json() == {"events": [], "next": None}
    assert len((await asked(web, "/v1/records?kind=prediction", headers=owner)).json()["records"]) == 25
    assert (await asked(web, "/v1/records?kind=consent", headers=owner)).json() == {"records": [], "next": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=-1", "after"),
        ("after=1&before=2", "before"),
        ("kind=x", "kind"),
    ],
)
async def test_a_wrong_parameter_is_named(tmp_path: Path, query: str, field: str) -> None:
    web = make_web(tmp_path)
    refused = await asked(web, f"/v1/records?{query}", headers=await web.signed_in())
    assert (refused.status_code, refused.json()["field"]) == (400, field)


async def test_a_store_that_cannot_be_read_is_told_and_the_page_still_paints(tmp_path: Path) -> None:
    web = make_web(tmp_path)
    web.history.broken = True
    owner = await web.signed_in()
    refused = await asked(web, "/v1/predictions", headers=owner)
    assert (refused.status_code, refused.json()["detail"]) == (503, "the store cannot be read")
    status = await asked(web, "/v1/status", headers=owner)
    assert (status.status_code, status.json()["predictions"], status.json()["newest_row"]) == (200, [], 0)


async def test_a_method_that_is_none_here_is_told_all_that_are(tmp_path: Path) -> None:
    """RFC 9110, section 10.2.1: of every route of that path, not of the first alone."""
    web = make_web(tmp_path)
    owner = await web.signed_in()
    for method, path, methods in (
        ("PUT", "/v1/session", "DELETE, GET, HEAD, POST"),
        ("OPTIONS", "/v1/cameras/front/plan", "GET, HEAD, PUT"),
        ("GET", "/start", "POST"),
    ):
        told = await web.ask(method, path, headers=owner)
        assert (told.status_code, told.headers["allow"]) == (405, methods)
        assert told.json()["detail"] == f"{method} is not taken here"
        assert methods in told.json()["remedy"]


async def test_a_bug_tells_no_trace(tmp_path: Path) -> None:
    """S0.15"""
    web = make_web(tmp_path)
    web.cameras["front"].vision = {"anomaly_stats": {"wrong": 1}}
    web.cameras["front"].running = True
    transport = httpx.ASGITransport(web.app, client=(NEAR, 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        told = await client.get("/status")
    assert (told.status_code, told.json()["error"]) == (500, "Internal server error")
    assert "Traceback" not in told.text
