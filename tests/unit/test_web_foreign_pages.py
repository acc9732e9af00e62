"""What pages of others may make a browser do here: nothing (CSRF, DNS rebinding), whatever cookie it sends along."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.app import endpoints_of
from edge.web.endpoint import WEBSOCKET
from edge.web.redirect import Redirect
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.web import Web, make_web


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return make_web(tmp_path, sessions=FakeSessions(), sensors=FakeSensors())


async def cookie(web: Web) -> dict[str, str]:
    return {"Cookie": f"afferent_session={await web.token()}"}


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_no_route_is_changed_by_a_page_of_somebody_else(web: Web, foreign: dict[str, str]) -> None:
    mine = await cookie(web)
    for endpoint in endpoints_of(web.deps):
        if endpoint.method not in {"GET", WEBSOCKET}:
            path = endpoint.path.replace("{camera}", "front").replace("{rest:path}", "x")
            answer = await web.ask(endpoint.method, path, signed_in=False, headers={**mine, **foreign})
            assert (answer.status_code, answer.json()["field"]) == (403, next(iter(foreign))), endpoint.path


@pytest.mark.parametrize("own", [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}, {}])
async def test_our_own_page_and_programs_may(web: Web, own: dict[str, str]) -> None:
    mine = await cookie(web)
    answer = await web.ask("POST", "/v1/cameras/front/start", signed_in=False, headers={**mine, **own})
    assert answer.status_code == 200


async def test_an_operator_covers_more_and_only_an_admin_uncovers(web: Web) -> None:
    private = {"id": "desk", "kind": "privacy", "points": [[0, 0], [0.5, 0], [0.5, 0.5]]}
    more = {**private, "id": "door", "points": [[0.5, 0.5], [1, 0.5], [1, 1]]}
    path = "/v1/cameras/front/plan"
    for version, zones in enumerate(([private], [private, more])):
        kept = await web.ask("PUT", path, role="operator", json={"version": version, "zones": zones})
        assert kept.status_code == 200
    smaller = {**private, "points": [[0, 0], [0.1, 0], [0.1, 0.1]]}
    for zones in ([private], [more, smaller], [{**private, "kind": "watch"}, more]):
        refused = await web.ask("PUT", path, role="operator", json={"version": 2, "zones": zones})
        assert (refused.status_code, refused.json()["field"]) == (403, "$.zones")
    assert (await web.ask("PUT", path, json={"version": 2, "face_blur": True})).status_code == 200
    refused = await web.ask("PUT", path, role="operator", json={"version": 3})
    assert (refused.status_code, refused.json()["field"]) == (403, "$.face_blur")
    assert (await web.ask("PUT", path, json={"version": 3})).status_code == 200


@given(
    st.text(st.characters(codec="latin-1"), max_size=60),
    st.sampled_from(["/", "//evil.example", "http://evil.example/", "*", ""]),
)
def test_plain_http_leads_nowhere_but_here(query: str, path: str) -> None:
    redirect = Redirect({"box.local"}, 8443)
    scope = {
        "type": "http",
        "method": "GET",
        "headers": [(b"host", b"box.local:80")],
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
    }
    where = redirect._answer(scope).headers["location"]
    assert (urlsplit(where).scheme, urlsplit(where).netloc) == ("https", "box.local:8443")
    assert not set(where) & {"\r", "\n"}


@pytest.mark.parametrize("path", ["/api/upload/chunk", "/api/upload/metadata", "/api/session/create", "/health"])
async def test_pages_that_hand_in_videos_may_send_any_header(tmp_path: Path, path: str) -> None:
    """S2's own routes stand below `/api/` too, but S0.41 is about those of S0."""
    asked = {
        "Origin": "http://localhost:8001",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-requested-with",
    }
    told = await make_web(tmp_path).ask("OPTIONS", path, signed_in=False, headers=asked)
    assert (told.status_code, told.headers.get("access-control-allow-headers")) == (200, "x-requested-with")
    assert told.headers["access-control-allow-origin"] == "http://localhost:8001"
