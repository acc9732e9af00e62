"""Remote hands as the daemon puts them together, with a real broker, store and state folder."""

import asyncio
import io
import random
import tarfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from click.testing import CliRunner

from contract.plan import Plan
from contract.remote import CommandName, Desired
from edge.capture.settings import SimulatedSettings
from edge.config import EdgeConfig
from edge.core.clock import host_boot
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.service import Service
from edge.daemon.ground import Ground
from edge.daemon.remote.begin import begin
from edge.daemon.remote.make import Remote, make_link, make_remote
from edge.daemon.remote.reach import Reach
from edge.diagnostics_cli import diagnostics
from edge.models.store import ModelStore
from edge.outbox.store import Outbox
from edge.sync.publisher import Publisher
from edge.sync.settings import BrokerSettings
from edge.vision.events.album import EventAlbum
from edge.web.snapshots import Snapshots
from tests.support.commands import command
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.outboxes import QUICK
from tests.support.remote_cloud import RemoteCloud
from tests.support.remote_stage import DEVICE, TrustedClock

NOW_MS = time.time_ns() // 1_000_000
SET_AT = "2026-11-21T08:00:00.000Z"
FRAME = Frame(camera="front", seq=1, jpeg=b"\xff\xd8picture\xff\xd9", width=64, height=48, mono_ns=0)


class Plans:
    """A camera's plan."""

    def __init__(self) -> None:
        self.kept = Plan()

    def plan(self) -> Plan:
        return self.kept

    async def set_plan(self, plan: Plan) -> Plan:
        self.kept = msgspec.structs.replace(plan, version=plan.version + 1)
        return self.kept


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


def own(tmp_path: Path, broker: Mosquitto) -> EdgeConfig:
    """The device's own settings."""
    return EdgeConfig(
        device=DEVICE,
        state_dir=str(tmp_path / "state"),
        cameras=(SimulatedSettings(id="front", fps=10),),
        broker=BrokerSettings(port=broker.port, resend_after_s=1.0, keepalive_s=5, connect_timeout_s=2),
    )


@asynccontextmanager
async def appliance(config: EdgeConfig, notes: list[tuple[str, ...]]) -> AsyncIterator[tuple[Remote, Outbox]]:
    """One run of a daemon, as far as remote hands go."""
    clock = TrustedClock()
    health, beginning = Health(clock), begin(config)
    async with Outbox.open(
        config.state / "store.db", device=DEVICE, clock=clock, health=health, limits=QUICK, host_boot=host_boot()
    ) as outbox:
        album = EventAlbum(config.state / "events", config.vision.events, clock, health)
        ground = Ground(
            config=beginning.config,
            clock=clock,
            hub=Hub(),
            health=health,
            outbox=outbox,
            models=ModelStore(),
            album=album,
            turns=asyncio.Semaphore(1),
            host_boot=host_boot(),
        )
        link = make_link(DEVICE)
        publisher = Publisher(
            config.broker,
            outbox=outbox,
            clock=clock,
            health=health,
            rng=random.Random(1),
            secrets_dir=config.state,
            remote=link,
        )
        reach = Reach(
            plans={"front": Plans()},
            newest={"front": lambda: FRAME},
            snapshots=Snapshots(config.state / "snapshots", clock=clock, keep=5),
            ready=lambda: True,
            busy=list,
            models=lambda: {"motion": "1"},
            metrics=lambda: b"afferent_up 1\n",
            note=lambda *words: notes.append(words),
            version="1.2.3",
            release="1.2.3-a",
            config_folder=config.state,
        )
        remote = make_remote(ground, beginning, link, reach)
        running: list[Service] = [publisher, *remote.services]
        tasks = [asyncio.create_task(one.run(), name=one.name) for one in running]
        try:
            yield remote, outbox
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            remote.close()
            album.close()
        for task in tasks:
            assert task.cancelled(), task.exception()


async def test_it_says_what_it_is_and_does_what_it_is_asked(
    tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud
) -> None:
    """Every command of the contract ends; what they bring is in the list of uploads; each is noted."""
    notes: list[tuple[str, ...]] = []
    names = [name for name in get_args(CommandName) if name not in {"restart", "update", "rollback"}]
    async with appliance(own(tmp_path, broker), notes) as (remote, outbox):
        await until(lambda: cloud.reported)
        first = cloud.reported[-1]
        for name in names:
            asked = command(f"c-{name}", name, issued_ms=NOW_MS)
            arguments = {"level": "warning"} if name == "log_level" else {}
            cloud.send(msgspec.structs.replace(asked, arguments=arguments))
        await until(lambda: all(cloud.end(f"c-{name}") for name in names))
        await until(lambda: len(notes) == len(names))
        heads = await outbox.uploads.heads()
        content = next(one.path.read_bytes() for one in heads if one.key.endswith("diagnostics.tar.gz"))
        totals = {(one.name, one.labels.get("end", "")): one.value for one in remote.totals()}
    assert first["software"] == "1.2.3"
    assert first["settings"]["cameras"] == {"front": {"source": "simulated", "fps": 10.0}}
    assert first["plans"] == {"front": 0}
    assert first["models"] == {"motion": "1"}
    ends = {name: cloud.end(f"c-{name}")["state"] for name in names}
    assert ends == {name: "failed" if name == "renew_certificate" else "succeeded" for name in names}
    assert totals["remote_commands", "succeeded"] == 3
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = {one.name.removeprefix("diagnostics/") for one in archive.getmembers()}
        config = archive.extractfile("diagnostics/config.json")
        assert config
        assert msgspec.json.decode(config.read())["cameras"] == [{"source": "simulated", "id": "front", "fps": 10.0}]
    assert {"versions.json", "health.json", "store.json", "metrics.txt", "log.txt", "journal.txt"} <= members
    assert ("cloud:ann", "", "command snapshot", "c-snapshot", "done") in notes


async def test_a_desired_state_goes_all_the_way(tmp_path: Path, broker: Mosquitto, cloud: RemoteCloud) -> None:
    """At once, by a restart, refused with the path, older ones passed over, and put aside after three dead starts."""
    config, notes = own(tmp_path, broker), list[tuple[str, ...]]()
    cloud.desire(Desired(version=2, set_at=SET_AT, by="ann", settings={"log_level": "error"}))

    def reported() -> tuple[int, int, str]:
        now = cloud.reported[-1] if cloud.reported else {}
        return now.get("version", 0), now.get("seen", 0), now.get("state", "in_force")

    async with appliance(config, notes) as (remote, _):
        await until(lambda: reported() == (2, 2, "in_force"))
        cloud.desire(Desired(version=1, set_at=SET_AT, settings={"log_level": "debug"}))
        cloud.desire(Desired(version=3, set_at=SET_AT, settings={"cameras": {"front": {"fps": 999}}}))
        await until(lambda: reported() == (2, 3, "refused"))
        assert cloud.reported[-1]["refused"][0]["path"] == "$.settings.cameras.front.fps"
        assert cloud.reported[-1]["settings"]["log_level"] == "error"
        cloud.desire(Desired(version=4, set_at=SET_AT, settings={"cameras": {"front": {"fps": 5}}}))
        await until(remote.hands.restart.due.is_set)
    async with appliance(config, notes):
        await until(lambda: reported() == (4, 4, "in_force"))
        assert cloud.reported[-1]["settings"]["cameras"]["front"]["fps"] == 5
        cloud.desire(Desired(version=5, set_at=SET_AT, settings={"cameras": {"front": {"fps": 1}}}))
        await until(lambda: reported()[1:] == (5, "taking"))
    for _ in range(3):
        assert begin(config).trying == 5, "started, and killed before READY"
    async with appliance(config, notes) as (remote, _):
        await until(lambda: reported() == (4, 5, "refused"))
        assert remote.hands.desired.settled.cameras[0].fps == 5  # type: ignore[union-attr]
        assert "did not come up" in cloud.reported[-1]["refused"][0]["reason"]
        assert remote.hands.desired._health.of("desired") is State.DEGRADED
    assert ("cloud:ann", "", "desired", "version 2", "done") in notes


def test_the_command_line_writes_the_same_bundle_without_the_daemon(tmp_path: Path) -> None:
    settings = tmp_path / "edge.toml"
    settings.write_text(f'state_dir = "{tmp_path}"\n[broker]\nusername = "gate"\n')
    out = tmp_path / "bundle.tar.gz"
    done = CliRunner().invoke(diagnostics, ["--config", str(settings), "-o", str(out)])
    assert done.exit_code == 0, done.output
    with tarfile.open(out) as archive:
        members = {one.name for one in archive.getmembers()}
        config = archive.extractfile("diagnostics/config.json")
        assert config
        assert b"gate" not in config.read()
    assert "diagnostics/disk.json" in members
    wrong = CliRunner().invoke(diagnostics, ["--config", str(tmp_path / "none.toml")])
    assert wrong.exit_code == 2
