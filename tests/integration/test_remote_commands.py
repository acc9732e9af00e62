"""Commands through a real mosquitto to a device with the real store: once, with one end, whatever dies meanwhile."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from contract.remote import Desired
from edge.core.health import State
from edge.daemon.remote.restart import EXIT_AGAIN, RestartDesk, RestartHandler
from edge.outbox.commands import MOST_OPEN
from edge.sync.remote.handler import Call, CommandFailedError, Outcome
from edge.sync.remote.service import PART
from tests.support.commands import HOUR_MS, command
from tests.support.embedded_broker import embedded_broker
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.outboxes import open_outbox
from tests.support.remote_cloud import RemoteCloud
from tests.support.remote_stage import DEVICE, Scribe, TrustedClock, remote_device

NOW_MS = time.time_ns() // 1_000_000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def cloud(broker: Mosquitto) -> Iterator[RemoteCloud]:
    with RemoteCloud(broker.port, DEVICE) as listening:
        yield listening


async def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    """Return once it holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - conditions of several threads
            await asyncio.sleep(0.02)


def done(tmp_path: Path) -> list[str]:
    """What was really done, and how often."""
    path = tmp_path / "done"
    return path.read_text().split() if path.exists() else []


async def meet(tmp_path: Path, broker: Mosquitto) -> None:
    """Let the device be at the broker once, so that it keeps messages for it from then on."""
    async with remote_device(tmp_path, broker.port, {}) as stage:
        await until(lambda: stage.health.of("broker") is State.OK)


async def test_a_command_is_done_once_however_often_and_early_it_is_sent(
    tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud
) -> None:
    """Sent before the device is up, sent twice, and again after its end; and the device says what it is."""
    await meet(tmp_path, broker)
    sent = command(issued_ms=NOW_MS)
    cloud.send(sent)
    cloud.send(sent)
    async with remote_device(tmp_path, broker.port, {"snapshot": Scribe(tmp_path / "done")}) as stage:
        await until(lambda: cloud.end("cmd-1"))
        cloud.send(sent)
        cloud.send(command("cmd-2", issued_ms=NOW_MS))
        await until(lambda: cloud.end("cmd-2"))
        assert stage.service.commands_total == 2
    assert cloud.states("cmd-1") == ["accepted", "running", "succeeded"]
    assert done(tmp_path) == ["cmd-1", "cmd-2"]
    assert cloud.reported[-1]["device"] == DEVICE


async def test_what_cannot_be_done_is_told_with_a_reason(tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud) -> None:
    """Unknown name, late, malformed with an id, malformed without one, failing, and a bug of ours."""

    class Failing(Scribe):
        async def run(self, call: Call) -> Outcome:
            if call.command.arguments:
                raise CommandFailedError("camera front shows nothing now")
            raise ZeroDivisionError("a bug")

    async with remote_device(tmp_path, broker.port, {"snapshot": Failing(tmp_path / "done")}) as stage:
        await until(lambda: stage.health.of("broker") is State.OK)
        cloud.send(command("unknown", "dance", issued_ms=NOW_MS))
        cloud.send(command("late", issued_ms=NOW_MS - 2 * HOUR_MS))
        cloud.send_raw("cmd/malformed", b'{"name": "snapshot"}')
        cloud.send_raw("cmd/malformed", b"again")
        cloud.send_raw("cmd/!", b"{")
        cloud.send(command("dark", issued_ms=NOW_MS, camera="front"))
        cloud.send(command("bug", issued_ms=NOW_MS))
        await until(lambda: all(cloud.end(one) for one in ("unknown", "late", "malformed", "dark", "bug")))
        await until(lambda: stage.service.garbage_total == 3)
        ended = dict(stage.runner.ended)
    assert "'dance'" in cloud.end("unknown")["reason"]
    assert "snapshot" in cloud.end("unknown")["reason"]
    assert cloud.states("late") == ["expired"]
    assert cloud.states("malformed") == ["failed"]
    assert cloud.end("dark")["reason"] == "camera front shows nothing now"
    assert "ZeroDivisionError" in cloud.end("bug")["reason"]
    assert ended["failed"] == 3


async def test_a_broker_that_is_killed_between_costs_nothing(
    tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud
) -> None:
    async with remote_device(tmp_path, broker.port, {"snapshot": Scribe(tmp_path / "done")}) as stage:
        await until(lambda: stage.health.of("broker") is State.OK)
        cloud.send(command("cmd-1", issued_ms=NOW_MS))
        await until(lambda: done(tmp_path))
        broker.kill()
        await until(lambda: stage.health.of("broker") is State.FAILED)
        broker.start()
        await until(lambda: stage.health.of("broker") is State.OK)
        await until(lambda: cloud.end("cmd-1"))
        before = len(cloud.reported)
        cloud.send(command("cmd-1", issued_ms=NOW_MS))
        cloud.send(command("cmd-2", issued_ms=NOW_MS))
        await until(lambda: cloud.end("cmd-2"))
        assert before >= 1, "a broker that forgot is told again what the device is"
    assert done(tmp_path) == ["cmd-1", "cmd-2"]


async def test_a_flood_is_refused_and_holds_nothing_up(tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud) -> None:
    """300 commands at once while none of them ends: 64 are taken, the rest dropped and counted; acks still come."""
    never = asyncio.Event()

    class Waiting(Scribe):
        async def run(self, call: Call) -> Outcome:
            await never.wait()
            return {}

    async with remote_device(tmp_path, broker.port, {"snapshot": Waiting(tmp_path / "done")}) as stage:
        await until(lambda: cloud.reported)
        for number in range(300):
            cloud.send(command(f"cmd-{number}", issued_ms=NOW_MS))
        await until(lambda: stage.service.commands_total + stage.service.refused_total == 300)
        assert stage.service.commands_total <= MOST_OPEN
        assert stage.service.refused_total >= 300 - MOST_OPEN
        await until(lambda: not stage.outbox.outbox_records)
        never.set()
        await until(lambda: not stage.runner.running)
        taken = stage.service.commands_total
        for number in range(300, 310):
            cloud.send(command(f"cmd-{number}", issued_ms=NOW_MS))
        await until(lambda: stage.service.commands_total == taken + 10)


@pytest.mark.parametrize("kill_at", range(1, 7))
async def test_killed_at_any_step_it_is_done_and_ends_once(
    tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud, kill_at: int
) -> None:
    """SIGKILL after each line that the device prints: up, accepted, running, done, ended and what follows."""
    program = [sys.executable, "-m", "tests.support.remote_stage", str(tmp_path), str(broker.port), "slow"]
    await meet(tmp_path, broker)
    cloud.send(command(issued_ms=NOW_MS))
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220 - it is waited for
        assert process.stdout
        for _ in range(kill_at):
            await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 60)
        process.kill()
    async with remote_device(tmp_path, broker.port, {"snapshot": Scribe(tmp_path / "done")}):
        cloud.send(command(issued_ms=NOW_MS))
        await until(lambda: cloud.end("cmd-1"))
        cloud.send(command("after", issued_ms=NOW_MS))
        await until(lambda: cloud.end("after"))
    assert cloud.end("cmd-1")["state"] == "succeeded"
    assert done(tmp_path) == ["cmd-1", "after"]


async def test_a_restart_ends_in_the_next_run(tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud) -> None:
    """Exit code 75, and the next run says that it succeeded, once; sent again it restarts nothing."""
    program = [sys.executable, "-m", "tests.support.remote_stage", str(tmp_path), str(broker.port), "restart"]
    await meet(tmp_path, broker)
    cloud.send(command("again", "restart", issued_ms=NOW_MS))
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as process:  # noqa: ASYNC220
        assert await asyncio.to_thread(process.wait, 60) == EXIT_AGAIN
    desk = RestartDesk(list, TrustedClock())
    async with remote_device(tmp_path, broker.port, {"restart": RestartHandler(desk)}) as stage:
        await until(lambda: cloud.end("again"))
        cloud.send(command("again", "restart", issued_ms=NOW_MS))
        cloud.send(command("unknown", "dance", issued_ms=NOW_MS))
        await until(lambda: cloud.end("unknown"))
        assert not desk.due.is_set()
        assert cloud.end("again")["outcome"] == {"boot": stage.outbox.boot}
    assert cloud.end("again")["state"] == "succeeded"
    async with open_outbox(tmp_path) as outbox:
        assert not await outbox.commands.opened()


async def test_desired_states_come_at_every_connect_and_garbage_is_told(
    tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud
) -> None:
    cloud.desire(Desired(version=3, set_at="2026-11-21T08:00:00.000Z", settings={"log_level": "debug"}))
    async with remote_device(tmp_path, broker.port, {}) as stage:
        await until(lambda: stage.desired)
        assert isinstance(stage.desired[0], Desired)
        cloud.send_raw("desired", b'{"version": 4}', retain=True)
        await until(lambda: len(stage.desired) == 2)
        assert stage.desired[1].version == 4
        cloud.send_raw("desired", b"", retain=True)
        cloud.send(command(issued_ms=NOW_MS))
        await until(lambda: cloud.end("cmd-1"))
        assert len(stage.desired) == 2


async def test_a_broker_that_lets_us_hear_nothing_is_named(tmp_path: Path, broker: Mosquitto) -> None:
    async with remote_device(tmp_path, broker.port, {}) as stage:
        await until(lambda: stage.health.of(PART) is State.OK)
        stage.service.door.shut("broker refuses (subscribing to commands)")
        await until(lambda: stage.health.of(PART) is State.DEGRADED)
        broker.stop()
        await until(lambda: stage.health.of("broker") is State.FAILED)
        broker.start()
        await until(lambda: stage.health.of(PART) is State.OK)


async def test_a_broker_that_knows_only_mqtt_3_1_1_carries_commands_too(tmp_path: Path) -> None:
    """amqtt, the demo's broker."""
    with (
        embedded_broker() as port,
        RemoteCloud(port, DEVICE, version=MQTTProtocolVersion.MQTTv311) as cloud,
    ):
        async with remote_device(tmp_path, port, {"snapshot": Scribe(tmp_path / "done")}) as stage:
            await until(lambda: stage.health.of("broker") is State.OK)
            assert "3.1.1" in stage.publisher.link
            await until(lambda: cloud.reported)
            cloud.send(command(issued_ms=NOW_MS))
            await until(lambda: cloud.end("cmd-1"))
            cloud.desire(Desired(version=1, set_at="2026-11-21T08:00:00.000Z"))
            await until(lambda: stage.desired)
    assert done(tmp_path) == ["cmd-1"]
    assert msgspec.json.encode(cloud.end("cmd-1"))


async def test_a_broker_that_does_not_retain_what_we_say_is_named(tmp_path: Path) -> None:
    """An access list that forgot `reported`: MQTT 5 tells so, and records go on."""
    acl = tmp_path / "acl"
    acl.write_text(f"topic write afferent/v1/{DEVICE}/status\ntopic write afferent/v1/{DEVICE}/commands\n")
    acl.chmod(0o700)
    with mosquitto(tmp_path / "broker", extra=f"acl_file {acl}") as running:
        async with remote_device(tmp_path, running.port, {}) as stage:
            await until(lambda: stage.health.of(PART) is State.DEGRADED)
            part = stage.health.part(PART)
    assert part
    assert f"afferent/v1/{DEVICE}/reported: see its access list" in part.detail
