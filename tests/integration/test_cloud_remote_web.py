"""The API about looking after devices, over a real server: who may say what, and how refusals name the place."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.store.audit import Deed
from cloud.store.clock import SystemClock
from cloud.store.commands import Asked
from cloud.store.remote import remote_over
from contract.messages import CommandState, Event, File, Status, Telemetry
from contract.remote import Refused, Reported
from contract.times import to_wire
from tests.support.cloud import BOOT, START_MS, USER, event, incoming
from tests.support.cloud_stage import CloudStage, cloud_stage

DESIRED = "/v1/devices/gate/desired"
COMMANDS = "/v1/devices/gate/commands"
FPS: dict[str, Any] = {"settings": {"cameras": {"front": {"fps": 10}}}}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[CloudStage]:
    async with cloud_stage(tmp_path) as found:
        for name, state in (("gate", "online"), ("yard", "offline")):
            said = Status(device=name, state=state, boot=BOOT, t=to_wire(START_MS))  # type: ignore[arg-type]
            await found.intake.set_status(said, START_MS)
        yield found


@pytest.fixture
async def client(stage: CloudStage) -> AsyncIterator[httpx.AsyncClient]:
    found = await stage.signed_in()
    yield found
    await found.aclose()


async def test_what_a_device_shall_be_is_changed_by_whoever_saw_the_newest(client: httpx.AsyncClient) -> None:
    nothing = await client.get(DESIRED)
    assert (nothing.json()["version"], nothing.headers["etag"]) == (0, '"0"')
    assert (await client.put(DESIRED, json=FPS)).status_code == 428
    first = await client.put(DESIRED, json=FPS, headers={"if-match": '"0"'})
    assert (first.json()["version"], first.json()["by"], first.headers["etag"]) == (1, USER, '"1"')
    late = await client.put(DESIRED, json={"settings": {}}, headers={"if-match": '"0"'})
    assert (late.status_code, late.json()["field"]) == (412, "If-Match")
    same = await client.put(DESIRED, json=FPS, headers={"if-match": '"1"'})
    assert same.json()["version"] == 1
    forced = await client.put(DESIRED, json={"settings": {"log_level": "debug"}}, headers={"if-match": "*"})
    assert forced.json()["version"] == 2
    history = (await client.get(f"{DESIRED}/history?limit=1")).json()
    assert ([one["version"] for one in history["items"]], history["before"]) == ([2], 2)
    older = (await client.get(f"{DESIRED}/history?limit=1&before=2")).json()
    assert [one["settings"] for one in older["items"]] == [FPS["settings"]]
    assert "before" not in older


UNMEANT: list[tuple[Any, str]] = [
    ({"settings": {"broker": {"host": "x"}}}, "$.settings.broker"),
    ({"settings": {"web": {}}}, "$.settings.web"),
    ({"settings": {"cameras": [{"id": "front"}]}}, "$.settings.cameras"),
    ({"settings": {"cameras": {"front": 5}}}, "$.settings.cameras.front"),
    ({"settings": {"cameras": {"../x": {}}}}, "$.settings.cameras"),
    ({"settings": {"recording": "on"}}, "$.settings.recording"),
    ({"settings": {"log_level": 5}}, "$.settings.log_level"),
    ({"settings": {"telemetry_every_s": True}}, "$.settings.telemetry_every_s"),
    ({"plans": {"front": {"zones": [{"id": "z", "points": [[0, 0]]}]}}}, "$.plans.front.zones[0].points"),
    ({"plans": {"front": {"zoness": []}}}, "$.plans.front"),
    ({"models": [{"name": "m"}]}, "$.models[0]"),
    ({"setings": {}}, "$"),
]


async def test_a_desired_state_that_cannot_be_meant_is_refused_at_its_place(client: httpx.AsyncClient) -> None:
    for body, field in UNMEANT:
        answer = await client.put(DESIRED, json=body, headers={"if-match": '"0"'})
        assert (answer.status_code, answer.json()["field"]) == (400, field), body
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get(DESIRED)).json()["version"] == 0


async def test_what_is_too_large_to_be_sent_is_refused(client: httpx.AsyncClient) -> None:
    body = {"settings": {"vision": {"note": "x" * 262_000}}}
    assert (await client.put(DESIRED, json=body, headers={"if-match": "*"})).status_code == 413
    body["settings"]["vision"]["note"] *= 2
    assert (await client.put(DESIRED, json=body, headers={"if-match": "*"})).status_code == 413


async def test_a_command_is_asked_once_and_followed_to_what_it_brought(
    client: httpx.AsyncClient, stage: CloudStage
) -> None:
    body = {"name": "snapshot", "command_id": "c1", "arguments": {"camera": "front"}, "expires_s": 60}
    first, again = await client.post(COMMANDS, json=body), await client.post(COMMANDS, json=body)
    assert (first.status_code, again.status_code, first.json()["state"]) == (201, 200, "queued")
    other = await client.post(COMMANDS, json={**body, "name": "restart"})
    assert (other.status_code, other.json()["field"]) == (409, "$.command_id")
    key = "commands/gate/c1/front.jpg"
    end = CommandState(command_id="c1", name="snapshot", state="succeeded", outcome={"key": key})
    file = File(
        file_id="f1", phase="uploaded", purpose="snapshot", name="front.jpg", key=key, size_bytes=9, sha256="0" * 64
    )
    await stage.intake.add([incoming(end, 1), incoming(file, 2)], START_MS)
    shown = (await client.get(f"{COMMANDS}/c1")).json()
    assert (shown["state"], shown["by"], shown["outcome"]) == ("succeeded", USER, {"key": key})
    assert shown["file"] == {"file_id": "f1", "name": "front.jpg", "content": "/v1/files/f1/content?device=gate"}
    late = await client.post(f"{COMMANDS}/c1/cancel")
    assert late.status_code == 409
    assert (await client.get(f"{COMMANDS}?state=open")).json()["items"] == []
    assert (await client.get("/v1/commands?device=gate&state=succeeded")).json()["items"] == [shown]


async def test_many_devices_are_asked_or_none_and_reported_on_together(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = {"name": "update", "command_id": "wave-1", "devices": ["gate", "yard", "nobody"]}
    refused = await client.post("/v1/devices/commands", json=body)
    assert (refused.status_code, refused.json()["field"]) == (404, "$.devices[2]")
    assert (await client.get("/v1/commands/wave-1")).status_code == 404
    body["devices"].pop()
    report = (await client.post("/v1/devices/commands", json=body)).json()
    assert (report["states"], report["done"]) == ({"queued": 2}, False)
    for device in ("gate", "yard"):
        answer = await client.post(f"/v1/devices/{device}/commands/wave-1/cancel")
        assert answer.json()["state"] == "cancelled"
    report = (await client.get("/v1/commands/wave-1")).json()
    assert (report["states"], report["done"]) == ({"cancelled": 2}, True)
    page = (await client.get("/v1/commands?limit=1")).json()
    rest = (await client.get(f"/v1/commands?limit=1&after={page['after']}")).json()
    assert [one["device"] for one in page["items"] + rest["items"]] == ["yard", "gate"]
    assert "after" not in rest


async def test_a_command_that_cannot_be_meant_is_refused_at_its_place(client: httpx.AsyncClient) -> None:
    unmeant: list[tuple[Any, str]] = [
        ({"name": "reboot"}, "$.name"),
        ({"name": "restart", "expires_s": 1}, "$.expires_s"),
        ({"name": "restart", "command_id": "../x"}, "$.command_id"),
        ({"name": "restart", "arguments": []}, "$.arguments"),
        ({}, "$"),
    ]
    for body, field in unmeant:
        answer = await client.post(COMMANDS, json=body)
        assert (answer.status_code, answer.json()["field"]) == (400, field), body
    for path in ("", "/desired", "/commands", "/commands/c1", "/desired/history"):
        assert (await client.get(f"/v1/devices/nobody{path}")).status_code == 404
        assert (await client.get(f"/v1/devices/no%20body{path}")).status_code == 404


async def test_one_device_may_have_a_hundred_commands_before_it(client: httpx.AsyncClient, stage: CloudStage) -> None:
    commands, deed = remote_over(stage.database).commands, Deed("ada", "command.ask", "gate")
    now_ms = SystemClock().now_ms()
    for number in range(100):
        await commands.ask(["gate"], Asked(f"c{number}", "restart", {}, now_ms + 60_000), deed, now_ms=now_ms)
    assert (await client.post(COMMANDS, json={"name": "restart"})).status_code == 429
    assert (await client.post(COMMANDS, json={"name": "restart", "command_id": "c7"})).status_code == 200


async def test_the_list_says_what_needs_somebody(client: httpx.AsyncClient, stage: CloudStage) -> None:
    await client.put(DESIRED, json=FPS, headers={"if-match": '"0"'})
    await client.post(COMMANDS, json={"name": "restart"})
    refused = [Refused(path="$.settings.cameras.front", reason="there is no camera front")]
    said = Reported(
        device="gate", boot=BOOT, t=to_wire(START_MS), seen=1, state="refused", refused=refused, release="0.4.0"
    )
    await stage.intake.set_reported(said, START_MS)
    bodies: list[Event | Telemetry] = [event(1), event(2, event_id="ev-2", phase="close"), event(3, severity="LOW")]
    bodies += [event(4, event_id="ev-4"), _telemetry(7)]
    await stage.intake.add([incoming(body, seq) for seq, body in enumerate(bodies, 1)], START_MS)
    (gate,) = (await client.get("/v1/devices?state=online")).json()["items"]
    expected = {"desired_version": 1, "seen_version": 1, "reported_version": 0, "desired_state": "refused"}
    expected |= {"release": "0.4.0", "open_alarms": 1, "commands_open": 1, "uploads_pending": 7}
    assert {name: gate[name] for name in expected} == expected
    whole = (await client.get("/v1/devices/gate")).json()
    assert whole["device"] == gate
    assert whole["reported"]["refused"] == [{"path": "$.settings.cameras.front", "reason": "there is no camera front"}]
    assert (whole["desired"]["settings"], whole["telemetry"]["uploads_pending"]) == (FPS["settings"], 7)
    for query in ("state=asleep", "attention=perhaps"):
        assert (await client.get(f"/v1/devices?{query}")).status_code == 400
    for query, names in (("name=GA", ["gate"]), ("name=GA&state=offline", []), ("attention=true&name=gat", ["gate"])):
        page = (await client.get(f"/v1/devices?{query}")).json()
        assert [one["device"] for one in page["items"]] == names
        assert (page["found"], page["known"]) == (len(names), 2)


def _telemetry(pending: int) -> Telemetry:
    return Telemetry(cpu_share=0.1, rss_bytes=1, disk_free_bytes=1, outbox_records=0, uploads_pending=pending)


async def test_everything_that_was_asked_for_is_kept_with_who_asked(
    client: httpx.AsyncClient, stage: CloudStage
) -> None:
    await client.put(DESIRED, json=FPS, headers={"if-match": '"0"'})
    await client.put(DESIRED, json=FPS, headers={"if-match": '"5"'})
    await client.post(COMMANDS, json={"name": "restart", "command_id": "c1"})
    await client.post(f"{COMMANDS}/c1/cancel")
    await client.post("/v1/tokens", json={"label": "x"})
    entries = (await client.get("/v1/audit?limit=5")).json()["items"]
    assert [(one["action"], one["target"], one["outcome"], one["detail"]) for one in entries[::-1]] == [
        ("desired.set", "gate", "done", "version 1"),
        (f"PUT {DESIRED}", "gate", "refused", "412"),
        ("command.ask", "gate", "done", "restart c1"),
        ("command.cancel", "gate", "done", "c1"),
        ("POST /v1/tokens", "", "done", "201"),
    ]
    assert {(one["actor"], one["address"]) for one in entries} == {(USER, "127.0.0.1")}
    of_gate = (await client.get("/v1/audit?target=gate&limit=2")).json()
    assert [one["detail"] for one in of_gate["items"]] == ["c1", "restart c1"]
    older = (await client.get(f"/v1/audit?target=gate&before={of_gate['before']}")).json()["items"]
    assert [one["outcome"] for one in older] == ["refused", "done"]
    async with stage.client() as stranger:
        for path in ("/v1/audit", DESIRED, COMMANDS):
            assert (await stranger.get(path)).status_code == 401
        assert (await stranger.post(COMMANDS, json={"name": "restart"})).status_code == 401
