"""The appliance and the cloud as real processes, with their settings and logs in a folder of the test."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import httpx

from tests.conftest import ROOT

Side = Literal["edge", "cloud"]


class Daemon:
    """One side, running. `kill` is SIGKILL, `stop` SIGTERM; `start` begins again on the same settings and state."""

    def __init__(self, side: Side, settings: Path, port: int) -> None:
        self.side = side
        self.settings = settings
        self.url = f"http://127.0.0.1:{port}"
        self.log = settings.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process, f"{self.side} does not run"
        return self._process.pid

    def start(self, *, within_s: float = 60.0) -> None:
        """Start and return when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "afferent", self.side, "run", "--config", str(self.settings)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"{self.side} ended by itself:\n{self.last_words()}"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{self.side} did not answer within {within_s} s:\n{self.last_words()}")

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def stop(self, *, within_s: float = 40.0) -> float:
        """SIGTERM; return the seconds it took. A process that does not end, or ends badly, fails the test."""
        assert self._process
        if self._process.poll() is not None:
            return 0.0
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.side} did not end within {within_s} s:\n{self.last_words()}") from None
        assert code == 0, f"{self.side} ended with {code}:\n{self.last_words()}"
        return time.monotonic() - begun

    def last_words(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def running(side: Side, settings: Path, port: int) -> Iterator[Daemon]:
    """A side that runs inside the block and is gone after it."""
    daemon = Daemon(side, settings, port)
    try:
        daemon.start()
        yield daemon
    finally:
        with contextlib.suppress(AssertionError):
            daemon.kill()


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float = 30.0, every_s: float = 0.2) -> None:
    """Call `condition` until it is true; fail the test naming `what` after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(every_s)
