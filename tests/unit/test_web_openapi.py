"""The description of the API is whole and true: every route is in it, and what the routes say is what it says."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from starlette.routing import Route, WebSocketRoute

from contract.messages import Event
from edge.collecting.collector import Collector
from edge.collecting.settings import CollectSettings
from edge.core.clock import SystemClock
from edge.core.health import State
from tests.support.recordings_port import FakeRecordings
from tests.support.session_stage import CONSENT, FakeSensors, FakeSessions
from tests.support.storage_ports import FakeStorage, FakeUploads
from tests.support.web import START_MS, VISION, Web, make_web

_NEWEST = "p-01_2_7"
_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "qr"): {"text": "http://127.0.0.1/"},
    ("post", "accounts"): {"name": "lena", "role": "viewer"},
    ("put", "role"): {"role": "operator"},
    ("put", "password"): {},
    ("put", "{participant}"): {"note": "left hand"},
    ("post", "consent"): {"given": True, "text_sha256": CONSENT.sha256},
    ("put", "{stimulus}"): {"id": "calm", "number": 2},
    ("post", "sessions"): {"participant": "p-01", "session_id": _NEWEST, "overrule": True},
    ("post", "markers"): {"name": "door"},
    ("post", "labels"): {"labels": [{"probe": "HH"}]},
    ("post", "command"): {"command": "identify"},
    ("post", "start"): {"video_id": 2, "user_id": "p-01", "session_id": _NEWEST},
    ("post", "stop"): {"session_id": _NEWEST},
    ("post", "recording"): {"on": True},
    ("post", "create"): {},
    ("post", "feedback"): {"normal": True},
    ("put", "plan"): {"version": 0, "zones": [{"id": "gate", "points": [[0, 0], [0.5, 0], [0.5, 0.5]]}]},
}


async def asked(web: Web, method: str, path: str, **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(web.app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, path, headers=await web.signed_in(), **options)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    room = Collector(tmp_path, settings=CollectSettings(), clock=SystemClock(), rng=random.Random(1))
    yield room
    room.close()


@pytest.fixture
def web(tmp_path: Path, collector: Collector) -> Web:
    desk = FakeSessions(folder=tmp_path)
    desk.welcome("p-01")
    desk.show("calm", number=2, duration_ms=151_000)
    made = make_web(
        tmp_path,
        cameras=("front", "back"),
        sessions=desk,
        sensors=FakeSensors(hub=desk.hub),
        recordings=FakeRecordings(tmp_path),
        storage=FakeStorage(),
        uploads=FakeUploads(),
        collect=collector,
        hub=desk.hub,
    )
    for _ in range(3):
        made.history.add()
    made.history.add(
        Event(
            event_id="event-1", phase="open", camera="front", type="sudden_motion", start_ms=START_MS, severity="HIGH"
        )
    )
    made.cameras["front"].events.add("event-1")
    made.deps.hub.publish("vision", VISION, key="front")
    made.deps.hub.publish("sync", {"broker": "ok", "outbox_records": 3, "acked_total": 9}, key="all")
    made.deps.health.set("camera.front", State.OK)
    made.deps.health.set("broker", State.FAILED, "connection refused")
    return made


async def test_every_route_is_described_and_the_description_is_openapi(web: Web) -> None:
    document = (await asked(web, "GET", "/openapi.json")).json()
    validate(document)
    assets = {f"/{path.name}" for path in web.deps.viewer_dir.iterdir()}
    for route in web.app.routes:
        assert isinstance(route, Route | WebSocketRoute)
        path = route.path.replace(":path", "")
        if path in assets:
            continue
        methods = (route.methods or set()) - {"HEAD"} if isinstance(route, Route) else {"GET"}
        assert {method.lower() for method in methods} <= set(document["paths"][path]), path


async def test_what_the_routes_say_is_what_the_description_says(web: Web) -> None:
    document = (await asked(web, "GET", "/openapi.json")).json()
    checked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not _answers_json(operation) or path in {"/v1/session", "/v1/session/password"}:
                continue
            await web.cameras["front"].start()
            await _begin(web)
            body = _BODIES.get((method, path.rpartition("/")[2]))
            query = "?participant=p-01" if path.endswith("/checks") else ""
            response = await asked(web, method.upper(), _filled(path) + query, json=body)
            expected = path in {"/readyz", "/api/{rest}"} or path.startswith(("/api/upload/", "/api/session/{"))
            expected |= path.endswith(("/folder", "{sign_in}"))
            assert response.status_code < 400 or expected, f"{path} {response.text}"
            told = operation["responses"]
            status = str(response.status_code)
            schema = told[status if status in told else "default"]["content"]
            _check(document, next(iter(schema.values()))["schema"], response.json(), path)
            checked += 1
    assert checked >= 60


async def test_signing_in_says_what_the_description_says(web: Web) -> None:
    document = (await asked(web, "GET", "/openapi.json")).json()
    operations = document["paths"]["/v1/session"]
    response = await asked(web, "POST", "/v1/session", json={"password": web.password, "user": "anybody"})
    schema = operations["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    _check(document, schema, response.json(), "sign in")
    refused = await asked(web, "POST", "/v1/session", json={"password": "wrong"})
    problem = operations["post"]["responses"]["default"]["content"]["application/problem+json"]["schema"]
    _check(document, problem, refused.json(), "refusal")
    assert (refused.status_code, refused.json()["field"]) == (401, "password")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "$"),
        (b"[]", "$"),
        (b'{"on": 1}', "$.on"),
        (b'{"on": true, "x": 1}', "$"),
        (b'"' + b"a" * 20_000 + b'"', None),
    ],
)
async def test_a_body_that_cannot_be_used_is_a_problem_that_names_the_field(
    web: Web, body: bytes, field: str | None
) -> None:
    response = await asked(web, "POST", "/v1/cameras/front/recording", content=body)
    assert response.status_code == (400 if field else 413)
    assert response.json().get("field") == field
    assert response.headers["content-type"] == "application/problem+json"


def _filled(path: str) -> str:
    names = {
        "account": "lena",
        "sign_in": "0123456789abcdef",
        "camera": "front",
        "event_id": "event-1",
        "recording_id": "rec-1",
        "upload_id": "rec-1",
        "date": "2026-11-20",
        "participant": "p-01",
        "stimulus": "calm",
        "session_id": _NEWEST,
        "sensor": "wrist",
        "video_id": "2",
    }
    return path.format(**names, rest="x", name="x")


async def _begin(web: Web) -> None:
    """Somebody watches something, whatever was stopped or erased before."""
    desk = web.deps.sessions
    assert isinstance(desk, FakeSessions)
    desk.welcome("p-01")
    desk.show("calm", number=2, duration_ms=151_000)
    if _NEWEST not in desk.known:
        await desk.start("p-01", video_id=2, session_id=_NEWEST, overrule=True)
        desk.predict(_NEWEST)


def _answers_json(operation: dict[str, Any]) -> bool:
    return any("application/json" in told.get("content", {}) for told in operation["responses"].values())


def _check(document: dict[str, Any], schema: dict[str, Any], value: Any, what: str) -> None:
    whole = {**schema, "components": document["components"]}
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
    assert not errors, f"{what}: {errors}"
