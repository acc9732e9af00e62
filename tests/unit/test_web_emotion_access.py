"""Who may see whose emotions on the LAN: participants, the administrator, strangers, and pages of other origins."""

from pathlib import Path

import pytest

from contract.sessions import Check, CheckList
from tests.support.emotion_lan import FAR, NEAR, START, Lan


@pytest.fixture
def lan(tmp_path: Path) -> Lan:
    return Lan(tmp_path)


async def test_a_participant_s_token_is_enforced_wherever_it_is_sent(lan: Lan) -> None:
    """S0.36, X.6"""
    await lan.start("user1")
    await lan.start("user2")
    for user in ("user1", "user2"):
        lan.desk.predict(f"{user}_2_{START}")
    mine = await lan.link("user1")
    for address in (NEAR, FAR):
        told = await lan.get("/api/predictions/video/2", headers=mine, address=address)
        assert told["total"] == 1
        other = await lan.ask("GET", "/api/predictions/video/2?user_id=user2", headers=mine, address=address)
        assert (other.status_code, other.json()["success"]) == (403, False)
    both = f"user_id=user1&session_id=user2_2_{START}"
    assert (await lan.get(f"/api/predictions/video/2?{both}", headers=mine))["total"] == 0
    assert (await lan.get("/api/predictions/all", headers=mine))["total"] == 1
    assert (await lan.get("/api/predictions/active", headers=mine))["total"] == 0
    assert (await lan.get("/api/predictions/timeline", headers=mine))["total"] == 1
    assert (await lan.get("/api/video/sessions/active", headers=mine))["total"] == 1
    for method, path, body in (("GET", "session/{}", None), ("POST", "2/stop", "{}"), ("POST", "stop", "{}")):
        told = [
            await lan.ask(method, f"/api/video/{path.format(one)}", headers=mine, json=body and {"session_id": one})
            for one in (f"user2_2_{START}", "nobody_2_1")
        ]
        # Whether somebody else has such a session is nobody's to find out.
        assert (told[0].status_code, told[0].content) == (403, told[1].content)
    assert (await lan.ask("GET", "/api/signals/latest", headers=mine)).status_code == 403
    assert (await lan.start("user2", headers=mine)).status_code == 403
    refused = await lan.ask("POST", "/api/video/2/stop", json={"session_id": f"user2_2_{START}"}, headers=mine)
    assert refused.status_code == 403
    assert len(lan.desk.running()) == 2
    assert (await lan.ask("POST", "/api/video/2/stop", headers=mine)).is_success
    assert [view.participant for view in lan.desk.running()] == ["user2"]
    begun = await lan.ask("POST", "/api/video/3/start", json={"session_id": "mine"}, headers=mine, address=FAR)
    assert begun.is_success
    assert lan.desk.known["mine"].participant == "user1"


async def test_a_participant_s_token_never_takes_another_s_sensor(lan: Lan) -> None:
    """S0.36, X.6: an open client shares what there is; who came by a link would be given somebody else's body."""
    mine = await lan.link("user1")
    busy = Check(name="sensor", state="stop", detail="sensor wrist is used by user2 in a session that runs")
    lan.desk.welcome("user1")
    lan.desk.list_of_checks = CheckList(ready=False, checks=[busy])
    refused = await lan.start("user1", headers=mine)
    assert (refused.status_code, "user2" in refused.text) == (409, False)
    assert lan.desk.running() == []
    assert (await lan.start("user1")).is_success


async def test_the_administrator_sees_all_and_strangers_nothing(lan: Lan) -> None:
    """X.6"""
    await lan.start("user1")
    lan.desk.predict(f"user1_2_{START}")
    owner = await lan.web.signed_in()
    assert (await lan.get("/api/predictions/video/2", headers=owner, address=FAR))["total"] == 1
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        refused = await lan.ask("GET", "/api/predictions/video/2", headers=headers, address=FAR)
        assert refused.status_code == 401
    # On an open network, too, a token that is over does not make its bearer anybody.
    wrong = await lan.ask("GET", "/api/predictions/video/2", headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401
    assert (await lan.get("/api/predictions/video/2"))["total"] == 1


async def test_pages_of_configured_origins_may_use_it_and_others_not(lan: Lan) -> None:
    """S0.41"""
    page = {"Origin": "http://localhost:5173"}
    ask = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = await lan.ask("OPTIONS", "/api/video/2/start", headers=ask)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert preflight.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE, OPTIONS"
    allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
    assert {"content-type", "authorization"} <= set(allowed)
    more = await lan.ask("OPTIONS", "/api/video/2/start", headers={**ask, "Access-Control-Request-Headers": "x-any"})
    assert more.status_code == 400
    told = await lan.ask("GET", "/api/predictions/video/2", headers=page)
    assert told.headers["access-control-allow-origin"] == "http://localhost:5173"
    foreign = {"Origin": "http://evil.example"}
    assert (await lan.ask("POST", "/api/video/2/start", json={}, headers=foreign)).status_code == 403
    assert "access-control-allow-origin" not in (await lan.ask("GET", "/api/health", headers=foreign)).headers
