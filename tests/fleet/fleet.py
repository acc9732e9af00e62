"""A network of booted hosts, from nothing and back to nothing.

with Fleet.started("fleet", ["edge1", "broker1"]) as fleet:
    fleet.host("edge1").run("systemctl", "status")
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fleet import cgroups, keys, network, places, world
from tests.fleet.base import base_root
from tests.fleet.host import Host
from tests.fleet.world import World

_FIRST_OCTET = 11
_LONGEST_NAME = 12  # so that a link can be named after it


def own_net(what: str) -> str:
    """A name for a network of this process alone."""
    return f"{what}-{os.getpid()}"


@dataclass(frozen=True)
class Fleet:
    """The hosts that are up in one network."""

    world: World

    @staticmethod
    @contextmanager
    def started(net: str, names: Sequence[str], *, options: Sequence[str] = ()) -> Iterator["Fleet"]:
        """Boot these hosts, and remove all of it at the end, also when this process is killed."""
        fleet = Fleet(world.start(net, owned=True))
        try:
            fleet.prepare()
            fleet.add(names, options=options)
            yield fleet
        finally:
            fleet.stop()

    @staticmethod
    def up(net: str, names: Sequence[str], *, options: Sequence[str] = ()) -> "Fleet":
        """Boot these hosts beside those of the same network that are up; they stay until `stop`."""
        running = world.found(net)
        fleet = Fleet(running or world.start(net, owned=False))
        if running is None:
            fleet.prepare()
        fleet.add([name for name in names if name not in fleet.names()], options=options)
        return fleet

    @staticmethod
    def running(net: str) -> "Fleet":
        """The network of this name; LookupError if it is not up."""
        found = world.found(net)
        if found is None:
            raise LookupError(f"no network {net!r} is up")
        return Fleet(found)

    def prepare(self) -> None:
        """The bridge and the key of a world that has just begun."""
        network.lay(self.world)
        keys.make(self.world)

    def names(self) -> list[str]:
        """The hosts that were added, in the order of their addresses."""
        found = (self.world.folder / "hosts").glob("*/address")
        return [path.parent.name for path in sorted(found, key=lambda path: int(path.read_text().rsplit(".", 1)[1]))]

    def host(self, name: str) -> Host:
        """One of them; LookupError if there is none of this name."""
        folder = self.world.folder / "hosts" / name
        try:
            options = tuple((folder / "options").read_text().split())
            return Host(self.world, name, (folder / "address").read_text(), options)
        except OSError as error:
            raise LookupError(f"no host {name!r} in {self.world.net!r}") from error

    def add(self, names: Sequence[str], *, options: Sequence[str] = ()) -> None:
        """New hosts from the base system, all booted when this returns."""
        base, known = base_root(), self.names()
        for octet, name in enumerate(names, start=_FIRST_OCTET + len(known)):
            if len(name) > _LONGEST_NAME:
                raise ValueError(f"{name!r} is too long: {_LONGEST_NAME} letters at most")
            self._lay(places.checked(name), f"10.77.0.{octet}", base, options)
        self._tell_names()
        for name in names:
            self.host(name).power_on()

    def _lay(self, name: str, address: str, base: Path, options: Sequence[str]) -> None:
        folder = self.world.folder / "hosts" / name
        for part in ("upper/etc/ssh", "upper/root/.ssh", "work"):
            (folder / part).mkdir(parents=True)
        (folder / "cgroups").write_text("\n".join(map(str, cgroups.make(self.world.net, name))))
        (folder / "base").write_text(str(base))
        (folder / "options").write_text("\n".join(options))
        (folder / "address").write_text(address)
        (folder / "upper/etc/hostname").write_text(f"{name}\n")
        (folder / "upper/root").chmod(0o700)
        keys.let_in(self.world, folder / "upper", name, address)
        network.plug(self.world, name, address)

    def _tell_names(self) -> None:
        """Who is who, for the hosts (those that run too) and for the controller."""
        lines = [f"{network.CONTROLLER} controller"]
        lines += [f"{self.host(name).address} {name}" for name in self.names()]
        text = "127.0.0.1 localhost\n" + "\n".join(lines) + "\n"
        for name in self.names():
            host = self.host(name)
            if host.ask("true").returncode:
                (host.folder / "upper/etc/hosts").write_text(text)
            else:
                host.write("/etc/hosts", text)
        known = self.world.folder / "etc-hosts"
        fresh = not known.exists()
        known.write_text(text)
        if fresh:
            self.world.run("mount", "--bind", str(known), "/etc/hosts")

    def controller(self, *argv: str) -> list[str]:
        """The command that runs `argv` where the playbooks run: this machine's files, the hosts' network."""
        return self.world.inside(*argv)

    def ssh(self, name: str, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run over ssh, as a playbook does: it needs the cable."""
        ssh = ("ssh", "-F", str(self.world.folder / "ssh_config"), name, *argv)
        return subprocess.run(self.controller(*ssh), capture_output=True, text=True, check=False)

    def stop(self) -> None:
        """End every host at once and remove everything; nothing that they wrote is kept."""
        world.stop(self.world)
        shutil.rmtree(self.world.folder, ignore_errors=True)
