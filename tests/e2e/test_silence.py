"""The appliance speaks to nobody that its config does not name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

BROKER, WEB = 18831, 18001
SETTINGS = """
device = "silent"
state_dir = "{state}"

[[cameras]]
source = "simulated"

[[sensors]]
source = "simulated"

[broker]
port = {broker}

[web]
port = {web}
"""


@pytest.mark.timeout(90)
def test_nothing_goes_out_but_to_the_broker_that_the_config_names(tmp_path: Path) -> None:
    """Models loaded and running, in a namespace where every packet is seen; also, no library writes into the home."""
    settings, home = tmp_path / "edge.toml", tmp_path / "home"
    home.mkdir()
    settings.write_text(SETTINGS.format(state=tmp_path / "state", broker=BROKER, web=WEB), encoding="utf-8")
    seal = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]
    done = subprocess.run(
        [*seal, sys.executable, "-m", "tests.support.sealed", str(settings), str(WEB), "20"],
        cwd=ROOT,
        env=os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    log = settings.with_suffix(".log").read_text(encoding="utf-8")
    assert done.stdout.splitlines() == [f"tcp 127.0.0.1:{BROKER}"], log
    assert "vision.front is ok" in log
    assert [path for path in home.rglob("*") if path.is_file()] == []
