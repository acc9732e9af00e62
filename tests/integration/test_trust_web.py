"""The routes of trust over HTTP: open where they must be, bounded, and silent towards who guesses. S6.4"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from cloud.store.clock import SystemClock
from cloud.trust.desk import TrustDesk, trust_desk
from cloud.trust.settings import TrustSettings
from cloud.web.problems import ProblemError
from cloud.web.trust_paths import REVOKED_PATH
from cloud.web.trust_routes import trust_routes
from contract.enrolment import AUTHORITY_PATH, CLAIM_PATH, RENEW_PATH, Credentials
from edge.identity import keys
from tests.support.cloud import opened
from tests.support.cloud_stage import CloudStage, cloud_stage
from tests.support.postgres import Postgres, running_postgres
from tests.support.trust import ASKER, claim, desk_at, renewal

GATE = "gate-1"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[tuple[CloudStage, TrustDesk]]:
    url = f"sqlite:///{tmp_path / 'cloud.db'}"
    async with (
        desk_at(url, tmp_path, broker_host="broker.example.org") as desk,
        cloud_stage(tmp_path, trust=desk) as found,
    ):
        yield found, desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[TrustDesk]:
    async with desk_at(f"sqlite:///{tmp_path / 'cloud.db'}", tmp_path) as found:
        yield found


async def post(client: httpx.AsyncClient, path: str, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return await client.post(path, content=content, headers={"content-type": "application/json"})


async def test_a_device_claims_and_renews_without_a_sign_in(stage: tuple[CloudStage, TrustDesk]) -> None:
    cloud, desk = stage
    key = keys.make_key()
    async with cloud.client() as client:
        assert (await client.get(AUTHORITY_PATH)).text == desk.authority.pem()
        assert "X509 CRL" in (await client.get(REVOKED_PATH)).text
        answer = await post(client, CLAIM_PATH, claim(await desk.enrolment.invite(GATE, by=ASKER), key=key))
        assert answer.status_code == 200, answer.text
        first = msgspec.json.decode(answer.content, type=Credentials)
        assert (first.broker_host, first.broker_port) == ("broker.example.org", 8883)
        answer = await post(client, RENEW_PATH, renewal(first.certificate, key, keys.make_key()))
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"


async def test_people_invite_list_and_revoke(stage: tuple[CloudStage, TrustDesk]) -> None:
    cloud, _ = stage
    async with cloud.client() as stranger:
        for method, path in (
            ("GET", "/v1/trust/devices"),
            ("GET", f"/v1/devices/{GATE}/certificates"),
            ("POST", f"/v1/devices/{GATE}/invitation"),
            ("POST", f"/v1/devices/{GATE}/revocation"),
        ):
            assert (await stranger.request(method, path, json={})).status_code == 401
    async with aclosing(await cloud.signed_in()) as client:
        made = await client.post(f"/v1/devices/{GATE}/invitation", json={"hours": 1})
        assert made.status_code == 201
        key = keys.make_key()
        assert (await post(client, CLAIM_PATH, claim(made.json()["token"], key=key))).status_code == 200
        (device,) = (await client.get("/v1/trust/devices")).json()["items"]
        assert device["device"] == GATE
        assert device["expires_ms"]
        assert (await client.post(f"/v1/devices/{GATE}/revocation")).json() == {"device": GATE, "certificates": 1}
        (certificate,) = (await client.get(f"/v1/devices/{GATE}/certificates")).json()["items"]
        assert certificate["revoked_ms"]
        assert (await client.post("/v1/devices/@ingest/invitation", json={})).status_code == 404
        assert (await client.post(f"/v1/devices/{GATE}/invitation", json={"hours": 1e9})).status_code == 400


async def test_a_guesser_waits_ever_longer_and_nobody_else_does(stage: tuple[CloudStage, TrustDesk]) -> None:
    cloud, desk = stage
    guess = claim(f"aff1.{'0' * 16}.guess.{desk.authority.pin()}")
    async with cloud.client() as client:
        answers = [await post(client, CLAIM_PATH, guess) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [403] * 5 + [429]
        assert {answer.json()["detail"] for answer in answers[:5]} == {"this token is not known here"}
        assert int(answers[-1].headers["retry-after"]) > 0
        assert answers[0].headers["content-type"] == "application/problem+json"
        assert (await client.get(AUTHORITY_PATH)).status_code == 200
    async with aclosing(await cloud.signed_in()) as person:
        assert (await person.get("/v1/trust/devices")).status_code == 200


async def test_bodies_are_bounded_and_of_their_kind(stage: tuple[CloudStage, TrustDesk]) -> None:
    cloud, desk = stage
    sound = claim(await desk.enrolment.invite(GATE, by=ASKER))
    async with cloud.client() as client:
        huge = msgspec.structs.replace(sound, request="x" * 17_000)
        assert (await post(client, CLAIM_PATH, huge)).status_code == 413
        assert (await client.post(CLAIM_PATH, content=b"{}")).status_code == 415
        assert (await post(client, CLAIM_PATH, msgspec.structs.replace(sound, device="../x"))).status_code == 400
        assert (await client.get(CLAIM_PATH)).status_code == 405
        assert (await post(client, CLAIM_PATH, sound)).status_code == 200  # none of it spent the token


async def test_a_server_without_an_authority_says_so_and_no_more(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cloud.db'}"
    async with opened(url) as database:
        desk = trust_desk(TrustSettings(), tmp_path, database=database, clock=SystemClock())
        async with cloud_stage(tmp_path, trust=desk) as cloud, cloud.client() as client:
            for path in (AUTHORITY_PATH, REVOKED_PATH):
                answer = await client.get(path)
                assert answer.status_code == 503
                assert str(tmp_path) not in answer.text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
_CLAIMS = st.fixed_dictionaries(
    {"token": _JSON, "device": _JSON, "request": _JSON}, optional={"v": _JSON, "certificate": _JSON, "signature": _JSON}
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200) | _JSON.map(msgspec.json.encode) | _CLAIMS.map(msgspec.json.encode),
    address=st.ip_addresses(v=4).map(str),
)
async def test_whatever_is_sent_the_answer_is_a_refusal(desk: TrustDesk, body: bytes, address: str) -> None:
    async def problem(_request: Any, error: Any) -> Any:
        return error.response()

    app = Starlette(routes=[*trust_routes(desk)], exception_handlers={ProblemError: problem})
    door = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=door, base_url="http://cloud") as client:
        for path in (CLAIM_PATH, RENEW_PATH):
            assert (await post(client, path, body)).status_code in {400, 403, 429}


@pytest.fixture(scope="module")
def postgres() -> Any:
    with running_postgres() as server:
        yield server


async def test_races_end_the_same_way_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    """Of many claims one wins; whoever renews while they are revoked keeps nothing; lists are written in turn."""
    async with desk_at(postgres.create("trust"), tmp_path) as desk:
        token, key = await desk.enrolment.invite(GATE, by=ASKER), keys.make_key()
        answers = await asyncio.gather(*(desk.enrolment.claim(claim(token)) for _ in range(6)), return_exceptions=True)
        assert sum(isinstance(answer, Credentials) for answer in answers) == 1
        token = await desk.enrolment.invite(GATE, by=ASKER)
        bought = await asyncio.gather(*(desk.enrolment.claim(claim(token, key=key)) for _ in range(4)))
        assert len({one.certificate for one in bought}) == 1
        renewals = [desk.enrolment.renew(renewal(bought[0].certificate, key, keys.make_key())) for _ in range(4)]
        await asyncio.gather(
            *renewals, *(desk.revocation.revoke(GATE, by=ASKER) for _ in range(3)), return_exceptions=True
        )
        held = await desk.register.certificates_of(GATE)
        assert all(each.revoked_ms is not None for each in held)
        assert desk.authority.listed() == {int(each.serial, 16) for each in held}
