"""Releases installed for real, by the bootstrap and then by what it installed: pip, environments, links."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.release.pack import new_key
from tests.support.release_wheels import real_bundle


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and two bundles; the second fails its self-test."""
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "keys").mkdir()
    new_key(folder / "key").replace(folder / "keys" / "ours.pub")
    real_bundle(folder, folder / "key", "1.0", [["version"], ["check", "{config}"]])
    real_bundle(folder, folder / "key", "2.0", [["version"], ["fails"]])
    return folder


def _run(*words: str) -> tuple[int, Mapping[str, Any], str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_from_nothing_to_a_release_that_runs_and_on(bundles: Path, tmp_path: Path) -> None:
    """The bootstrap needs Python alone; what it installs goes on by itself, and refuses what fails its self-test."""
    root, keys = tmp_path / "opt", str(bundles / "keys")
    bootstrap = tmp_path / "bootstrap.py"
    with bootstrap.open("wb") as file:
        subprocess.run(["tar", "-xOf", bundles / "afferent-1.0.tar", "bootstrap.py"], stdout=file, check=True)
    words = [sys.executable, "-I", str(bootstrap), str(bundles / "afferent-1.0.tar")]
    more = ["--root", str(root), "--json"]
    code, report, errors = _run(*words, "stage", "--keys", keys, *more)
    assert (code, report.get("outcome"), report.get("releases")) == (0, "staged", ["1.0"]), errors
    program = root / "releases" / "1.0" / "venv" / "bin" / "afferent"
    assert program.read_text(encoding="utf-8").count(str(root / "releases" / "1.0")) >= 1
    assert ".new-" not in program.read_text(encoding="utf-8")
    assert subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout == "afferent 1.0\n"
    code, report, errors = _run(str(program), "edge", "release", "activate", "1.0", "--no-restart", *more)
    assert (code, report["current"], report["good"]) == (0, "1.0", "1.0"), errors
    own = str(root / "good" / "venv" / "bin" / "afferent")
    assert _run(own, "edge", "release", "commit", "--no-gate", *more)[1]["outcome"] == "committed"
    code, report, errors = _run(
        own, "edge", "release", "apply", str(bundles / "afferent-2.0.tar"), "--keys", keys, *more
    )
    assert (code, report["outcome"], report["current"]) == (1, "failed", "1.0")
    assert "it fails on purpose" in report["reason"]
    code, report, errors = _run(own, "edge", "release", "status", *more)
    assert (report["releases"], report["phase"]) == (["1.0"], "idle")
