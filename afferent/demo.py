"""`afferent demo`: an appliance and a local cloud on this machine, as two processes, on embedded defaults."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import click

from afferent.demo_guest import GUEST, welcome_guest

_WAIT_S: Final = 60.0
_STOP_S: Final = 10.0
_EDGE: Final = """\
# Written anew by `afferent demo`; copy it elsewhere to change it.
device = "demo"
state_dir = {state}

[[cameras]]
id = "front"
name = "Front"
source = "{camera}"

[[sensors]]
id = "body"
name = "Participant"
source = "simulated"
pulse = true
rate_hz = 50

[recording]
max_clip_s = 30

[affect.sessions]
consent_covers_video = true # so that Video may be chosen for a session

[broker]
host = "127.0.0.1"
port = {broker}
version = "3.1.1" # the embedded broker's

[objects]
type = "folder"
path = {objects}

[web]
port = {port}
"""
_CLOUD: Final = """\
# Written anew by `afferent demo`; copy it elsewhere to change it.
state_dir = {state}

[web]
host = "0.0.0.0"
port = {port}

[broker]
embedded = true
host = "127.0.0.1"
port = {broker}

[objects]
type = "folder"
path = {objects}
"""


@click.command(
    epilog="""\b
Examples:
  afferent demo                       the first camera of this machine, or a simulated scene
  afferent demo --camera simulated    the simulated scene in any case
  afferent demo --data-dir /srv/try   keep everything in a folder of your choice"""
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder for everything; kept from run to run.")
@click.option("--camera", type=click.Choice(["auto", "simulated"]), default="auto", show_default=True)
@click.option("--edge-port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--cloud-port", type=click.IntRange(1, 65535), default=8100, show_default=True)
def demo(data_dir: Path | None, camera: str, edge_port: int, cloud_port: int) -> None:
    """Start an appliance and a local cloud on this machine, and say where to look. Ctrl-C stops both.

    The cloud uses SQLite, a folder as object storage and an embedded MQTT broker: nothing else is needed.
    """
    folder = (data_dir or _default_folder()).absolute()
    (folder / "objects").mkdir(parents=True, exist_ok=True)
    ports = _free_ports({"appliance": edge_port, "cloud": cloud_port, "broker": 18830})
    edge_toml, cloud_toml = _write_settings(folder, camera, ports)
    password = _new_password(edge_toml, cloud_toml)
    signal.signal(signal.SIGTERM, _interrupt)
    with _process("cloud", cloud_toml, folder) as cloud, _process("edge", edge_toml, folder) as edge:
        try:
            _wait_for("cloud", ports[1], cloud, folder)
            _wait_for("appliance", ports[0], edge, folder)
            with contextlib.suppress(OSError):  # without a guest the demo is a demo still
                welcome_guest(f"http://127.0.0.1:{ports[0]}", password)
            _tell(ports, password, folder)
            _watch({"cloud": cloud, "edge": edge}, folder)
        except KeyboardInterrupt:
            click.echo("\nStopping …")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _default_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "afferent" / "demo"


def _free_ports(wanted: dict[str, int]) -> list[int]:
    """For each name the first port from the wanted one on that nobody has, a different one each; says which moved."""
    found: list[int] = []
    for name, first in wanted.items():
        port = next(
            (port for port in range(first, min(first + 50, 65536)) if port not in found and _is_free(port)), None
        )
        if port is None:
            raise click.ClickException(f"no free port for the {name} from {first} on: stop what uses them")
        if port != first:
            click.echo(f"Port {first} is in use; the {name} takes {port}.")
        found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _write_settings(folder: Path, camera: str, ports: list[int]) -> tuple[Path, Path]:
    edge_port, cloud_port, broker_port = ports
    objects = _toml(folder / "objects")
    edge, cloud = folder / "edge.toml", folder / "cloud.toml"
    edge.write_text(
        _EDGE.format(state=_toml(folder / "edge"), camera=camera, broker=broker_port, objects=objects, port=edge_port),
        encoding="utf-8",
    )
    cloud.write_text(
        _CLOUD.format(state=_toml(folder / "cloud"), broker=broker_port, objects=objects, port=cloud_port),
        encoding="utf-8",
    )
    return edge, cloud


def _toml(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _new_password(edge_toml: Path, cloud_toml: Path) -> str:
    """A password for this run, on both sides; it reaches the cloud by standard input, never by argv."""
    password = _run("edge", "password", "--reset", "--config", str(edge_toml))
    _run("cloud", "migrate", "--config", str(cloud_toml))
    _run("cloud", "user", "add", "admin", "--replace", "--config", str(cloud_toml), stdin=password)
    return password


def _run(*words: str, stdin: str | None = None) -> str:
    done = subprocess.run(  # noqa: S603 (our own interpreter and words)
        [sys.executable, "-m", "afferent", *words], input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise click.ClickException(f"afferent {' '.join(words[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


@contextlib.contextmanager
def _process(side: str, settings: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One side as a process of its own, its log in a file; ended by SIGTERM when the demo ends."""
    with (folder / f"{side}.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "afferent", side, "run", "--config", str(settings)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(name: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    click.echo(f"Starting the {name} …")
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        _check_alive(name, process, folder)
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
            return
        time.sleep(0.2)
    raise click.ClickException(f"the {name} did not answer within {_WAIT_S:.0f} s; see the logs in {folder}")


def _check_alive(name: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    if process.poll() is not None:
        log = folder / ("cloud.log" if name == "cloud" else "edge.log")
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else "(its log is gone)"
        last = text.strip().splitlines()[-5:]
        raise click.ClickException(
            f"the {name} ended with {process.returncode}; its last words ({log}):\n" + "\n".join(last)
        )


def _tell(ports: list[int], password: str, folder: Path) -> None:
    host = _lan_address()
    click.echo(
        f"""
  The appliance   http://localhost:{ports[0]}/   from other machines  http://{host}:{ports[0]}/
  The cloud       http://localhost:{ports[1]}/   from other machines  http://{host}:{ports[1]}/

  A session       http://localhost:{ports[0]}/viewer/sessions.html   with the made-up participant "{GUEST}"

  One-time password, for this run, on both (the cloud's user is admin):   {password}

  Data and logs are in {folder}. Ctrl-C stops.
"""
    )


def _lan_address() -> str:
    """This machine's own address on the way out; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _watch(processes: dict[str, subprocess.Popen[bytes]], folder: Path) -> NoReturn:
    while True:
        for name, process in processes.items():
            _check_alive(name, process, folder)
        time.sleep(0.5)
