"""The whole site of a soak: servers, the cloud and the device as processes, and the faulty ways between them."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from tests.conftest import ROOT
from tests.support.faults import FaultyLink, faulty_link
from tests.support.faulty_bucket import FaultyBucket, faulty_bucket
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_tap import MqttTap
from tests.support.oracle import Kept, Sink
from tests.support.ports import free_port
from tests.support.postgres import Postgres, running_postgres
from tests.support.power_cut import Disk, build_shim, read_journal, set_disk_left, shim_environment, write_disk
from tests.support.s3 import KEYS, S3Server, s3_server

DEVICE: Final = "soaked"
BUCKET: Final = "recordings"
OVERFLOW: Final = "max_queued_messages 60\nmax_inflight_messages 20"
EDGE: Final = """
device = "{device}"
state_dir = "{state}"
secrets_dir = "{secrets}"
cameras = []
[vision]
enabled = false
[recording]
mode = "continuous"
codec = "copy"
segment_s = 10
fragment_s = 0.5
[retention]
max_bytes = 100_000_000
reserve_bytes = 2_000_000
[outbox]
max_records = 2000
tidy_every_s = 1
[broker]
port = {broker}
resend_after_s = 3
keepalive_s = 5
connect_timeout_s = 3
[objects]
type = "s3"
bucket = "{bucket}"
endpoint = "http://127.0.0.1:{s3}"
access_key_secret = "s3-id"
secret_key_secret = "s3-key"
part_size_bytes = 5_242_880
timeout_s = 3
"""
CLOUD: Final = """
state_dir = "{state}"
secrets_dir = "{secrets}"
[store]
database_url = "{database}"
[broker]
port = {broker}
keepalive_s = 5
[objects]
type = "s3"
bucket = "{bucket}"
endpoint = "http://127.0.0.1:{s3}"
access_key_secret = "s3-id"
secret_key_secret = "s3-key"
[web]
port = {port}
"""


class Process:
    """A process of ours with its words in a log. `ended_by_itself` counts the ends that nobody ordered."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.ended_by_itself = 0
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run."""
        return self._process.pid if self._process else 0

    def start(self, arguments: list[str], environment: dict[str, str] | None = None) -> None:
        """Start `python -m ARGUMENTS`; return at once."""
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=os.environ | (environment or {}),
            )

    def tell(self, line: str) -> None:
        """Write a line to its standard input; nobody may be there."""
        if self._process and self._process.stdin:
            try:
                self._process.stdin.write(f"{line}\n".encode())
                self._process.stdin.flush()
            except BrokenPipeError:
                return

    def kill(self) -> None:
        """SIGKILL."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()

    def died(self) -> bool:
        """Whether it ended by itself since it was asked last."""
        if self._process is None or self._process.poll() is None:
            return False
        self.ended_by_itself += 1
        self.kill()
        return True

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Site:
    """Everything, running. What a fault needs is public."""

    def __init__(self, folder: Path, seed: int, stack: ExitStack) -> None:
        self.folder = folder
        self.state = folder / "device"
        self.state.mkdir()
        self.oracle_log = folder / "oracle.log"
        self._seed = seed
        self.postgres: Postgres = stack.enter_context(running_postgres())
        self._storage: S3Server = stack.enter_context(s3_server())
        self._storage.make_bucket(BUCKET)
        self.broker = Mosquitto(folder / "broker", extra=OVERFLOW)
        self.broker.start()
        stack.callback(self.broker.stop)
        self.tap = MqttTap()
        self.link: FaultyLink = stack.enter_context(faulty_link(self.broker.port, self.tap.feed))
        self.bucket: FaultyBucket = stack.enter_context(
            faulty_bucket(self._storage.port, random.Random(f"bucket-{seed}"))
        )
        self._shim = build_shim(folder)
        self._journal, self.disk_left = folder / "power.journal", folder / "disk-left"
        set_disk_left(self.disk_left, -1)
        self._disk = Disk(self.state)
        self._rng = random.Random(f"power-{seed}")
        self._host_boots = 1
        self.device = Process("device", folder)
        self.cloud = Process("cloud", folder)
        for process in (self.device, self.cloud):
            stack.callback(process.kill)
        self._write_settings()

    def start_device(self) -> None:
        """Another incarnation of the device, on the same folder."""
        self._read_journal()
        number = str(self.device.starts + 1)
        self.device.start(
            ["tests.soak.device", str(self.folder / "edge.toml"), str(self.oracle_log), number, str(self._seed)],
            shim_environment(self._shim, self.state, self._journal, self.disk_left)
            | {"SOAK_HOST_BOOT": f"host-boot-{self._host_boots}"},
        )

    def cut_power(self) -> None:
        """The device is gone, and with it what its disk had not made durable."""
        self.device.kill()
        self._read_journal()
        write_disk(self.state, self._disk.cut(self._rng))
        self._disk.adopt()
        self._host_boots += 1

    def _read_journal(self) -> None:
        """What the disk did since; the device does not run."""
        self._disk.feed(read_journal(self._journal))
        self._journal.unlink(missing_ok=True)

    def start_cloud(self) -> None:
        """The cloud, on the same database."""
        self.cloud.start(["afferent", "cloud", "run", "--config", str(self.folder / "cloud.toml")])

    def empty_broker(self) -> None:
        """Let a broker that does not run forget everything."""
        for kept in (self.folder / "broker").glob("mosquitto.db*"):
            kept.unlink()

    async def records(self) -> list[Kept]:
        """What PostgreSQL holds of the device."""
        return [
            Kept(row["boot"], row["seq"], row["kind"], row["received_ms"], _plain(row["body"]))
            for row in await self._rows("SELECT boot, seq, kind, received_ms, body FROM records WHERE device = $1")
        ]

    async def _rows(self, sql: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.postgres.url())
        try:
            return list(await connection.fetch(sql, DEVICE))
        finally:
            await connection.close()

    def objects(self, known: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
        """Size and SHA-256 of each object by its key; those of `known` are not read again if their size is the same."""
        client = self._storage.client()
        try:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            sizes = {found["Key"]: int(found["Size"]) for page in pages for found in page.get("Contents", [])}
        finally:
            client.close()
        return {key: self._object(key, size, known.get(key)) for key, size in sizes.items()}

    def _object(self, key: str, size: int, known: tuple[int, str] | None) -> tuple[int, str]:
        if known and known[0] == size:
            return known
        data = self._storage.read(BUCKET, key)
        return len(data), hashlib.sha256(data).hexdigest()

    def _write_settings(self) -> None:
        secrets = self.folder / "secrets"
        secrets.mkdir(mode=0o700)
        for name, value in zip(("s3-id", "s3-key"), KEYS, strict=True):
            (secrets / name).write_text(value, encoding="utf-8")
        common = {"secrets": secrets, "bucket": BUCKET}
        edge = EDGE.format(device=DEVICE, state=self.state, broker=self.link.port, s3=self.bucket.port, **common)
        cloud = CLOUD.format(
            state=self.folder / "cloud-state",
            database=self.postgres.url(),
            broker=self.broker.port,
            s3=self._storage.port,
            port=free_port(),
            **common,
        )
        (self.folder / "edge.toml").write_text(edge, encoding="utf-8")
        (self.folder / "cloud.toml").write_text(cloud, encoding="utf-8")


@contextmanager
def running_site(folder: Path, seed: int) -> Iterator[Site]:
    """A site that ends with the block. Its servers run; device and cloud are not started yet."""
    with ExitStack() as stack:
        yield Site(folder, seed, stack)


async def sink_of(site: Site, before: Sink) -> Sink:
    """What the cloud holds now."""
    records, objects = await site.records(), site.objects(before.objects)
    return Sink(records, objects, site.tap.resent)


def _plain(body: str) -> dict[str, object]:
    plain: dict[str, object] = json.loads(body)
    return plain
