"""Namespaces of our own (mounts, processes, network) for everything that a network of hosts needs.

Nothing is mounted, bridged or left running in the machine itself: when the keeper ends, the kernel takes back the rest.
Only control groups and files outlive it, and `sweep` removes those, also after a run that was killed.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.fleet import cgroups, places

_UNSHARE = (
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)


@dataclass(frozen=True)
class World:
    """The namespaces of one network, by the keeper's process id as this machine sees it."""

    net: str
    keeper: int

    @property
    def folder(self) -> Path:
        """Where this network keeps its files."""
        return places.of_net(self.net)

    def inside(self, *argv: str) -> list[str]:
        """The command that runs `argv` in here: the controller's place, with the machine's files and our network."""
        return ["nsenter", "-t", str(self.keeper), "-m", "-n", "-p", "--", *argv]

    def run(self, *argv: str) -> str:
        """Run to the end in here and return what it said; RuntimeError with its last words if it failed."""
        done = subprocess.run(self.inside(*argv), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {done.returncode}: {(done.stderr or done.stdout)[-800:]}")
        return done.stdout

    def alive(self) -> bool:
        """Whether the keeper is still there, and still the one that was meant."""
        return _started(self.keeper) is not None and _noted(self.net) == self


def start(net: str, *, owned: bool) -> World:
    """New namespaces; what killed runs of any name left is removed first. RuntimeError if this one still runs."""
    with places.alone(places.cache() / "nets.lock"):
        if found(net) is not None:
            raise RuntimeError(f"the network {net!r} is up already")
        for left in places.nets():
            if found(left) is None:
                sweep(left)
        return _begin(net, owned=owned)


def _begin(net: str, *, owned: bool) -> World:
    places.of_net(net).mkdir(parents=True)
    argv = [*_UNSHARE, sys.executable, "-m", "tests.fleet.keeper", *(["--owned"] if owned else [])]
    kept = subprocess.Popen(
        argv,
        cwd=ROOT,
        stdin=subprocess.PIPE if owned else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if owned else subprocess.DEVNULL,  # what stays must not hold open what it was started in
        start_new_session=True,
    )
    assert kept.stdout is not None
    if kept.stdout.readline() != b"up\n":
        raise RuntimeError("no namespaces of our own here: is this root, and is systemd-container installed?")
    kept.stdout.close()
    world = World(net=net, keeper=_child_of(kept.pid))
    _note(world, owner=kept)
    return world


_owners: dict[str, subprocess.Popen[bytes]] = {}


def _note(world: World, owner: subprocess.Popen[bytes]) -> None:
    _owners[world.net] = owner
    said = {"keeper": world.keeper, "started": _started(world.keeper)}
    (world.folder / "world.json").write_text(json.dumps(said))


def found(net: str) -> World | None:
    """The running world of this name, if there is one."""
    world = _noted(net)
    return world if world is not None and _started(world.keeper) is not None else None


def _noted(net: str) -> World | None:
    try:
        said = json.loads((places.of_net(net) / "world.json").read_text())
    except (OSError, ValueError):
        return None
    return World(net=net, keeper=said["keeper"]) if _started(said["keeper"]) == said["started"] else None


def stop(world: World) -> None:
    """End everything in it, and remove what is left of it."""
    if world.alive():
        os.kill(world.keeper, signal.SIGKILL)
    owner = _owners.pop(world.net, None)
    if owner is not None:
        if owner.stdin:
            owner.stdin.close()
        owner.wait(timeout=30)
    _until_gone(world.keeper)
    sweep(world.net)


def sweep(net: str) -> None:
    """Remove the files and control groups of a network that does not run."""
    folder = places.of_net(net)
    for listed in folder.glob("hosts/*/cgroups"):
        cgroups.remove([Path(line) for line in listed.read_text().split()])
    shutil.rmtree(folder, ignore_errors=True)


def _until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while _started(pid) is not None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the keeper {pid} does not end")
        time.sleep(0.02)


def _started(pid: int) -> str | None:
    """When the process started, in ticks, so that a pid that was given again is told apart; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else fields[19]


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
