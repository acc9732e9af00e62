"""Ceph's S3 gateway over TLS, from Debian's packages, in a temporary folder: one monitor, one store in memory.

It takes what real services take and no more: it checks signatures, digests, lengths, expiry and the sizes of parts.
Each daemon runs in the foreground as a child of ours, so that the gateway can be killed in the middle and come back.
"""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cloud.objects.settings import S3Settings as CloudBucket
from edge.sync.settings import S3Settings
from tests.support.certificates import certificate
from tests.support.ports import free_port, wait_for_port

KEYS: Final = ("real-access", "real-secret-0123456789")
_PROGRAMS: Final = ("ceph-mon", "ceph-osd", "radosgw", "ceph", "ceph-authtool", "monmaptool", "radosgw-admin")
_ALL: Final = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
_WITHIN_S: Final = 120.0
_GATEWAY: Final = "client.rgw.a"


class Radosgw:
    """One cluster and its gateway on `https://127.0.0.1:port`, with one user, whose keys are `KEYS`."""

    def __init__(self, folder: Path) -> None:
        _require_programs()
        self.folder = folder
        self.port, self._mon_port = free_port(), free_port()
        self.endpoint = f"https://127.0.0.1:{self.port}"
        key, self.ca_file = certificate(folder)
        (folder / "tls.pem").write_bytes(self.ca_file.read_bytes() + key.read_bytes())
        self._conf = folder / "ceph.conf"
        self._fsid = str(uuid.uuid4())
        self._conf.write_text(self._settings(), encoding="utf-8")
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.seconds: dict[str, float] = {}

    def start(self) -> None:
        """Make and start everything; `seconds` tells how long each took."""
        for what, step in (("monitor", self._start_mon), ("store", self._start_osd), ("gateway", self.start_gateway)):
            begun = time.monotonic()
            step()
            self.seconds[what] = time.monotonic() - begun
        names = ("--uid=real", "--display-name=real", f"--access-key={KEYS[0]}", f"--secret-key={KEYS[1]}")
        self._run("radosgw-admin", "-n", _GATEWAY, "user", "create", *names)

    def start_gateway(self) -> None:
        """Start the gateway; return once it listens."""
        self._spawn("radosgw", "-n", _GATEWAY)
        wait_for_port(self.port, within_s=_WITHIN_S)

    def kill_gateway(self) -> None:
        """SIGKILL it."""
        gateway = self._daemons.pop("radosgw")
        gateway.send_signal(signal.SIGKILL)
        gateway.wait()

    def stop(self) -> None:
        """End everything, the gateway first."""
        for daemon in reversed(self._daemons.values()):
            daemon.kill()
            daemon.wait()

    def client(self) -> Any:
        """A plain boto3 client, to look and to meddle; close it."""
        import boto3
        from botocore.config import Config

        session = boto3.session.Session(*KEYS, region_name="us-east-1")
        plain = Config(
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 3},
        )
        return session.client("s3", endpoint_url=self.endpoint, verify=str(self.ca_file), config=plain)

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        with contextlib.closing(self.client()) as client:
            client.create_bucket(Bucket=name)

    def read(self, bucket: str, key: str) -> bytes:
        """The bytes of an object."""
        with contextlib.closing(self.client()) as client:
            body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body

    def settings(self, bucket: str) -> S3Settings:
        """How the appliance reaches it."""
        ca_file = str(self.ca_file)
        return S3Settings(bucket=bucket, endpoint=self.endpoint, ca_file=ca_file, part_size_bytes=5 << 20, timeout_s=20)

    def cloud_settings(self, bucket: str, *, sign_s: int = 900) -> CloudBucket:
        """How the cloud reaches it."""
        return CloudBucket(bucket=bucket, endpoint=self.endpoint, ca_file=str(self.ca_file), sign_s=sign_s)

    def _start_mon(self) -> None:
        ring, plan = str(self.folder / "keyring"), str(self.folder / "monmap")
        self._run("ceph-authtool", ring, "--create-keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        for name in ("client.admin", _GATEWAY, "osd.0"):
            self._run("ceph-authtool", ring, "--gen-key", "-n", name, *_ALL)
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", self._addresses(), plan)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", plan, "--keyring", ring)
        self._spawn("ceph-mon", "-i", "a")
        self._run("ceph", "--connect-timeout", "30", "mon", "stat")

    def _start_osd(self) -> None:
        name = str(uuid.uuid4())
        self._run("ceph", "osd", "new", name)
        (self.folder / "osd-0").mkdir()
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", name)
        self._spawn("ceph-osd", "-i", "0")
        deadline = time.monotonic() + _WITHIN_S
        while "1 up" not in self._run("ceph", "osd", "stat"):
            assert time.monotonic() < deadline, "the store did not come up"
            time.sleep(0.2)

    def _run(self, program: str, *arguments: str) -> str:
        command = [program, "-c", str(self._conf), *arguments]
        if program in {"ceph-authtool", "monmaptool"}:
            command = [program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN_S)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.stderr[-2000:]}")
        return done.stdout

    def _spawn(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.out").open("ab") as log:
            command = [program, "-f", "-c", str(self._conf), *arguments]
            self._daemons[program] = subprocess.Popen(command, stdout=log, stderr=log)

    def _addresses(self) -> str:
        return f"[v2:127.0.0.1:{self._mon_port}]"

    def _settings(self) -> str:
        folder = self.folder
        shared = {
            "fsid": self._fsid,
            "mon host": self._addresses(),
            "mon initial members": "a",
            "public addr": "127.0.0.1",
            "keyring": folder / "keyring",
            "auth allow insecure global id reclaim": "false",
            "run dir": folder,
            "admin socket": "",
            "log file": folder / "$name.log",
            "mon cluster log file": folder / "cluster.log",
            "mon data": folder / "mon-a",
            "mon data avail crit": 1,
            "mon data avail warn": 2,
            "mon allow pool size one": "true",
            "mon max pg per osd": 1000,
            "osd data": folder / "osd-$id",
            "osd objectstore": "memstore",
            "memstore device bytes": 2 << 30,
            "osd crush chooseleaf type": 0,
            "osd pool default size": 1,
            "osd pool default min size": 1,
            "osd pool default pg num": 1,
            "osd pool default pg autoscale mode": "off",
        }
        gateway = {
            "rgw frontends": f"beast ssl_endpoint=127.0.0.1:{self.port} ssl_certificate={folder / 'tls.pem'}",
            "rgw data": folder / "rgw",
            "rgw dynamic resharding": "false",
        }
        parts = {"global": shared, _GATEWAY: gateway}
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in found.items())
            for name, found in parts.items()
        ]
        return "\n".join(lines)


@contextlib.contextmanager
def radosgw() -> Iterator[Radosgw]:
    """A running gateway; gone afterwards with its folder."""
    folder = Path(tempfile.mkdtemp(prefix="rgw-"))
    server = Radosgw(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _require_programs() -> None:
    missing = [name for name in _PROGRAMS if not shutil.which(name)]
    if missing:
        pytest.fail(
            f"{', '.join(missing)} not installed: apt-get install radosgw ceph-mon ceph-osd ceph-mgr ceph-common"
        )
