"""What the updater needs of the world, so that a test can give it another one."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from contract.release import Kind, Release
from edge.core.standing import Standing
from edge.releases.errors import ReleaseBrokenError
from edge.releases.gate import Question, Verdict

UNITS: Final[dict[Kind, tuple[str, ...]]] = {
    "edge": ("afferent-edge.service",),
    "cloud": ("afferent-cloud@serve.service", "afferent-cloud@ingest.service", "afferent-cloud@worker.service"),
}
_SYSTEMCTL_S: Final = 120.0
Tell = Callable[[str], None]


class Time(Protocol):
    """The clocks of one who may block."""

    def mono_s(self) -> float:
        """Seconds that never go back."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class HostTime:
    """The host's."""

    def mono_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Milliseconds since 1970, by the wall clock as it is set."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Host:
    """This machine: what wheels it takes, and which boot of it this is."""

    machine: str
    python: str
    boot: str
    free: Callable[[Path], int]


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything outside of the folder that the updater writes.

    `bring(source, sha256, target)` raises `NotNowError` or `BundleRefusedError`; `install(unpacked, target, final)`
    makes `target/venv`; `self_test(folder, release)` and `restart(kind)` raise `ReleaseBrokenError`.
    """

    host: Host
    time: Time
    bring: Callable[[str, str, Path], None]
    install: Callable[[Path, Path, Path], None]
    self_test: Callable[[Path, Release], None]
    restart: Callable[[Kind], None]
    gate: Callable[[Kind, Question], Verdict]
    busy: Callable[[], Sequence[str]]
    standing: Callable[[], Standing | None]
    tell: Tell


@dataclass(frozen=True, kw_only=True)
class Systemd:
    """Restarts units. Returns before they are up: whether they come up is the gate's to say."""

    units: Sequence[str] = ()
    """Instead of the kind's own."""

    def restart(self, kind: Kind) -> None:
        """Restart the units of `kind`; raise `ReleaseBrokenError` if systemd does not take the order."""
        units = list(self.units or UNITS[kind])
        self._call("reset-failed", *units, may_fail=True)  # a unit that gave up would refuse to start
        self._call("restart", "--no-block", *units)

    def _call(self, *words: str, may_fail: bool = False) -> None:
        command = ["systemctl", "--no-ask-password", *words]
        try:
            done = subprocess.run(  # noqa: S603 - systemd's own program
                command, capture_output=True, text=True, timeout=_SYSTEMCTL_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReleaseBrokenError(f"`{' '.join(command)}`: {error}") from error
        if done.returncode and not may_fail:
            raise ReleaseBrokenError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


def free_bytes(folder: Path) -> int:
    """What the disk of `folder` has left for us."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
