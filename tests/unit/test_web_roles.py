"""Every route against every role, and the page of the manual that says it."""

from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.access import Access, allows, least_role
from edge.web.app import endpoints_of
from edge.web.callers import Caller
from edge.web.endpoint import WEBSOCKET, Endpoint
from edge.web.roles import ROLES, AccountRole, reaches
from scripts.lan_routes import routes_table
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.web import Web, make_web

FAR = "203.0.113.9"
FOR_ADMINS = {
    ("GET", "/v1/accounts"),
    ("POST", "/v1/accounts"),
    ("PUT", "/v1/accounts/{account}/role"),
    ("PUT", "/v1/accounts/{account}/password"),
    ("DELETE", "/v1/accounts/{account}"),
    ("GET", "/v1/audit"),
    ("DELETE", "/v1/participants/{participant}"),
}
FOR_ONESELF = {
    ("GET", "/v1/sign-ins"),
    ("DELETE", "/v1/sign-ins"),
    ("DELETE", "/v1/sign-ins/{sign_in}"),
    ("PUT", "/v1/session/password"),
}
OF_EVERYBODY = {("POST", "/v1/session"), ("DELETE", "/v1/session")}
CHANGES_NOTHING = {("POST", "/v1/qr")}
ONLY_MESSAGES = {("POST", "/socket.io/"), *(((method, "/api/{rest}")) for method in ("POST", "PUT", "DELETE", "PATCH"))}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return make_web(tmp_path, sessions=FakeSessions(), sensors=FakeSensors())


def key_of(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.path.replace(":path", "")


def expected_of(endpoint: Endpoint) -> AccountRole:
    """What the rule says, told another way than the product does."""
    if key_of(endpoint) in FOR_ADMINS:
        return "admin"
    seen = endpoint.method in {"GET", WEBSOCKET}
    open_to_all = FOR_ONESELF | OF_EVERYBODY | ONLY_MESSAGES | CHANGES_NOTHING
    return "viewer" if seen or key_of(endpoint) in open_to_all else "operator"


async def test_every_route_lets_in_the_roles_that_it_should_and_no_other(web: Web) -> None:
    """Issue 6, point 4: viewer, operator, admin over the whole table."""
    walked = 0
    for endpoint in endpoints_of(web.deps):
        least = expected_of(endpoint)
        assert least_role(endpoint.access, changes=endpoint.changes) == least, key_of(endpoint)
        if endpoint.app or endpoint.method == WEBSOCKET or key_of(endpoint) in OF_EVERYBODY | FOR_ONESELF:
            continue  # open-ended ones have the same guard; one's own sessions end here with the first call
        for role in ROLES:
            answer = await asked(web, endpoint, role)
            refused = answer.status_code == 403 and "needs the role" in answer.text
            assert refused is not reaches(role, least), (key_of(endpoint), role, answer.text)
            walked += 1
    assert walked > 200


async def test_who_may_not_is_told_what_it_needs(web: Web) -> None:
    refused = await web.ask("POST", "/v1/cameras/front/start", role="viewer")
    assert refused.status_code == 403
    assert refused.json()["detail"] == "This needs the role operator, and viewer is viewer"
    assert refused.json()["remedy"] == "ask an admin of this appliance"
    assert not web.cameras["front"].starts


@given(st.sampled_from(Access), st.sampled_from(ROLES), st.booleans())
def test_a_higher_role_never_may_less(access: Access, role: AccountRole, changes: bool) -> None:
    may = [allows(access, Caller(FAR, user="a", rank=one), changes=changes) for one in ROLES]
    assert may == sorted(may)
    assert may[-1], "an admin may everything"


def test_the_page_of_the_manual_has_every_route() -> None:
    text = (Path(__file__).parents[2] / "docs/lan-security.md").read_text(encoding="utf-8")
    assert routes_table() in text, "run `make docs`"


async def asked(web: Web, endpoint: Endpoint, role: AccountRole) -> httpx.Response:
    path = endpoint.path.replace("{camera}", "front").replace("{name:path}", "app.js").replace("{rest:path}", "x")
    transport = httpx.ASGITransport(web.app, client=(FAR, 1), raise_app_exceptions=False)
    headers = await web.signed_in(role)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(endpoint.method, path, headers=headers)
