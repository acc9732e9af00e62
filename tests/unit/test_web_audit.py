"""What the audit log says of requests, and that it says neither too much nor a secret."""

from pathlib import Path
from typing import Any

import pytest

from edge.core.audit import AuditEntry
from edge.web.audit_trail import Sampling, outcome_of
from tests.support.clock import FakeClock
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.web import Web, make_web


@pytest.fixture
def web(tmp_path: Path) -> Web:
    desk = FakeSessions(folder=tmp_path)
    desk.welcome("p-01")
    return make_web(tmp_path, sessions=desk, sensors=FakeSensors())


def lines(web: Web) -> list[AuditEntry]:
    assert web.deps.audit is not None
    return [entry for _, entry in web.deps.audit.newest(limit=500)]


def told(entry: AuditEntry) -> tuple[str, str, str, str]:
    return entry.actor, entry.action, entry.target, entry.outcome


async def test_what_changes_something_is_noted_with_its_outcome_and_looking_is_not(web: Web) -> None:
    await web.ask("GET", "/v1/status")
    await web.ask("POST", "/v1/cameras/front/start", role="operator")
    await web.ask("POST", "/v1/cameras/nine/start", role="operator")
    await web.ask("POST", "/v1/cameras/front/stop", role="viewer")
    await web.ask("POST", "/v1/cameras/front/stop", signed_in=False)
    verb = "POST /v1/cameras/{camera}"
    assert [told(entry) for entry in reversed(lines(web))] == [
        ("operator", f"{verb}/start", "camera=front", "done"),
        ("operator", f"{verb}/start", "camera=nine", "failed: 404"),
        ("viewer", f"{verb}/stop", "camera=front", "refused: 403"),
        ("-", f"{verb}/stop", "camera=front", "refused: 401"),
    ]
    assert {entry.address for entry in lines(web)} == {"192.0.2.5"}


async def test_sign_ins_good_bad_and_limited_are_noted_and_no_password_ever(web: Web) -> None:
    async def sign_in(**said: Any) -> None:
        await web.ask("POST", "/v1/session", signed_in=False, json=said)

    await sign_in(password=web.password)
    await sign_in(password="x" * 300)
    await sign_in(password="y" * 300, account="hunter2-typed-in-the-wrong-field")
    for _ in range(5):
        await sign_in(password="z" * 300)
    assert [(entry.actor, entry.target, entry.outcome) for entry in reversed(lines(web))] == [
        ("admin", "account=admin", "done"),
        ("-", "account=admin", "refused: 401"),
        ("-", "account unknown", "refused: 401"),
        *[("-", "account=admin", "refused: 401")] * 3,
        *[("-", "account=admin", "limited")] * 2,
    ]
    assert web.deps.audit is not None
    kept = b"".join(path.read_bytes() for path in web.deps.audit._folder.iterdir())
    for secret in (web.password, "hunter2", "xxx", await web.token()):
        assert secret.encode() not in kept


async def test_accounts_are_noted_with_whom_it_was_about(web: Web) -> None:
    await web.ask("POST", "/v1/accounts", json={"name": "lena", "role": "viewer"})
    await web.ask("PUT", "/v1/accounts/lena/role", json={"role": "admin"})
    await web.ask("DELETE", "/v1/accounts/lena")
    assert [(entry.action, entry.target) for entry in reversed(lines(web))] == [
        ("POST /v1/accounts", "account=lena role=viewer"),
        ("PUT /v1/accounts/{account}/role", "account=lena role=admin"),
        ("DELETE /v1/accounts/{account}", "account=lena"),
    ]


async def test_participants_go_by_an_alias(web: Web) -> None:
    """X.6"""
    await web.ask("POST", "/v1/participants/p-01/link")
    mine = {"Authorization": f"Bearer {(await web.deps.auth.link('p-01', 1.0)).token}"}
    await web.ask("POST", "/v1/sessions", signed_in=False, headers=mine, json={"participant": "p-01"})
    began, linked = lines(web)[:2]
    assert web.deps.audit is not None
    alias = web.deps.audit.alias("p-01")
    assert (linked.target, began.actor) == (f"participant={alias}", f"participant:{alias}")


async def test_what_a_session_is_made_of_is_kept_itself_and_not_noted(web: Web) -> None:
    desk = web.deps.sessions
    assert isinstance(desk, FakeSessions)
    view = await desk.start("p-01", session_id="p-01_2_7", overrule=True)
    await web.ask("POST", f"/v1/sessions/{view.session_id}/labels", json={"labels": [{"probe": "HH"}]})
    await web.ask("POST", f"/v1/sessions/{view.session_id}/markers", json={"name": "door"})
    assert [entry.action for entry in lines(web)] == ["POST /v1/sessions/{session_id}/markers"]


async def test_admins_read_it_by_pages_and_filters(web: Web) -> None:
    for number in range(5):
        await web.ask("POST", "/v1/cameras/front/start", role="operator" if number % 2 else "admin")
    page = (await web.ask("GET", "/v1/audit?limit=2&actor=admin")).json()
    rest = (await web.ask("GET", f"/v1/audit?limit=2&actor=admin&before={page['next']}")).json()
    assert [line["entry"]["actor"] for line in page["lines"] + rest["lines"]] == ["admin"] * 3
    assert rest["next"] is None
    assert (await web.ask("GET", "/v1/audit", role="operator")).status_code == 403


async def test_pages_of_others_are_noted_with_where_they_are_from(web: Web) -> None:
    cookie = {"Cookie": f"afferent_session={await web.token()}", "Origin": "https://evil.example"}
    await web.ask("POST", "/v1/cameras/front/stop", signed_in=False, headers=cookie)
    (line,) = lines(web)
    assert told(line) == ("admin", "a page of somebody else", "Origin=https://evil.example", "refused: 403")


async def test_who_knocks_all_day_is_sampled(web: Web) -> None:
    for _ in range(30):
        await web.ask("POST", "/v1/cameras/front/stop", signed_in=False)
    assert len(lines(web)) == 10


async def test_who_has_no_account_cannot_push_others_out_of_the_log(web: Web) -> None:
    """Neither by nonsense, nor by hosts that are not ours, nor by signing out."""
    for _ in range(15):
        await web.ask("POST", "/v1/session", signed_in=False, content=b"nonsense")
        await web.ask("POST", "/v1/session", signed_in=False, headers={"Host": "evil.example"})
        await web.ask("DELETE", "/v1/session", signed_in=False, headers={"Authorization": "Bearer nobody"})
    assert len(lines(web)) == 10
    assert not [entry for entry in lines(web) if entry.outcome == "done"]


def test_how_many_refusals_were_passed_over_is_told_by_the_next() -> None:
    clock = FakeClock()
    sampling = Sampling(clock)
    assert [sampling.ask("a") for _ in range(12)] == [0] * 10 + [None, None]
    assert sampling.ask("b") == 2
    others = [sampling.ask(f"c-{number}") for number in range(400)]
    assert sum(asked is not None for asked in others) == 49
    clock.advance(3601)
    assert sampling.ask("a") == 351


def test_outcomes_in_words() -> None:
    assert [outcome_of(status) for status in (200, 204, 302, 401, 403, 404, 429, 500)] == [
        *["done"] * 3,
        "refused: 401",
        "refused: 403",
        "failed: 404",
        "limited",
        "failed: 500",
    ]
