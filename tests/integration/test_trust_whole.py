"""The whole of it: authority, cloud over HTTPS, a broker that asks for certificates, and a device that enrols."""

import asyncio
import os
import random
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from cloud.__main__ import cloud_cli
from edge.core.clock import SystemClock
from edge.core.health import Health, State
from edge.identity.folder import IdentityFolder
from edge.identity.renewal import PART as IDENTITY
from edge.identity.renewal import IdentityRenewal
from edge.identity.settings import IdentitySettings
from edge.outbox.store import Outbox
from edge.sync.publisher import PART as BROKER
from edge.sync.publisher import Publisher
from edge.sync.settings import BrokerSettings
from edge.sync.tls import Shown
from tests.conftest import ROOT
from tests.support.outboxes import DEVICE, open_outbox, prediction
from tests.support.ports import free_port
from tests.support.trust import MutualBroker

_CLOUD = """
state_dir = "{folder}"
[broker]
host = "localhost"
port = {broker}
tls = true
ca_file = "{authority}/certificate.pem"
certificate_file = "{authority}/clients/ingest/certificate.pem"
key_file = "{authority}/clients/ingest/key.pem"
[web]
port = {web}
tls_certificate = "{authority}/servers/localhost/certificate.pem"
tls_key = "{authority}/servers/localhost/key.pem"
[trust]
broker_host = "localhost"
broker_port = {broker}
"""


class Site:
    """A cloud and a broker on loopback, of one authority."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.web, self.config = folder, free_port(), folder / "cloud.toml"
        self.authority = folder / "authority"
        self.config.write_text(f'state_dir = "{folder}"\n')
        self.run("authority", "init")
        self.run("authority", "issue-server", "localhost", "--san", "localhost", "--san", "127.0.0.1")
        self.run("authority", "issue-client", "ingest")
        server = self.authority / "servers" / "localhost"
        shown = Shown(str(server / "certificate.pem"), str(server / "key.pem"))
        self.broker = MutualBroker(folder / "broker", authority=self.authority, server=shown)
        self.config.write_text(
            _CLOUD.format(folder=folder, broker=self.broker.port, web=self.web, authority=self.authority)
        )
        self._cloud: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.web}"

    def run(self, *words: str) -> str:
        """A command of the cloud."""
        done = CliRunner().invoke(cloud_cli, [*words, "--config", str(self.config)])
        assert done.exit_code == 0, done.output
        return done.output.strip()

    def start(self) -> None:
        self.broker.start()
        with (self.folder / "log").open("ab") as log:
            program = [sys.executable, "-m", "cloud", "run", "--config", str(self.config)]
            self._cloud = subprocess.Popen(program, stdout=log, stderr=log, cwd=ROOT)
        trusting = ssl.create_default_context(cafile=str(self.authority / "certificate.pem"))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readyz", verify=trusting, timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self._cloud.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self._cloud:
            self._cloud.kill()
            self._cloud.wait()
        self.broker.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "site").mkdir()
    found = Site(tmp_path / "site")
    try:
        found.start()
        yield found
    finally:
        found.stop()


def enrol(site: Site, state: Path, token: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The device's command, as an operator runs it."""
    state.mkdir(exist_ok=True)
    config = state / "edge.toml"
    config.write_text(f'device = "{DEVICE}"\nstate_dir = "{state}"\n')
    program = [
        sys.executable,
        "-m",
        "edge",
        "enrol",
        "--cloud",
        site.url,
        "--token-file",
        "-",
        "--config",
        str(config),
    ]
    return subprocess.run(
        [*program, *more], input=token, capture_output=True, text=True, cwd=ROOT, check=False, env=os.environ
    )


@asynccontextmanager
async def publishing(outbox: Outbox, site: Site, state: Path, health: Health) -> AsyncIterator[Publisher]:
    publisher = Publisher(
        BrokerSettings(host="localhost", port=site.broker.port, tls=True, resend_after_s=2),
        outbox=outbox,
        clock=SystemClock(),
        health=health,
        rng=random.Random(1),
        secrets_dir=state,
        identity_dir=state / "identity",
    )
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        await asyncio.wait([task])


async def delivered(outbox: Outbox, index: int) -> None:
    """A record that the cloud's database has confirmed."""
    await outbox.append(prediction(index))
    await until(lambda: outbox.waiting_records == 0, "the record is acknowledged")


async def until(condition: object, what: str, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.05)


async def test_a_device_enrols_delivers_renews_and_is_revoked(site: Site, tmp_path: Path) -> None:
    """S6.4: a token that dies, TLS everywhere, renewal without a restart, revocation."""
    state = tmp_path / "device"
    token = await asyncio.to_thread(site.run, "device", "invite", DEVICE)
    done = await asyncio.to_thread(enrol, site, state, token)
    assert done.returncode == 0, done.stderr
    assert f"Enrolled as {DEVICE}" in done.stdout
    assert f"port = {site.broker.port}" in done.stdout
    again = await asyncio.to_thread(enrol, site, state, token)
    assert "Enrolled already" in again.stdout
    other = await asyncio.to_thread(enrol, site, tmp_path / "thief", token)
    assert other.returncode == 1
    assert "used already" in other.stderr

    clock = SystemClock()
    health = Health(clock)
    async with open_outbox(tmp_path) as outbox, publishing(outbox, site, state, health) as publisher:
        await delivered(outbox, 1)
        folder = IdentityFolder(state / "identity")
        service = IdentityRenewal(
            IdentitySettings(),
            folder=folder,
            clock=clock,
            health=health,
            rng=random.Random(1),
            on_change=publisher.reconnect,
        )
        first, before = folder.read(), publisher.connects_total
        await service.renew()
        assert folder.read() != first
        assert health.of(IDENTITY) is State.OK
        await until(lambda: publisher.connects_total > before, "the publisher takes the new certificate")
        await delivered(outbox, 2)

        await asyncio.to_thread(site.run, "device", "revoke", DEVICE)
        await asyncio.to_thread(site.broker.take_up_list)
        await asyncio.to_thread(site.broker.restart)
        await until(lambda: "which was revoked" in _words(health), "the device hears that it was revoked")
        await outbox.append(prediction(3))

        token = await asyncio.to_thread(site.run, "device", "invite", DEVICE)
        anew = await asyncio.to_thread(enrol, site, state, token, "--replace")
        assert anew.returncode == 0, anew.stderr
        await until(lambda: outbox.waiting_records == 0, "what waited goes with the new identity")


def _words(health: Health) -> str:
    part = health.part(BROKER)
    return part.detail if part else ""
