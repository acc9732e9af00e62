"""One appliance of a site, asked in the host itself: what runs, what is good, what it was promised and who it is."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.fleet import appliance
from tests.fleet.host import Host

_ROOT: Final = "/opt/afferent"
_AFFERENT: Final = f"{_ROOT}/good/venv/bin/afferent"
_BASE: Final = "http://127.0.0.1:8000"
_TRACES: Final = (
    "readlink /opt/afferent/current /opt/afferent/good; ls /opt/afferent/releases; sha256sum /etc/afferent/edge.toml"
)
_UNTOLD: Final = "/etc/afferent/credentials/* /var/lib/afferent/first-password /var/lib/afferent/identity/key.pem"
_SHORTEST: Final = 8  # what is shorter might stand anywhere by chance


@dataclass(frozen=True)
class Box:
    """Everything is read afresh each time."""

    host: Host

    @property
    def current(self) -> str:
        """The release that runs."""
        return self._link("current")

    @property
    def good(self) -> str:
        """The last release that passed its gate."""
        return self._link("good")

    @property
    def phase(self) -> str:
        """Where an update stands; `idle` if none is under way, empty while the host is off."""
        said = self.host.ask("cat", f"{_ROOT}/update.json").stdout
        return str(json.loads(said or "{}").get("phase", "" if not said else "idle"))

    def gate(self, *, wait_s: int) -> list[str]:
        """The command that judges it."""
        return [_AFFERENT, "edge", "gate", "--wait", str(wait_s)]

    def traces(self) -> str:
        """What a playbook would have left if it had touched the box: releases, settings, and the process that runs."""
        return self.host.run("sh", "-c", _TRACES) + appliance.shown(self.host, "MainPID")

    def session(self, deed: str, participant: str) -> None:
        """Begin or end a session with somebody."""
        password = self.host.run("cat", "/var/lib/afferent/first-password").strip()
        self.host.run(*appliance.probe(self.host, "session", deed, _BASE, password, participant))

    def serial(self) -> str:
        """The serial number of its certificate."""
        path = "/var/lib/afferent/identity/certificate.pem"
        return self.host.run("openssl", "x509", "-noout", "-serial", "-in", path)

    def secrets(self) -> list[str]:
        """Every line that nobody may learn: credentials, the first password, and the key's own."""
        said = self.host.run("sh", "-c", f"for file in {_UNTOLD}; do cat $file && echo; done")
        return [line for line in said.splitlines() if len(line) >= _SHORTEST and "KEY--" not in line]

    def part(self, name: str) -> str:
        """How one part of it stands."""
        said: dict[str, Any] = json.loads(self.host.run("cat", "/run/afferent/standing.json"))
        return str(said["parts"][name]["state"])

    def _link(self, name: str) -> str:
        return self.host.ask("readlink", f"{_ROOT}/{name}").stdout.strip().removeprefix("releases/")
