"""N predictions made on the device are the N in PostgreSQL, whatever was cut, killed or gone meanwhile.

Real input, real servers, real processes: the shared clip and the shared body-signal recording, mosquitto, PostgreSQL,
an S3 server, the daemon killed twice with SIGKILL, the broker cut for a minute, the bucket gone for a while.
"""

import asyncio
import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.faults import FaultyLink, faulty_link
from tests.support.mosquitto import mosquitto
from tests.support.ports import free_port
from tests.support.postgres import Postgres, running_postgres
from tests.support.processes import Daemon, running, wait_until
from tests.support.s3 import KEYS, S3Server, s3_server

pytestmark = [pytest.mark.data, pytest.mark.timeout(420)]

BROKER_CUT_S = 60.0
_TRUTH = """
SELECT json_extract(CAST(payload AS TEXT), '$.boot'), json_extract(CAST(payload AS TEXT), '$.seq'), kind
FROM records ORDER BY row
"""
_RECORDINGS = "SELECT DISTINCT subject FROM records WHERE kind = 'recording'"
_UPLOADED = "SELECT recording_id, key, sha256, size_bytes FROM recordings WHERE phase = 'uploaded'"
EDGE = """
device = "conserved"
state_dir = "{state}"
telemetry_every_s = 10

[[cameras]]
id = "door"
source = "file"
path = "{clip}"

[[sensors]]
id = "wrist"
source = "replay"
files = ["{eda}", "{hr}"]
where = {{ subject = 5 }}
speed = 4.0
loop = true

[recording]
pre_roll_s = 1
post_roll_s = 1
max_clip_s = 10

[broker]
port = {broker}
resend_after_s = 5

[objects]
type = "s3"
bucket = "recordings"
endpoint = "http://127.0.0.1:{s3}"
access_key_secret = "s3-id"
secret_key_secret = "s3-key"

[web]
port = {port}
"""
CLOUD = """
state_dir = "{state}"

[store]
database_url = "{database}"

[broker]
port = {broker}

[objects]
type = "s3"
bucket = "recordings"
endpoint = "http://127.0.0.1:{s3}"
access_key_secret = "s3-id"
secret_key_secret = "s3-key"

[web]
port = {port}
"""


class Site:
    """Everything that one test of conservation needs, running."""

    def __init__(self, edge: Daemon, state: Path, broker: FaultyLink, s3: FaultyLink, postgres: Postgres) -> None:
        self.edge = edge
        self.store = state / "store.db"
        self.broker = broker
        self.s3 = s3
        self.postgres = postgres

    def local(self, sql: str) -> list[Any]:
        """Ask the device's own store, read-only."""
        with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(sql).fetchall()

    def cloud(self, sql: str) -> list[Any]:
        """Ask the cloud's PostgreSQL."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.postgres.url())
            try:
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def made(self, kind: str) -> int:
        """How many records of a kind the device has made."""
        counts: dict[str, int] = dict(self.local("SELECT kind, COUNT(*) FROM records GROUP BY kind"))
        return counts.get(kind, 0)


@pytest.fixture
def bucket() -> Iterator[S3Server]:
    """A real S3 server with an empty bucket."""
    with s3_server() as server:
        server.make_bucket("recordings")
        yield server


@pytest.fixture
def site(tmp_path: Path, data_dir: Path, bucket: S3Server) -> Iterator[Site]:
    """The device behind two lines that can be cut, and the cloud."""
    with (
        running_postgres() as postgres,
        mosquitto(tmp_path) as broker,
        faulty_link(broker.port) as broker_line,
        faulty_link(bucket.port) as bucket_line,
    ):
        edge_port, cloud_port = free_port(), free_port()
        edge_toml, cloud_toml = tmp_path / "edge.toml", tmp_path / "cloud.toml"
        body = data_dir / "body" / "stress_predict"
        edge_toml.write_text(
            EDGE.format(
                state=tmp_path / "edge",
                clip=data_dir / "vision" / "clips" / "one-by-one-person-detection.mp4",
                eda=body / "eda_temp_acc_4hz.parquet",
                hr=body / "hr_1hz.parquet",
                broker=broker_line.port,
                s3=bucket_line.port,
                port=edge_port,
            ),
            encoding="utf-8",
        )
        cloud_toml.write_text(
            CLOUD.format(
                state=tmp_path / "cloud",
                database=postgres.url(),
                broker=broker.port,
                s3=bucket.port,
                port=cloud_port,
            ),
            encoding="utf-8",
        )
        for side in ("edge", "cloud"):
            _write_secrets(tmp_path / side / "secrets")
        with running("cloud", cloud_toml, cloud_port), running("edge", edge_toml, edge_port) as edge:
            yield Site(edge, tmp_path / "edge", broker_line, bucket_line, postgres)


def _write_secrets(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    for name, value in zip(("s3-id", "s3-key"), KEYS, strict=True):
        (folder / name).write_text(value, encoding="utf-8")


def test_nothing_is_lost_doubled_or_out_of_order(site: Site, bucket: S3Server) -> None:
    wait_until(lambda: site.made("prediction") >= 2, "the first predictions", within_s=60)
    _live_through_the_worst(site)
    wait_until(lambda: not site.local("SELECT 1 FROM outbox LIMIT 1"), "an empty outbox at a quiet device", within_s=90)
    _compare_records(site)
    _compare_recordings(site, bucket)


def _live_through_the_worst(site: Site) -> None:
    cut_since = time.monotonic()
    site.broker.cut()
    site.edge.kill()
    site.edge.start()
    site.s3.cut()
    wait_until(lambda: site.made("recording") >= 2, "recordings made while the bucket is gone", within_s=60)
    site.edge.kill()
    site.edge.start()
    time.sleep(max(0.0, BROKER_CUT_S - (time.monotonic() - cut_since)))
    site.broker.mend()
    site.s3.mend()
    wait_until(lambda: site.made("prediction") >= 12, "predictions over the whole time", within_s=90)
    wait_until(lambda: not site.local("SELECT 1 FROM uploads LIMIT 1"), "every recording uploaded", within_s=90)
    site.edge.stop()
    site.edge.start()  # what the stop itself made (a last recording, changes of health) is carried as well
    wait_until(lambda: not site.local("SELECT 1 FROM uploads LIMIT 1"), "the last recording uploaded", within_s=60)


def _compare_records(site: Site) -> None:
    """The device's own history is the truth; it goes on making records, so compare up to what it had made by now."""
    truth = [tuple(row) for row in site.local(_TRUTH)]
    wait_until(lambda: set(truth) <= set(_arrived(site)), "every record in PostgreSQL", within_s=60)
    arrived = [row for row in _arrived(site) if row in set(truth)]
    assert len(arrived) == len(set(arrived)), "a record arrived twice"
    assert sorted(arrived) == sorted(truth), "a record is missing"
    for boot in {boot for boot, _, _ in truth}:
        lanes = ascending([seq for of, seq, _ in arrived if of == boot])
        assert lanes <= 3, f"run {boot} is out of order: alarms, live and backlog each ascend (decision 12)"
    predictions = site.cloud("SELECT boot, seq FROM predictions")
    made = [(boot, seq) for boot, seq, kind in truth if kind == "prediction"]
    assert len(made) >= 12
    assert sorted(set(predictions) & set(made)) == sorted(made)
    assert len(predictions) == len(set(predictions))
    assert len({boot for boot, _, _ in truth}) >= 3, "of four runs, one may have been killed before its first record"


def ascending(numbers: list[int]) -> int:
    """Of how many ascending rows, merged, this is made at least."""
    tails: list[int] = []
    for number in numbers:
        fitting = [at for at, tail in enumerate(tails) if tail < number]
        if fitting:
            tails[max(fitting, key=lambda at: tails[at])] = number
        else:
            tails.append(number)
    return len(tails)


def _arrived(site: Site) -> list[Any]:
    """In the order in which the cloud took them."""
    return site.cloud("SELECT boot, seq, kind FROM records WHERE device = 'conserved' ORDER BY received_ms, boot, seq")


def _compare_recordings(site: Site, bucket: S3Server) -> None:
    """Each recording that the device had closed by now is one object in the bucket with the digest its record names.

    The device goes on recording, so that the bucket may hold one more, but nothing that the device does not know.
    """
    closed = {row[0] for row in site.local(_RECORDINGS)}
    wait_until(lambda: closed <= {row[0] for row in site.cloud(_UPLOADED)}, "every recording uploaded", within_s=60)
    rows = [row for row in site.cloud(_UPLOADED) if row[0] in closed]
    keys = _keys(bucket)
    assert len(rows) == len({row[1] for row in rows}) == len(closed) >= 2
    assert len(keys) == len(set(keys))
    assert {row[1] for row in rows} <= set(keys)
    known = {row[0] for row in site.local(_RECORDINGS)}
    assert {Path(key).stem for key in keys} <= known, "an object that the device knows nothing of"
    for _, key, sha256, size in rows:
        data = bucket.read("recordings", key)
        assert len(data) == size
        assert hashlib.sha256(data).hexdigest() == sha256


def _keys(bucket: S3Server) -> list[str]:
    client = bucket.client()
    try:
        return [found["Key"] for found in client.list_objects_v2(Bucket="recordings").get("Contents", [])]
    finally:
        client.close()
