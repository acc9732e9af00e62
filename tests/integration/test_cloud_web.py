"""The cloud's API over a real server: what it shows, who may see it, how it says no."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from cloud.objects.folder import FolderStorage
from contract.emotions import EMOTIONS, UNKNOWN
from contract.messages import AnyBody
from tests.conftest import ROOT
from tests.support.cloud import BOOT, PASSWORD, START_MS, USER, event, file_of, incoming, loss, prediction, recording
from tests.support.cloud_stage import CloudStage, cloud_stage, write_video

LISTS = ["/v1/devices", "/v1/predictions", "/v1/events", "/v1/recordings", "/v1/files", "/v1/ledger"]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[CloudStage]:
    async with cloud_stage(tmp_path) as found:
        yield found


@pytest.fixture
async def client(stage: CloudStage) -> AsyncIterator[httpx.AsyncClient]:
    found = await stage.signed_in()
    yield found
    await found.aclose()


async def _fill(stage: CloudStage) -> None:
    bodies: list[AnyBody] = [
        *(prediction(seq, probe) for seq, probe in enumerate([*EMOTIONS, None], 1)),
        event(6),
        recording("gate", phase="closed"),
        recording("gate"),
        loss(10, 12),
    ]
    await stage.intake.add([incoming(body, seq) for seq, body in enumerate(bodies, 1)], START_MS)


async def _problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"] and body["detail"]
    return body


async def test_an_empty_cloud_has_empty_lists(client: httpx.AsyncClient) -> None:
    for path in LISTS:
        answer = await client.get(path)
        counts = {"found": 0, "known": 0} if path == "/v1/devices" else {}
        assert (answer.status_code, answer.json()) == (200, {"items": [], **counts})


async def test_what_a_device_said_is_shown(stage: CloudStage, client: httpx.AsyncClient) -> None:
    await _fill(stage)
    predictions = (await client.get("/v1/predictions")).json()["items"]
    named = {one["probe"]: (one["emotion"], one["color"]) for one in predictions}
    expected: dict[str | None, tuple[str, ...]] = {probe: tuple(emotion) for probe, emotion in EMOTIONS.items()}
    assert named == {**expected, None: tuple(UNKNOWN)}
    assert [one["start_ms"] for one in predictions] == sorted((one["start_ms"] for one in predictions), reverse=True)
    events = (await client.get("/v1/events")).json()["items"]
    assert events[0]["reasoning"] == ["somebody stayed", "<b>for long</b>"]
    recordings = (await client.get("/v1/recordings")).json()["items"]
    assert [(one["phase"], one["video"]) for one in recordings] == [
        ("uploaded", "/v1/recordings/rec-1/video?device=gate")
    ]
    assert (await client.get("/v1/ledger")).json()["items"][0]["reason"] == "disk full"


async def test_devices_show_how_far_they_are_delivered(stage: CloudStage, client: httpx.AsyncClient) -> None:
    await _fill(stage)
    await stage.intake.add([incoming(prediction(20), 20)], START_MS)
    device = (await client.get("/v1/devices")).json()["items"][0]
    assert (device["device"], device["state"], device["boot"]) == ("gate", "unknown", BOOT)
    assert (device["contiguous"], device["highest"], device["missing"]) == (12, 20, 7)
    gaps = (await client.get("/v1/devices/gate/gaps")).json()["items"]
    assert gaps == device["gaps"] == [{"boot": BOOT, "first_seq": 13, "last_seq": 19, "since_ms": START_MS}]
    await _problem(await client.get("/v1/devices/none/gaps"), 404)


async def test_a_list_is_read_page_by_page(stage: CloudStage, client: httpx.AsyncClient) -> None:
    await stage.intake.add([incoming(prediction(seq), seq) for seq in range(1, 26)], START_MS)
    seen: list[int] = []
    query: dict[str, Any] = {"limit": 10}
    while True:
        page = (await client.get("/v1/predictions", params=query)).json()
        seen += [one["seq"] for one in page["items"]]
        if "after" not in page:
            break
        query["after"] = page["after"]
    assert seen == list(range(25, 0, -1))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("limit=1001", "limit"),
        ("from=yesterday", "from"),
        ("from=20&to=10", "from"),
        ("device=../x", "device"),
        ("after=garbage", "after"),
        ("colour=red", "colour"),
    ],
)
async def test_a_wrong_parameter_is_named_with_a_remedy(client: httpx.AsyncClient, query: str, field: str) -> None:
    body = await _problem(await client.get(f"/v1/predictions?{query}"), 400)
    assert body["field"] == field
    assert body["remedy"]


async def test_everything_but_the_door_needs_a_sign_in(stage: CloudStage) -> None:
    async with stage.client() as stranger:
        for path in [
            *LISTS,
            "/v1/devices/gate/gaps",
            "/v1/recordings/x/video",
            "/v1/models",
            "/metrics",
            "/v1/none",
            "/v1/session",
        ]:
            await _problem(await stranger.get(path), 401)
        for path in ["/", "/console/console.js", "/console/console.css", "/healthz", "/readyz", "/openapi.json"]:
            assert (await stranger.get(path)).status_code == 200
        await _problem(await stranger.post("/v1/tokens", json={"label": "x"}), 401)
        stranger.cookies.set("afferent_cloud_session", "aff_made-up")
        await _problem(await stranger.get("/v1/devices"), 401)


async def test_a_session_begins_and_ends(stage: CloudStage) -> None:
    async with stage.client() as person:
        answer = await person.post("/v1/session", json={"name": USER, "password": PASSWORD})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
        assert (await person.get("/v1/session")).json() == {"name": USER, "role": "admin"}
        kept = {"cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items())}
        assert (await person.delete("/v1/session")).status_code == 204
        await _problem(await person.get("/v1/devices", headers=kept), 401)


async def test_a_program_comes_in_by_a_token(stage: CloudStage, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/tokens", json={"label": "dashboard"})
    assert answer.status_code == 201
    headers = {"authorization": f"Bearer {answer.json()['token']}"}
    async with stage.client(headers=headers) as program:
        assert (await program.get("/v1/devices")).status_code == 200
        await _problem(await program.post("/v1/tokens", json={"label": "more"}), 403)


async def test_guessing_is_slowed_down(stage: CloudStage) -> None:
    async with stage.client() as guesser:
        guesses = [guesser.post("/v1/session", json={"name": USER, "password": f"guess {n}"}) for n in range(5)]
        assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401}
        answer = await guesser.post("/v1/session", json={"name": USER, "password": PASSWORD})
        await _problem(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"[", "application/json", 400),
        (b'{"name":"ada","password":5}', "application/json", 400),
        (b'{"name":"ada","password":"x","admin":true}', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"name=ada&password=x", "application/x-www-form-urlencoded", 415),
        (b" " * 20_000, "application/json", 413),
    ],
)
async def test_a_malformed_sign_in_is_told(stage: CloudStage, body: bytes, kind: str, status: int) -> None:
    async with stage.client() as person:
        await _problem(await person.post("/v1/session", content=body, headers={"content-type": kind}), status)


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
async def test_other_sites_change_nothing(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    await _problem(await client.delete("/v1/session", headers=headers), 403)
    await _problem(await client.post("/v1/tokens", json={"label": "x"}, headers=headers), 403)
    assert (await client.get("/v1/session")).status_code == 200


async def test_our_own_page_may(stage: CloudStage, client: httpx.AsyncClient) -> None:
    headers = {"origin": stage.url, "sec-fetch-site": "same-origin"}
    assert (await client.delete("/v1/session", headers=headers)).status_code == 204


async def test_every_answer_keeps_the_page_ours(client: httpx.AsyncClient) -> None:
    for path in ["/", "/v1/devices", "/v1/none"]:
        headers = (await client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert (await client.get("/v1/devices")).headers["cache-control"] == "no-store"
    await _problem(await client.get("/v1/none"), 404)
    await _problem(await client.put("/v1/devices"), 405)


async def test_a_recording_is_played_whole_and_by_ranges(stage: CloudStage, client: httpx.AsyncClient) -> None:
    body = recording("gate")
    size, _ = write_video(stage.objects / body.key)
    content = (stage.objects / body.key).read_bytes()
    await stage.intake.add([incoming(body, 1)], START_MS)
    path = "/v1/recordings/rec-1/video"
    whole = await client.get(path)
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "video/mp4", content)
    part = await client.get(path, headers={"range": "bytes=10-99"})
    assert (part.status_code, part.content) == (206, content[10:100])
    assert part.headers["content-range"] == f"bytes 10-99/{size}"
    stale = await client.get(path, headers={"range": "bytes=10-99", "if-range": '"old"'})
    assert stale.status_code == 200
    same = await client.get(path, headers={"range": "bytes=-7", "if-range": whole.headers["etag"]})
    assert (same.status_code, same.content) == (206, content[-7:])
    await _problem(await client.get(path, headers={"range": f"bytes={size}-"}), 416)
    head = await client.head(path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert (await client.get("/v1/recordings/rec-1")).json()["recording_id"] == "rec-1"


async def test_a_recording_that_is_not_there_is_told(stage: CloudStage, client: httpx.AsyncClient) -> None:
    await _problem(await client.get("/v1/recordings/rec-1/video"), 404)
    await _problem(await client.get("/v1/recordings/..%2F..%2Fetc/video"), 404)
    await stage.intake.add([incoming(recording("gate"), 1)], START_MS)
    await _problem(await client.get("/v1/recordings/rec-1/video"), 404)
    await stage.intake.add([incoming(recording("door"), 1, device="door")], START_MS)
    body = await _problem(await client.get("/v1/recordings/rec-1"), 409)
    assert body["field"] == "device"
    assert (await client.get("/v1/recordings/rec-1?device=door")).json()["device"] == "door"


async def test_the_files_of_a_session_are_listed_and_fetched(stage: CloudStage, client: httpx.AsyncClient) -> None:
    body = file_of("gate", size=2000, name="signals.parquet")
    html = structs.replace(
        file_of("gate", "file-2"), name='../"x".html', session_id="s2", phase="closed", key="sessions/gate/s2/x"
    )
    path = stage.objects / body.key
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(range(200)) * 10)
    await stage.intake.add([incoming(body, 1), incoming(html, 2)], START_MS)
    listed = (await client.get("/v1/files?session=s1&device=gate")).json()["items"]
    assert [(one["file_id"], one["name"], one["about"]) for one in listed] == [
        ("file-1", "signals.parquet", {"rows": "9"})
    ]
    assert len((await client.get("/v1/files")).json()["items"]) == 2
    whole = await client.get(listed[0]["content"])
    assert whole.content == path.read_bytes()
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-disposition"] == 'attachment; filename="signals.parquet"'
    part = await client.get(listed[0]["content"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, path.read_bytes()[10:20])
    absent = await _problem(await client.get("/v1/files/file-2/content"), 404)
    assert "uploads it" in absent["remedy"]
    assert (await client.get("/v1/files/file-2")).json()["name"] == '../"x".html'
    await _problem(await client.get("/v1/files/none"), 404)
    await _problem(await client.get("/v1/events?session=s1"), 400)
    assert (await client.get("/v1/recordings?session=s1")).json()["items"] == []


async def test_probes_do_not_cost_the_object_storage_a_call_each(tmp_path: Path) -> None:
    class Counting(FolderStorage):
        looks = 0

        async def check(self) -> None:
            Counting.looks += 1

    async with cloud_stage(tmp_path, storage=Counting(tmp_path)) as stage, stage.client() as client:
        for _ in range(20):
            assert (await client.get("/readyz")).status_code == 200
    assert Counting.looks == 1


async def test_models_are_listed_and_a_changed_one_is_told(tmp_path: Path, client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/models")).json() == {"items": [], "problems": {}}
    shutil.copytree(ROOT / "edge" / "models" / "bundled", tmp_path / "models")
    (tmp_path / "models" / "broken.json").write_text("{")
    (tmp_path / "models" / "motion.onnx").write_bytes(b"something else")
    found = (await client.get("/v1/models")).json()
    assert "manifest" in found["problems"]["broken.json"]
    problems = {model["name"]: model["problem"] for model in found["items"]}
    assert "digest" in problems.pop("motion")
    assert set(problems.values()) == {""}
    assert {"HH", "HL", "LH", "LL"} in [set(model["classes"]) for model in found["items"]]


async def test_metrics_are_for_users_and_the_scraper(stage: CloudStage, client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics")).headers["content-type"].startswith("text/plain")
    async with stage.client(headers={"authorization": "Bearer scrape-me"}) as scraper:
        assert (await scraper.get("/metrics")).status_code == 200
        await _problem(await scraper.get("/v1/devices"), 401)


async def test_ready_says_what_is_not(tmp_path: Path) -> None:
    async with cloud_stage(tmp_path, ingest_state=lambda: "away") as stage, stage.client() as anybody:
        answer = await anybody.get("/readyz")
        assert (answer.status_code, answer.json()["broker"]) == (503, "away")
        assert (await anybody.get("/healthz")).status_code == 200


async def test_a_hole_in_the_program_shows_nothing_of_it(tmp_path: Path) -> None:
    def broken() -> str:
        raise RuntimeError("secret detail")

    async with cloud_stage(tmp_path, ingest_state=broken) as stage, stage.client() as anybody:
        answer = await anybody.get("/readyz")
        await _problem(answer, 500)
        assert "secret" not in answer.text


async def test_half_a_request_holds_no_place(stage: CloudStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that drips and of one that says nothing; who asks in time stays connected."""
    monkeypatch.setattr("cloud.web.patience.PatientProtocol.head_within_s", 0.6)
    port = int(stage.url.rsplit(":", 1)[1])
    silent, mute = await asyncio.open_connection("127.0.0.1", port)
    drips, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n")
    for reader in (silent, drips):
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 30) == b""
    async with stage.client() as person:
        assert (await person.get("/healthz")).status_code == 200
    for open_one in (writer, mute):
        open_one.close()


async def test_the_description_is_openapi(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    assert "/v1/predictions" in document["paths"]
    assert document["components"]["schemas"]["Prediction"]["properties"]["start_ms"] == {"type": "integer"}
