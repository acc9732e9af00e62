"""Every route of the table asked oddly: no path, parameter or body makes one fall over, and what is wrong is named."""

import random
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
import pytest

from edge.collecting.collector import Collector
from edge.collecting.settings import CollectSettings
from edge.core.clock import SystemClock
from edge.web.app import endpoints_of
from edge.web.endpoint import WEBSOCKET, Endpoint
from tests.support.recordings_port import FakeRecordings
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.storage_ports import FakeStorage, FakeUploads
from tests.support.web import Web, make_web

_PATHS: Final = ("..", "a/b", "a\x00", "e" * 300, "9" * 20, "٣", "\U0001f600")
_TEXTS: Final = ("\x00", "x" * 300, "9" * 20, "-1", "1e9", "٣", "²", "..", ",", "\U0001f600")
_VALUES: Final[tuple[Any, ...]] = (None, True, -1, 2**63, 10**30, 1e300, "", "\x00", [[]], {"a": 1})
_BODIES: Final = (b"", b"{", b"[]", b"null", b"\xff", b'{"a":"\\ud800"}', b"[" * 5000, b'{"video_id":1e999}')
_LEGACY: Final = {
    "/api/session/create": ("participant_id",),
    "/api/upload/metadata": ("session_id", "video_id", "prompt_id", "duration", "file_size", "timestamp"),
    **dict.fromkeys(
        ("/api/video/start", "/api/video/stop", "/api/video/{video_id}/start", "/api/video/{video_id}/stop"),
        ("video_id", "user_id", "session_id", "timestamp"),
    ),
}
"""The fields of bodies that no type describes."""
_NAMES: Final = {
    "camera": "front",
    "participant": "p-01",
    "stimulus": "calm",
    "video_id": "2",
    "recording_id": "rec-1",
    "session_id": "seen",
    "sensor": "wrist",
}
_WHOLE: Final[dict[str, dict[str, Any]]] = {
    "/v1/sessions": {"participant": "p-01", "overrule": True},
    "/v1/stimuli/{stimulus}": {"id": "calm"},
    "/v1/sessions/{session_id}/markers": {"name": "door"},
    "/v1/sessions/{session_id}/labels": {"labels": [{"probe": "HH"}]},
    "/v1/cameras/{camera}/plan": {"version": 0},
    "/v1/accounts": {"name": "lena", "role": "viewer"},
    "/v1/sensors/{sensor}/command": {"command": "identify"},
    "/api/upload/metadata": {"session_id": "x", "video_id": "v"},
    "/api/video/start": {"video_id": 2},
}
"""What else has to be in a body for one odd field of it to be looked at."""
_ENDLESS: Final = {"/live", "/live/{camera}", "/v1/events/stream"}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    desk = FakeSessions(folder=tmp_path)
    desk.welcome("p-01")
    desk.show("calm", number=2)
    room = Collector(tmp_path, settings=CollectSettings(), clock=SystemClock(), rng=random.Random(1))
    made = make_web(
        tmp_path,
        sessions=desk,
        sensors=FakeSensors(hub=desk.hub),
        recordings=FakeRecordings(tmp_path),
        storage=FakeStorage(),
        uploads=FakeUploads(),
        collect=room,
        hub=desk.hub,
    )
    made.history.add()
    yield made
    room.close()


@pytest.fixture
async def client(web: Web) -> AsyncIterator[httpx.AsyncClient]:
    assert web.deps.sessions
    await web.deps.sessions.start("p-01", video_id=2, session_id="seen", overrule=True)
    transport = httpx.ASGITransport(web.app, client=("127.0.0.1", 1))  # what nobody caught is raised here
    headers = await web.signed_in()
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as opened:
        yield opened


def answering(web: Web) -> list[Endpoint]:
    """Every route whose answer ends by itself."""
    return [one for one in endpoints_of(web.deps) if one.method != WEBSOCKET and one.path not in _ENDLESS]


def filled(path: str, **odd: str) -> str:
    known = {**_NAMES, **odd}
    return re.sub(r"{(\w+)(:path)?}", lambda match: quote(known.get(match[1], "x"), safe="", errors="ignore"), path)


async def test_no_path_makes_a_route_fall_over(web: Web, client: httpx.AsyncClient) -> None:
    for one in answering(web):
        for name in re.findall(r"{(\w+)", one.path):
            for odd in _PATHS:
                told = await client.request(one.method, filled(one.path, **{name: odd}))
                assert told.status_code < 500 or told.status_code == 503, (one.method, told.url, told.text)


async def test_a_parameter_that_is_none_is_named(web: Web, client: httpx.AsyncClient) -> None:
    asked = 0
    for one in answering(web):
        for query in one.queries:
            for odd in _TEXTS:
                told = await client.request(one.method, filled(one.path), params={query.name: odd})
                assert told.status_code < 500, (told.url, told.text)
                if query.kind is int:
                    assert told.status_code == 400, told.url
                    assert query.name in told.text
                asked += 1
    assert asked > 200


async def test_no_field_of_a_body_makes_a_route_fall_over(web: Web, client: httpx.AsyncClient) -> None:
    for one in answering(web):
        if one.method == "GET" or one.path.startswith("/socket.io"):
            continue
        typed = [field.encode_name for field in msgspec.structs.fields(one.body)] if one.body else []
        for name in (*typed, *_LEGACY.get(one.path, ())):
            for odd in _VALUES:
                body = {**_WHOLE.get(one.path, {}), name: odd}
                told = await client.request(one.method, filled(one.path), json=body)
                assert told.status_code < 500 or told.status_code == 503, (told.url, name, odd, told.text)


async def test_a_body_of_the_wrong_kind_is_named(web: Web, client: httpx.AsyncClient) -> None:
    for one in answering(web):
        for name in [field.encode_name for field in msgspec.structs.fields(one.body)] if one.body else []:
            told = await client.request(one.method, filled(one.path), json={name: {"odd": {}}})
            assert told.status_code in {400, 404}, (told.url, name, told.text)
            if told.status_code == 400:
                assert told.json()["field"].startswith("$"), (told.url, name, told.text)


async def test_no_bytes_make_a_route_fall_over(web: Web, client: httpx.AsyncClient) -> None:
    for one in answering(web):
        if one.method != "GET":
            for raw in _BODIES:
                told = await client.request(one.method, filled(one.path), content=raw)
                assert told.status_code not in {500, 501, 502, 504} or told.json() == {"error": "Camera not available"}


async def test_head_is_get_without_its_body(web: Web, client: httpx.AsyncClient) -> None:
    for one in answering(web):
        if one.method == "GET" and one.path != "/socket.io/":
            path = filled(one.path)
            got, head = await client.get(path), await client.head(path)
            assert head.status_code == got.status_code, path
            assert head.headers.get("content-type") == got.headers.get("content-type"), path
