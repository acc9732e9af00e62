"""One booted host: run something in it, reboot it, cut its power, pull its cable."""

import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT
from tests.fleet import network
from tests.fleet.world import World

_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root", "LC_ALL=C.UTF-8", "TERM=dumb", "container=systemd-nspawn",
)  # fmt: skip
_UP = ("running", "degraded")
_BOOT_S = 90.0


class HostFailedError(Exception):
    """A command in a host failed, or a host did not come up; the words are its own."""


@dataclass(frozen=True)
class Host:
    """A host by its name; its files lie in its folder, its processes in the world's namespaces."""

    world: World
    name: str
    address: str
    options: tuple[str, ...] = field(default=())

    @property
    def folder(self) -> Path:
        """Its upper layer, console and process id."""
        return self.world.folder / "hosts" / self.name

    def power_on(self) -> None:
        """Boot it and wait until systemd says that it is up; HostFailedError after 90 s, with the console's end."""
        argv = (sys.executable, "-m", "tests.fleet.machine", str(self.folder), self.name, *self.options)
        log = shlex.quote(str(self.folder / "machine.log"))
        # Left to the keeper: whoever booted a host need not stay.
        self.world.run("sh", "-c", f"cd {ROOT} && exec setsid -f {shlex.join(argv)} >>{log} 2>&1 </dev/null")
        self.until(self.booted, "it has booted", within_s=_BOOT_S)

    def booted(self) -> bool:
        """Whether systemd in it has finished starting, well or not."""
        return self.ask("systemctl", "is-system-running").stdout.strip() in _UP

    def power_off(self) -> None:
        """Shut it down in order."""
        self.ask("systemctl", "poweroff")
        self.until(lambda: self._leader() is None, "it is off", within_s=_BOOT_S)

    def cut_power(self) -> None:
        """Kill everything in it between two instructions; `power_on` boots what is on its disk."""
        leader = self._leader()
        if leader is not None:
            self.world.run("kill", "-9", str(leader))
        self.until(lambda: self._leader() is None, "it is dead", within_s=10.0)

    def reboot(self) -> None:
        """Ask it to reboot and wait until it has."""
        before = self._leader()
        self.ask("systemctl", "reboot")
        self.until(lambda: self._leader() not in (before, None) and self.booted(), "it is up again", within_s=_BOOT_S)

    def pull_cable(self) -> None:
        """Link down, until `mend_cable`."""
        network.pull(self.world, self.name)

    def mend_cable(self) -> None:
        """Link up."""
        network.mend(self.world, self.name)

    def command(self, *argv: str) -> list[str]:
        """What runs `argv` in here as root, without the network being needed; HostFailedError when it is off."""
        leader = self._leader()
        if leader is None:
            raise HostFailedError(f"{self.name} is off")
        enter = ("nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w")
        return self.world.inside(*enter, "env", "-i", *_ENVIRONMENT, *argv)

    def ask(self, *argv: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run to the end in here and return how that went, whatever it was; a host that is off says 255."""
        try:
            argv_here = self.command(*argv)
        except HostFailedError as error:
            return subprocess.CompletedProcess(list(argv), 255, "", str(error))
        return subprocess.run(argv_here, input=given, capture_output=True, text=True, check=False)

    def run(self, *argv: str, given: str | None = None) -> str:
        """Run to the end in here and return what it said; HostFailedError with its last words if it failed."""
        done = self.ask(*argv, given=given)
        if done.returncode:
            words = (done.stderr or done.stdout)[-2000:]
            raise HostFailedError(f"{self.name}: {' '.join(argv)[:200]}: {done.returncode}: {words}")
        return done.stdout

    def write(self, path: str, text: str, *, mode: str = "0644", owner: str = "root:root") -> None:
        """A file in here, with its folders."""
        user, group = owner.split(":")
        self.run("install", "-D", "-m", mode, "-o", user, "-g", group, "/dev/stdin", path, given=text)

    def write_bytes(self, path: str, data: bytes) -> None:
        """A file of bytes in here, with its folders."""
        argv = self.command("install", "-D", "-m", "0644", "/dev/stdin", path)
        subprocess.run(argv, input=data, capture_output=True, check=True)

    def until(self, true: Callable[[], bool], what: str, *, within_s: float) -> float:
        """Wait until it is true and return how long that took; HostFailedError says what was waited for."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > within_s:
                raise HostFailedError(f"{self.name}: not within {within_s:.0f} s: {what}\n{self.last_words()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def last_words(self) -> str:
        """The end of the console and of the machine's log, for a message."""
        return "\n".join(_tail(self.folder / name) for name in ("console", "machine.log"))

    def _leader(self) -> int | None:
        """The host's first process, as the world counts."""
        try:
            nspawn = int((self.folder / "nspawn.pid").read_text())
            children = _seen(self.world, f"/proc/{nspawn}/task/{nspawn}/children").split()
            return int(children[0])
        except (OSError, ValueError, IndexError):
            return None


def _seen(world: World, path: str) -> str:
    """A file as it reads inside the world's own /proc."""
    return Path(f"/proc/{world.keeper}/root{path}").read_text()


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:]) if path.is_file() else ""
