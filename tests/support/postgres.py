"""A real PostgreSQL of a test's own: a fresh cluster in a temporary folder, stopped and started at will."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloud.store.database import Database
from cloud.store.migrate import migrate
from tests.support.ports import free_port

_WITHIN_S = 60.0
_TEMPLATE = "of_this_version"


class Postgres:
    """One cluster. PostgreSQL refuses to run as root, so root lends it the account `postgres` (or `nobody`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._bin = _binaries()
        self._as = _unprivileged(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_migrated = False
        self._run(
            "initdb", "-D", str(folder / "data"), "-U", "afferent", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"
        )

    def url(self, name: str = "postgres") -> str:
        """Where a database of it is."""
        return f"postgresql://afferent@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it, and return once it takes connections. `fsync` stays on: what we measure is a durable commit."""
        options = ["-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            command = [*self._as, str(self._bin / "postgres"), *options, "-c", "max_connections=40"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self._wait()

    def stop(self) -> None:
        """Stop it at once, as a crash of the host would."""
        if self._process:
            postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def create(self, name: str) -> str:
        """Make an empty database; return its address."""
        self._create(name)
        return self.url(name)

    def migrated(self, name: str) -> str:
        """Make a database with this version's schema and nothing in it; return its address.

        It is a copy: to migrate one for each test costs more than most tests do on it.
        """
        if not self._is_migrated:
            with ThreadPoolExecutor(1) as beside:  # a test's loop may hold this thread
                beside.submit(asyncio.run, _migrated(self.create(_TEMPLATE))).result()
            self._is_migrated = True
        self._create(name, "-T", _TEMPLATE)
        return self.url(name)

    def _create(self, name: str, *more: str) -> None:
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "afferent", *more, name)

    def _wait(self) -> None:
        deadline = time.monotonic() + _WITHIN_S
        ask = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ask, check=False).returncode:
            if time.monotonic() > deadline or (self._process and self._process.poll() is not None):
                raise AssertionError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._bin / program), *arguments]
        done = subprocess.run(command, capture_output=True, cwd=self.folder, check=False)
        if done.returncode:
            raise AssertionError(f"{program}: {done.stderr.decode()[-2000:]}")


async def _migrated(url: str) -> None:
    database = Database(url)
    try:
        await migrate(database)
    finally:
        await database.close()


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A running cluster; gone afterwards with its folder. Its path is short, for its socket lies in it."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    return pytest.fail("PostgreSQL is not installed: apt-get install postgresql-15")


def _unprivileged(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    for account in ("postgres", "nobody"):
        with contextlib.suppress(LookupError):
            shutil.chown(folder, account)
            return ["setpriv", f"--reuid={account}", f"--regid={_group(account)}", "--clear-groups"]
    return pytest.fail("PostgreSQL does not run as root: create an account 'postgres' or 'nobody'")


def _group(account: str) -> str:
    return "nogroup" if account == "nobody" else account
