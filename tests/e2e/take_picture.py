"""Takes the README's picture of the page from the whole appliance: `python -m tests.e2e.take_picture`.

The footage is the clip of the recordings of the tests (`AFFERENT_DATA`) that may be shown in public. It takes as long
as the appliance needs to learn what is usual; FFmpeg makes the file small.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import httpx
import msgspec

from contract.plan import Line, Plan, RestrictedRule, Zone
from tests.conftest import ROOT
from tests.support.browser import chromium, visiting
from tests.support.ports import free_port
from tests.support.processes import running

_PICTURE: Final = ROOT / "docs" / "images" / "viewer.png"
_CLIP: Final = "vision/clips/one-by-one-person-detection.mp4"
_SIZE: Final = (1500, 1455)
_WAIT_MS: Final = 300_000
_WATCHED_MS: Final = 60_000
"""How long it is watched once the usual is learned, so that there is something to compare."""
_IN_ALARM: Final = "body:has(#banner[data-severity='HIGH']):has(#activity[data-state='ALERT'])"
_PLAN: Final = Plan(
    zones=(
        Zone(
            id="table",
            name="Table",
            points=((0.44, 0.24), (0.72, 0.24), (0.72, 0.97), (0.44, 0.97)),
            rules=(RestrictedRule(severity="HIGH"),),
        ),
    ),
    lines=(Line(id="door", name="Door", a=(0.86, 0.55), b=(0.86, 0.98)),),
)
_EDGE: Final = """
device = "gate-1"
state_dir = "{folder}/edge"

[[cameras]]
id = "hall"
name = "Hall"
source = "file"
path = "{clip}"

[[sensors]]
id = "wrist"
name = "Wrist"
source = "simulated"
pulse = true
rate_hz = 50
gap_every_s = 0

[broker]
host = "127.0.0.1"
port = {broker}
version = "3.1.1"

[objects]
type = "folder"
path = "{folder}/objects"

[web]
port = {port}
"""
_CLOUD: Final = """
state_dir = "{folder}/cloud"

[web]
port = {port}

[broker]
embedded = true
host = "127.0.0.1"
port = {broker}

[objects]
type = "folder"
path = "{folder}/objects"
"""


def take(folder: Path, clip: Path) -> None:
    """Run both sides on settings and state in `folder`, and keep a picture of an alarm once the usual is learned."""
    (folder / "objects").mkdir()
    broker, ports = free_port(), {"edge": free_port(), "cloud": free_port()}
    for name, text in (("edge", _EDGE), ("cloud", _CLOUD)):
        filled = text.format(folder=folder, clip=clip, broker=broker, port=ports[name])
        (folder / f"{name}.toml").write_text(filled, encoding="utf-8")
    with (
        running("cloud", folder / "cloud.toml", ports["cloud"]),
        running("edge", folder / "edge.toml", ports["edge"]) as edge,
    ):
        password = (folder / "edge" / "first-password").read_text(encoding="ascii").strip()
        _draw_plan(edge.url, password)
        _look(edge.url, password, folder / "large.png")
    _shrink(folder / "large.png", _PICTURE)


def _draw_plan(url: str, password: str) -> None:
    with httpx.Client(base_url=url) as client:
        token = client.post("/v1/session", json={"password": password}).raise_for_status().json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        drawn = msgspec.to_builtins(_PLAN)
        client.put("/v1/cameras/hall/plan", json=drawn, headers=headers).raise_for_status()


def _look(url: str, password: str, path: Path) -> None:
    with chromium() as browser, visiting(browser, url, size=_SIZE) as visit:
        visit.sign_in(password)
        page = visit.open()
        page.wait_for_function(
            "() => document.getElementById('learning').textContent.startsWith('Has learned')", timeout=_WAIT_MS
        )
        page.wait_for_function("() => document.querySelectorAll('.segment').length > 20", timeout=_WAIT_MS)
        page.wait_for_timeout(_WATCHED_MS)
        page.wait_for_selector(_IN_ALARM, timeout=_WAIT_MS)
        page.wait_for_timeout(500)
        page.screenshot(path=path)


def _shrink(large: Path, small: Path) -> None:
    colours = "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(large), "-vf", colours, str(small)], check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        take(Path(made), Path(os.environ.get("AFFERENT_DATA", ROOT.parent / "shared" / "data")) / _CLIP)
