"""Who may use which route of the cloud: the whole table, tried by everybody, over a real server."""

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import structs
from starlette.responses import Response
from starlette.routing import Mount, Route

from cloud.store.audit import Deed
from cloud.store.database import Database
from cloud.store.roles import ROLES, Role, reaches
from cloud.store.sign_ins import Caller, SignIns
from cloud.store.ties import Tie
from cloud.web.access import UnknownRouteError, check_access, guarded
from cloud.web.api import OPERATIONS, Operation
from cloud.web.problems import ProblemError
from contract.messages import Erasure, Status
from contract.times import to_wire
from tests.support.cloud import BOOT, PASSWORD, START_MS, USER, event, file_of, incoming, prediction, recording
from tests.support.cloud_stage import CloudStage, cloud_stage
from tests.support.trust import desk_at

FILLED = {
    "{device}": "none",
    "{command}": "none",
    "{recording}": "none",
    "{file}": "none",
    "{account}": "none",
}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[CloudStage]:
    async with cloud_stage(tmp_path) as found:
        for role in ROLES:
            await found.add(f"of-{role}", role)
        yield found


async def _token(stage: CloudStage, role: str) -> dict[str, str]:
    """The header of a program of somebody of this role."""
    token = await SignIns(stage.database).issue(f"of-{role}", "bearer", label="", now_ms=1, expires_ms=None)
    return {"authorization": f"Bearer {token}"}


def _path_of(operation: Operation) -> str:
    path = operation.path
    for place, name in FILLED.items():
        path = path.replace(place, name)
    return path


async def _tried(client: httpx.AsyncClient, operation: Operation, token: str) -> httpx.Response:
    """Ask for nothing that is there, so that what is let in finds nothing to change."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await client.request(operation.method.upper(), _path_of(operation), headers=headers)


class _Known(SignIns):
    """Takes a name for a token: of each role, and of a program."""

    async def caller(self, token: str, now_ms: int) -> Caller | None:
        """Who it is."""
        role, _, kind = token.partition("-")
        return Caller(f"of-{role}", kind or "session", role) if role in ROLES else None


async def test_every_operation_is_tried_by_every_role(tmp_path: Path) -> None:
    """X.6: nobody passes by a name in the query, everybody by what the table says."""
    url = f"sqlite:///{tmp_path / 'cloud.db'}"
    async with (
        desk_at(url, tmp_path) as desk,
        cloud_stage(tmp_path, trust=desk, sign_ins=_Known(Database(url))) as stage,
        httpx.AsyncClient(transport=httpx.ASGITransport(stage.app), base_url=stage.url) as client,
    ):
        for operation in OPERATIONS:
            stranger = await _tried(client, operation, "")
            assert ("needs a sign-in" in stranger.text) is (operation.access != "public"), operation
            assert "there is no '/" not in (await _tried(client, operation, "admin")).text, operation
            for role in ROLES:
                may = operation.access == "public" or reaches(role, operation.access)
                _check(await _tried(client, operation, role), operation, role, may=may)
            program = await _tried(client, operation, "admin-bearer")
            assert ("signed-in person" in program.text) is operation.in_person, operation


def _check(answer: httpx.Response, operation: Operation, role: Role, *, may: bool) -> None:
    if may:
        assert "needs the role" not in answer.text and answer.status_code != 401, (operation, role)
        return
    body = answer.json()
    assert (answer.status_code, body["needs"]) == (403, operation.access), (operation, role)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["detail"] == f"this needs the role {operation.access}, and of-{role} is {role}"


async def _nothing(_request: Any) -> Response:
    return Response()


@pytest.mark.parametrize(
    "route",
    [
        Route("/v1/forgotten", _nothing),
        Route("/v1/devices/{device}", _nothing, methods=["PATCH"]),
        Mount("/more", routes=[Route("/", _nothing)]),
    ],
)
def test_a_route_of_which_nothing_is_said_stops_the_start(route: Any) -> None:
    with pytest.raises(UnknownRouteError):
        guarded([route])


@pytest.mark.parametrize("role", ROLES)
def test_roles_include_each_other(role: Role) -> None:
    for operation in OPERATIONS:
        if operation.access == role:
            for other in ROLES[ROLES.index(role) :]:
                check_access(operation, Caller("x", "session", other))
            for other in ROLES[: ROLES.index(role)]:
                with pytest.raises(ProblemError, match=role):
                    check_access(operation, Caller("x", "session", other))


async def test_a_member_sees_what_is_their_own_and_nothing_of_others(stage: CloudStage) -> None:
    """S0.36, X.6: of predictions, recordings and files those of who they are, and nothing of the fleet."""
    mine, others = "p7", "p1"
    await _record(stage, mine, others)
    await _tie(stage, Tie("gate", mine))
    async with stage.client(headers=await _token(stage, "member")) as client:
        seen = {name: (await client.get(f"/v1/{name}")).json() for name in ("predictions", "recordings", "files")}
        assert [one["user_id"] for one in seen["predictions"]["items"]] == [mine]
        assert [one["recording_id"] for one in seen["recordings"]["items"]] == [f"rec-{mine}"]
        assert [one["file_id"] for one in seen["files"]["items"]] == [f"file-{mine}"]
        for path in ("recordings/rec", "files/file"):
            assert (await client.get(f"/v1/{path}-{mine}")).status_code == 200
            for rest in ("", "?device=gate"):
                assert (await client.get(f"/v1/{path}-{others}{rest}")).status_code == 404
        assert (await client.get(f"/v1/recordings/rec-{others}/video")).status_code == 404
        assert (await client.get(f"/v1/files/file-{others}/content")).status_code == 404
    async with stage.client(headers=await _token(stage, "viewer")) as client:
        assert len((await client.get("/v1/predictions")).json()["items"]) == 3


@pytest.mark.parametrize("tie", [None, Tie("other-box", "of-member"), Tie("gate", "p7")])
async def test_nobody_is_taken_for_who_has_their_name_on_a_device(stage: CloudStage, tie: Tie | None) -> None:
    """X.6: who is called `of-member` on this box is not the account of that name, unless somebody said so."""
    await _record(stage, "of-member", "p1")
    if tie:
        await _tie(stage, tie)
    async with stage.client(headers=await _token(stage, "member")) as client:
        for name in ("predictions", "recordings", "files"):
            assert (await client.get(f"/v1/{name}")).json()["items"] == []
        for path in ("recordings/rec-of-member", "recordings/rec-of-member/video", "files/file-of-member"):
            assert (await client.get(f"/v1/{path}")).status_code == 404


async def test_an_admin_says_who_a_member_is(stage: CloudStage) -> None:
    """In person, for one device at a time; it ends with the tie, the account, and the person's erasure."""
    place = "/v1/accounts/of-member/people"
    await _record(stage, "p7", "p1")
    async with (
        aclosing(await stage.signed_in()) as admin,
        stage.client(headers=await _token(stage, "member")) as member,
    ):
        seen = functools.partial(_count_of, member)
        assert await seen() == 0
        for _ in range(2):
            assert (await admin.put(f"{place}/gate?person=p7")).status_code == 204
        assert (await admin.get(place)).json() == {"items": [{"device": "gate", "person": "p7"}]}
        assert await seen() == 1
        assert (await admin.delete(f"{place}/gate?person=p7")).status_code == 204
        assert await seen() == 0
        for path, status in ((f"{place}/ga+te", 409), ("/v1/accounts/nobody/people/gate", 404)):
            assert (await admin.put(path, params={"person": "p7"})).status_code == status
        assert (await admin.get("/v1/accounts/nobody/people")).status_code == 404
        await admin.put(f"{place}/gate?person=p7")
        assert (await member.put(f"{place}/gate?person=p7")).status_code == 403
        gone = Erasure(participant="p7", sessions=["s1"], records=1)
        await stage.intake.add([incoming(gone, 99)], START_MS)
        assert (await admin.get(place)).json() == {"items": []}
        entries = (await admin.get("/v1/audit?target=of-member")).json()["items"]
        assert [one["action"] for one in entries if one["action"].endswith("tie")] == [
            "account.tie",
            "account.untie",
            "account.tie",
        ]
        whole = (await admin.get("/v1/audit")).json()["items"]
        assert any(one["outcome"] == "refused" for one in whole)
        assert "p7" not in str(whole), "an erased person leaves no name"


@pytest.mark.parametrize("person", ["a/b", "..", ".", "a%2Fb", "a b+c&d=e?f#g", "Zoë 李\u00a0\u200d", "x" * 200])
async def test_whatever_a_device_calls_somebody_they_can_be_tied(stage: CloudStage, person: str) -> None:
    """X.6: names are of the devices, and most of these mean something else within a path."""
    named = [structs.replace(prediction(seq), user_id=who) for seq, who in enumerate([person, "p1"], 1)]
    await stage.intake.add([incoming(body, seq) for seq, body in enumerate(named, 1)], START_MS)
    place = "/v1/accounts/of-member/people"
    async with (
        aclosing(await stage.signed_in()) as admin,
        stage.client(headers=await _token(stage, "member")) as member,
    ):
        assert (await admin.put(f"{place}/gate", params={"person": person})).status_code == 204
        assert (await admin.get(place)).json() == {"items": [{"device": "gate", "person": person}]}
        assert [one["user_id"] for one in (await member.get("/v1/predictions")).json()["items"]] == [person]
        assert (await admin.delete(f"{place}/gate", params={"person": person})).status_code == 204
        assert (await member.get("/v1/predictions")).json()["items"] == []


@pytest.mark.parametrize(
    "query", ["", "?person=", f"?person={'x' * 201}", "?person=a%00b", "?person=a%0Ab", "?people=p7"]
)
async def test_what_names_nobody_is_not_tied(stage: CloudStage, query: str) -> None:
    async with aclosing(await stage.signed_in()) as admin:
        answer = await admin.put(f"/v1/accounts/of-member/people/gate{query}")
        assert (answer.status_code, answer.json()["field"]) == (400, "person")
        assert (await admin.get("/v1/accounts/of-member/people")).json() == {"items": []}


async def _count_of(client: httpx.AsyncClient) -> int:
    return len((await client.get("/v1/recordings")).json()["items"])


async def _tie(stage: CloudStage, tie: Tie) -> None:
    await stage.accounts.ties.tie("of-member", tie, Deed("test", "account.tie", "of-member"), now_ms=1)


async def _record(stage: CloudStage, mine: str, others: str) -> None:
    """A prediction, a recording and a file of each."""
    bodies = [structs.replace(prediction(seq), user_id=who) for seq, who in enumerate([mine, others, None], 1)]
    held: list[Any] = [*bodies, event(4)]
    held += [structs.replace(recording("gate", f"rec-{who}"), participant=who) for who in (mine, others)]
    held += [
        structs.replace(file_of("gate", f"file-{who}"), participant=who, key=f"sessions/gate/s1/{who}")
        for who in (mine, others)
    ]
    await stage.intake.add([incoming(body, seq) for seq, body in enumerate(held, 1)], START_MS)


async def test_what_a_picture_hides_is_uncovered_by_an_admin_alone(stage: CloudStage) -> None:
    said = Status(device="gate", state="online", boot=BOOT, t=to_wire(START_MS))
    await stage.intake.set_status(said, START_MS)
    zone = {"id": "window", "kind": "privacy", "points": [[0, 0], [0.5, 0], [0.5, 0.5]]}
    hidden: dict[str, Any] = {"plans": {"front": {"zones": [zone], "face_blur": True}}}
    more = {"plans": {"front": {"zones": [zone, {**zone, "id": "door"}], "face_blur": True}}}
    uncovered: list[dict[str, Any]] = [
        {},
        {"plans": {"front": {"zones": [], "face_blur": True}}},
        {"plans": {"front": {"zones": [zone]}}},
        {"plans": {**hidden["plans"], "back": {}}},
    ]
    path, any_version = "/v1/devices/gate/desired", {"if-match": "*"}
    operator, admin = await _token(stage, "operator"), await _token(stage, "admin")
    async with stage.client(headers=any_version) as client:
        first = await client.put(path, json=hidden, headers=operator)
        assert (first.status_code, first.json()["needs"], first.json()["field"]) == (403, "admin", "$.plans.front")
        assert (await client.put(path, json={"settings": {}}, headers=operator)).status_code == 200
        assert (await client.put(path, json=hidden, headers=admin)).status_code == 200
        for wish in uncovered:
            assert (await client.put(path, json=wish, headers=operator)).status_code == 403, wish
        assert (await client.put(path, json=more, headers=operator)).status_code == 200
        assert (await client.put(path, json=uncovered[0], headers=admin)).status_code == 200


async def test_an_admin_looks_after_accounts_in_person(stage: CloudStage) -> None:
    async with aclosing(await stage.signed_in()) as admin, stage.client() as bob:
        made = await admin.post("/v1/accounts", json={"name": "bob", "role": "operator"})
        assert made.status_code == 201
        entrance = {"name": "bob", "password": made.json()["password"]}
        assert (await bob.post("/v1/session", json=entrance)).json() == {"name": "bob", "role": "operator"}
        assert (await admin.post("/v1/accounts", json={"name": "bob"})).status_code == 409
        assert (await admin.post("/v1/accounts", json={"name": "cli:bob"})).status_code == 409
        assert (await admin.post("/v1/accounts", json={"name": "x", "password": "short"})).status_code == 400
        assert (await admin.post("/v1/accounts", json={"name": "x", "role": "god"})).status_code == 400
        assert (await admin.put("/v1/accounts/bob/role", json={"role": "member"})).status_code == 204
        assert (await bob.get("/v1/session")).json()["role"] == "member"
        assert (await bob.get("/v1/devices")).status_code == 403
        listed = (await admin.get("/v1/accounts")).json()["items"]
        assert {"name": "bob", "role": "member", "sign_ins": 1, "programs": 0}.items() <= listed[1].items()
        own = {"old": entrance["password"], "new": "another password"}
        assert (await bob.put("/v1/session/password", json={**own, "old": "wrong"})).json()["field"] == "$.old"
        assert (await bob.put("/v1/session/password", json=own)).status_code == 204
        assert (await bob.get("/v1/session")).status_code == 200
        assert (await admin.put("/v1/accounts/bob/password", json={})).json()["password"]
        assert (await bob.get("/v1/session")).status_code == 401
        assert (await admin.delete("/v1/accounts/bob")).status_code == 204
        assert (await admin.delete("/v1/accounts/bob")).status_code == 404
        await stage.accounts.remove("of-admin", Deed("test", "account.remove", "of-admin"), now_ms=1)
        last = await admin.delete(f"/v1/accounts/{USER}")
        assert (last.status_code, "last admin" in last.json()["detail"]) == (409, True)
        entries = (await admin.get("/v1/audit?target=bob")).json()["items"]
        assert [one["action"] for one in entries if one["outcome"] == "done"] == [
            "account.remove",
            "account.password",
            "account.password",
            "account.role",
            "account.add",
        ]


@pytest.mark.parametrize(("path", "body"), [("tokens", {"label": "x"}), ("accounts", {"name": "x", "role": "admin"})])
async def test_a_request_that_was_begun_before_outlives_no_role_and_no_password(
    stage: CloudStage, path: str, body: dict[str, str]
) -> None:
    """Whoever holds a stolen session could else keep requests half sent, and make a token of one when it ends."""
    ended = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b" "
        await ended.wait()
        yield msgspec.json.encode(body)

    async with aclosing(await stage.signed_in("of-admin")) as thief, asyncio.TaskGroup() as group:
        kind = {"content-type": "application/json"}
        begun = group.create_task(thief.post(f"/v1/{path}", content=slowly(), headers=kind))
        await asyncio.sleep(0.1)
        await stage.accounts.set_role("of-admin", "member", Deed("test", "account.role", "of-admin"), now_ms=1)
        ended.set()
        assert (await begun).status_code == 403
    assert [one.programs for one in await stage.accounts.all(1) if one.name == "x" or one.programs] == []


async def test_nobody_pushes_others_out_of_the_audit(stage: CloudStage) -> None:
    """What is refused is sampled: a member who asks all day leaves a bounded number of lines."""
    async with stage.client(headers=await _token(stage, "member")) as member:
        for _ in range(40):
            assert (await member.post("/v1/devices/gate/commands", json={})).status_code == 403
    async with stage.client(headers=await _token(stage, "admin")) as admin:
        entries = (await admin.get("/v1/audit?limit=1000")).json()["items"]
    assert 1 <= len([one for one in entries if one["actor"] == "of-member"]) <= 30


async def test_who_came_in_and_who_could_not_is_in_the_audit(stage: CloudStage) -> None:
    async with stage.client() as person:
        for name in (USER, "nobody"):
            wrong = await person.post("/v1/session", json={"name": name, "password": "wrong"})
            assert wrong.status_code == 401
        await person.post("/v1/session", json={"name": USER, "password": PASSWORD})
        entries = (await person.get("/v1/audit?limit=3")).json()["items"]
    told = [(one["actor"], one["target"], one["outcome"]) for one in entries]
    assert told == [(USER, "", "done"), ("-", "", "refused"), ("-", USER, "refused")]


async def test_a_new_sign_in_ends_the_one_that_the_browser_had(stage: CloudStage) -> None:
    """Nothing that somebody else put into a browser, or left there, lives on beside what its owner got."""
    person = await stage.signed_in("of-viewer")
    before = dict(person.cookies)
    await person.post("/v1/session", json={"name": "of-member", "password": PASSWORD})
    assert dict(person.cookies) != before
    await person.aclose()
    async with stage.client(cookies=before) as other:
        assert (await other.get("/v1/session")).status_code == 401


async def test_an_account_of_one_s_own_buys_no_guesses_at_another_s(stage: CloudStage) -> None:
    async with stage.client() as guesser:
        came = []
        for number in range(12):
            await guesser.post("/v1/session", json={"name": "of-member", "password": PASSWORD})
            wrong = {"name": USER, "password": f"guess {number}"}
            came.append((await guesser.post("/v1/session", json=wrong)).status_code)
    assert came[:5] == [401] * 5
    assert 429 in came[5:]
