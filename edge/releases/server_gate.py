"""The gate of a server, which writes no standing: its units are active, and its address answers, for a while."""

import http.client
import subprocess
import urllib.error
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from edge.core.pace import Pace
from edge.core.paced_urllib import paced_opener
from edge.releases.gate import STEADY_S, Check, Verdict
from edge.releases.ports import Time

_LOOK_EVERY_S: Final = 1.0
_SYSTEMCTL_S: Final = 30.0
_OK: Final = 200
_LONGEST_HEAD: Final = 64 * 1024
"""What follows it is not read."""


@dataclass(frozen=True, kw_only=True)
class ServerGate:
    """What is looked at: `units` by systemd, unless there are none, and `url`, unless it is empty."""

    units: Sequence[str]
    url: str
    time: Time
    steady_s: float = STEADY_S
    answer_s: float = 5.0
    """How long the address may be silent."""

    def wait(self, wait_s: float) -> Verdict:
        """Look until all holds steadily, at most `wait_s`; return the verdict, or the last one."""
        end_s, since_s = self.time.mono_s() + wait_s, None
        while True:
            verdict, now_s = self._look(), self.time.mono_s()
            since_s = (now_s if since_s is None else since_s) if verdict.ok else None
            if since_s is not None and now_s - since_s >= self.steady_s:
                return verdict
            if now_s >= end_s:
                return verdict if not verdict.ok else _unsteady(verdict)
            self.time.sleep(_LOOK_EVERY_S)

    def _look(self) -> Verdict:
        checks = [*self._units(), *self._address()]
        return Verdict(ok=all(check.ok for check in checks), checks=checks)

    def _units(self) -> Iterator[Check]:
        for unit in self.units:
            why = _inactive(unit)
            yield Check(name=f"unit {unit}", ok=not why, why=why)

    def _address(self) -> Iterator[Check]:
        if not self.url:
            return
        why = self._answer()
        yield Check(name="address", ok=not why, why=why)

    def _answer(self) -> str:
        """Empty if it answers 200, else what is wrong."""
        if urlsplit(self.url).scheme not in {"http", "https"}:
            return f"{self.url}: only http and https can be asked"
        pace = Pace(lambda: round(self.time.mono_s() * 1e9), self.answer_s, longest_bytes=_LONGEST_HEAD)
        try:
            with paced_opener(pace).open(self.url, timeout=self.answer_s) as answer:
                return "" if answer.status == _OK else f"{self.url} answers {answer.status}"
        except urllib.error.HTTPError as error:
            error.close()
            return f"{self.url} answers {error.code}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"{self.url}: {pace.fault or error}"


def _inactive(unit: str) -> str:
    """Empty if it is active, else what it is; a systemd that does not answer is no reason to stop looking."""
    try:
        done = subprocess.run(  # noqa: S603 - systemd's own program
            ["systemctl", "is-active", unit],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_SYSTEMCTL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"systemd cannot be asked: {error}"
    return (done.stdout.strip() or "unknown") if done.returncode else ""


def _unsteady(verdict: Verdict) -> Verdict:
    more = Check(name="steady", ok=False, why="it has not been up long enough yet: give it more time (--wait)")
    return Verdict(ok=False, checks=[*verdict.checks, more])
