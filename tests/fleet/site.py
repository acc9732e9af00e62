"""A whole site as an operator has it: an inventory of the booted hosts, and the playbooks run against it over ssh."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.conftest import ROOT
from tests.fleet.fleet import Fleet
from tests.fleet.tools import ansible

EDGES: Final = ("edge1", "edge2")
CLOUD: Final = "cloud1"
HOSTS: Final = (*EDGES, "broker1", CLOUD)
WATCHED: Final = (*EDGES, "ingest", "worker", "serve")
"""What the monitoring knows by name."""
CANARY: Final = "edge1"
_PLAYBOOKS: Final = ROOT / "ansible"
_RECAP: Final = re.compile(r"^(\S+)\s+: (ok=\d+ .*)$", re.MULTILINE)
_AFFERENT: Final = "/opt/afferent/current/venv/bin/afferent"
_COUNT: Final = "SELECT count(*) FROM records WHERE device = '{device}'"
_SETTINGS: Final = {
    "cameras": [{"source": "simulated", "width": 320, "height": 180, "fps": 5}],
    "sensors": [{"source": "simulated"}],
    "telemetry_every_s": 5,
}
_NETWORK_CAMERA: Final = {"cameras": [{"source": "mjpeg", "url": "http://127.0.0.1:8080/"}]}
"""That of the box that is no canary (scenery.still_camera): it can be unplugged."""
SECRETS: Final = {"camera-password": "correct-horse-of-a-camera"}
"""What each box is given as credentials, and must not tell."""
_SHOWN_BY_SCRAPER: Final = "token-that-only-the-scraper-has"
_SCRAPED_EVERY_S: Final = 5


@dataclass(frozen=True)
class Played:
    """How a playbook ended: its exit code, what it said, what changed where, and its report by box."""

    code: int
    text: str
    took_s: float
    recap: Mapping[str, Mapping[str, int]]
    report: Mapping[str, "Line"]

    def count(self, what: str) -> dict[str, int]:
        """`changed`, `failed` or `unreachable`: of each host that has any."""
        return {host: counts[what] for host, counts in self.recap.items() if counts[what]}


@dataclass(frozen=True)
class Line:
    """One box in the report's table."""

    before: str
    now: str
    seconds: str
    result: str
    why: str


class Site:
    """The controller's side: call `play` with a playbook's name."""

    def __init__(self, fleet: Fleet, *, bundles: Path, key: Path) -> None:
        self.fleet = fleet
        self._bundles = bundles
        self._key = key
        self._folder = fleet.world.folder / "site"
        self._folder.mkdir(exist_ok=True)

    def play(self, name: str, *options: str, **variables: Any) -> Played:
        """Run a playbook to its end; variables are those of `-e`."""
        with self.playing(name, *options, **variables) as run:
            return run.ended()

    def playing(self, name: str, *options: str, **variables: Any) -> "Run":
        """Begin to run a playbook; leaving the block ends it."""
        inventory = self._folder / "inventory.json"
        inventory.write_text(json.dumps(self._inventory(), indent=1))
        report = self._folder / "report"
        report.unlink(missing_ok=True)
        said = json.dumps({"report": str(report), **variables})
        argv = [
            str(ansible() / "ansible-playbook"),
            "-i",
            str(inventory),
            f"playbooks/{name}.yml",
            "-e",
            said,
            *options,
        ]
        return Run(self.fleet.controller("env", "-C", str(_PLAYBOOKS), *self._environment(), *argv), report)

    def records(self, device: str) -> int:
        """How many records of a device the cloud has committed, asked as its own user of the database."""
        asked = ("psql", "--no-psqlrc", "--dbname=afferent", "-tAc", _COUNT.format(device=device))
        return int(self.fleet.host("cloud1").run("runuser", "--user=afferent-cloud", "--", *asked))

    def hear_from(self, device: str, *, within_s: float = 90.0) -> None:
        """Wait until the cloud has more from it than now."""
        seen = self.records(device)
        self.until(lambda: self.records(device) > seen, f"something new from {device} in the cloud", within_s=within_s)

    def as_cloud(self, *words: str) -> list[str]:
        """The cloud's command line in its host, as its own user."""
        return ["runuser", "--user=afferent-cloud", "--", _AFFERENT, "cloud", *words]

    def until(self, true: Callable[[], bool], what: str, *, within_s: float = 60.0) -> None:
        """Wait until it is true; AssertionError says what was waited for."""
        deadline = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
            time.sleep(0.2)

    def _environment(self) -> list[str]:
        return [
            f"ANSIBLE_HOME={self._folder}/home",
            "ANSIBLE_SSH_CONTROL_PATH_DIR=/run/ansible",
            "ANSIBLE_NOCOLOR=1",
            "LC_ALL=C.UTF-8",
            f"PATH={ansible()}:{os.environ['PATH']}",
        ]

    def _inventory(self) -> dict[str, Any]:
        """As the example's: the monitoring is on the cloud's host."""
        boxes = {name: {} if name == CANARY else {"edge_settings_group": _NETWORK_CAMERA} for name in EDGES}
        scraper = self.fleet.host("cloud1").address
        return {
            "all": {
                "vars": self._variables(),
                "children": {
                    "cloud": {"hosts": {"cloud1": {}}, "vars": _cloud_variables()},
                    "broker": {"hosts": {"broker1": {}}, "vars": {"broker_authority": "cloud1"}},
                    "monitoring": {"hosts": {"cloud1": {}}, "vars": _monitoring_variables()},
                    "canary": {"hosts": {CANARY: {}}},
                    "edge": {"hosts": boxes, "vars": _edge_variables(scraper)},
                },
            }
        }

    def _variables(self) -> dict[str, Any]:
        return {
            "ansible_user": "root",
            "ansible_become": True,
            "ansible_ssh_common_args": f"-F {self.fleet.world.folder}/ssh_config",
            "release_version": "0.1.0",
            "release_bundles": str(self._bundles),
            "release_keys": [str(self._key)],
        }


def _edge_variables(scraper: str) -> dict[str, Any]:
    return {
        "edge_broker_host": "broker1",
        "edge_cloud_url": "https://cloud1:8443",
        "edge_inviter": "cloud1",
        "edge_settings": {**_SETTINGS, "web": {"metrics_networks": [f"{scraper}/32"]}},
        "edge_secrets": SECRETS,
    }


def _cloud_variables() -> dict[str, Any]:
    return {
        "cloud_broker_host": "broker1",
        "cloud_database": "postgresql",
        "cloud_settings": {"web": {"metrics_token_secret": "metrics-token"}},
        "cloud_secrets": {"metrics-token": _SHOWN_BY_SCRAPER},
    }


def _monitoring_variables() -> dict[str, Any]:
    return {
        "monitoring_boxes": {name: f"{name}:8000" for name in EDGES},
        "monitoring_cloud": {"ingest": "127.0.0.1:8081", "worker": "127.0.0.1:8082"},
        "monitoring_api": {"serve": "cloud1:8443"},
        "monitoring_authority": "cloud1",
        "monitoring_token": _SHOWN_BY_SCRAPER,
        "monitoring_interval_s": _SCRAPED_EVERY_S,
    }


class Run:
    """A playbook that is running. What it says goes to a file: ssh stays for a while and would hold a pipe open."""

    def __init__(self, argv: Sequence[str], report: Path) -> None:
        self._report = report
        self._said = report.with_name("said")
        self._began = time.monotonic()
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def ended(self) -> Played:
        """Wait for its end."""
        code = self._process.wait()
        took_s, text = time.monotonic() - self._began, self._text()
        return Played(code, text, took_s, _recap(text), _reported(self._report))

    def _text(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace")


def _recap(text: str) -> dict[str, dict[str, int]]:
    recap = text.rpartition("PLAY RECAP")[2]
    return {
        host: {name: int(count) for name, _, count in (part.partition("=") for part in counts.split())}
        for host, counts in _RECAP.findall(recap)
    }


def _reported(path: Path) -> dict[str, Line]:
    if not path.is_file():
        return {}
    rows = [line.split(None, 4) for line in path.read_text().splitlines()[1:] if line.strip()]
    return {row[0]: _line(row) for row in rows}


def _line(row: list[str]) -> Line:
    """The result may be of two words; what follows it after two spaces says why."""
    result, _, why = row[4].partition("  ")
    return Line(row[1], row[2], row[3], result.strip(), why.strip())
