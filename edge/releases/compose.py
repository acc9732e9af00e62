"""Puts the updater together from what the command line says: the one place that names the real world."""

import fcntl
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.release import Kind, Release
from edge.core.clock import host_boot
from edge.core.standing import Standing, StandingError, began_with_this_boot, find_standing, read_standing
from edge.releases.download import Download
from edge.releases.errors import NotNowError, ReleaseError
from edge.releases.gate import STEADY_S, Question, Verdict, Watch, reasons_against_restart, wait_for
from edge.releases.install import host_python, install_wheels, self_test
from edge.releases.keys import load_keys
from edge.releases.layout import Layout
from edge.releases.places import KEYS, ROOT, STATE
from edge.releases.ports import UNITS, Host, HostTime, Ports, Systemd, Tell, free_bytes
from edge.releases.server_gate import ServerGate
from edge.releases.staging import Stager
from edge.releases.updater import Updater

_CONFIGS: Final[dict[Kind, Path]] = {"edge": Path("/etc/afferent/edge.toml"), "cloud": Path("/etc/afferent/cloud.toml")}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was said on the command line, or its defaults."""

    tell: Tell
    root: Path = ROOT
    keys: Path = KEYS
    state: Path = STATE
    standing: Path | None = None
    config: Path | None = None
    units: Sequence[str] = ()
    wait_s: float = 120.0
    steady_s: float = STEADY_S
    gate_url: str = ""


def watch_of(choice: Choice) -> Watch:
    """How the standing of the appliance on this machine is seen."""
    time, boot = HostTime(), host_boot()

    def place() -> Path:
        return choice.standing or find_standing(choice.state)

    def fresh(standing: Standing) -> bool:
        of_boot = standing.host_boot if began_with_this_boot(place()) else boot
        return standing.fresh(round(time.mono_s() * 1e9), of_boot)

    return Watch(
        read=lambda: read_standing(place()),
        fresh=fresh,
        mono_s=time.mono_s,
        sleep=time.sleep,
        tell=choice.tell,
    )


def ports_of(choice: Choice) -> Ports:
    """The real world."""
    watch, time, tell = watch_of(choice), HostTime(), choice.tell
    download = Download(sleep=time.sleep, free=free_bytes, tell=tell, mono_s=time.mono_s)
    return Ports(
        host=Host(machine=platform.machine(), python=host_python(), boot=host_boot(), free=free_bytes),
        time=time,
        bring=download.bring,
        install=lambda unpacked, target, final: install_wheels(unpacked, target, final, tell),
        self_test=lambda folder, release: self_test(folder, release, _config(choice, release), tell),
        restart=Systemd(units=choice.units).restart,
        gate=lambda kind, question: _judge(choice, watch, kind, question),
        busy=lambda: reasons_against_restart(watch),
        standing=lambda: _standing(watch),
        tell=tell,
    )


@contextmanager
def updater_of(choice: Choice) -> Iterator[Updater]:
    """The updater of `choice.root`, alone at it.

    Raise `NotNowError` if another is at work, `ReleaseError` if this is not root.
    """
    os.umask(0o022)  # what is installed is for everybody to read, whoever installs it
    layout, ports = Layout(choice.root), ports_of(choice)
    layout.prepare()
    try:
        lock = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ReleaseError(f"{layout.lock}: {error.strerror}; run this as root") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NotNowError(f"another updater is at work below {choice.root}: wait until it is done") from error
        yield Updater(layout, ports, Stager(layout=layout, ports=ports, keys=lambda: load_keys(choice.keys)))
    finally:
        os.close(lock)


def _config(choice: Choice, release: Release) -> Path | None:
    path = choice.config or _CONFIGS[release.kind]
    return path if choice.config or path.exists() else None


def _judge(choice: Choice, watch: Watch, kind: Kind, question: Question) -> Verdict:
    if kind == "edge":
        return wait_for(question, watch, choice.wait_s, choice.steady_s)
    units = choice.units or (() if choice.gate_url else UNITS[kind])
    gate = ServerGate(units=units, url=choice.gate_url, time=HostTime(), steady_s=choice.steady_s)
    return gate.wait(choice.wait_s)


def _standing(watch: Watch) -> Standing | None:
    try:
        standing = watch.read()
    except StandingError:
        return None
    return standing if watch.fresh(standing) else None
