"""The rules and the dashboard name only what our exporters serve, and each alert has a case that rings it."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT

_FOLDER = ROOT / "monitoring"
_RULES = sorted((_FOLDER / "rules").glob("*.yml"))
_CASES = sorted((_FOLDER / "tests").glob("*.yml"))
_DASHBOARD = _FOLDER / "dashboards" / "fleet.json"
_EXPORTERS = (
    "edge/web/metrics.py",
    "edge/web/kept_metrics.py",
    "edge/web/body_metrics.py",
    "edge/daemon/totals.py",
    "cloud/ingest/metrics.py",
)
_OF_THE_PROCESS = {"afferent_process_start_time_seconds"}
_MADE_OF = ("_total", "_bucket", "_info", "")


def served() -> set[str]:
    """Every name that an exporter's source has in words, as Prometheus would see it."""
    words = {word for path in _EXPORTERS for word in _words(ROOT / path)}
    bare = {word.removeprefix("afferent_").removesuffix("_total") for word in words}
    return {f"afferent_{word}{end}" for word in bare for end in _MADE_OF} | _OF_THE_PROCESS


def _words(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z0-9_]+", node.value):
            yield node.value


def named(expression: str) -> set[str]:
    """The metrics of ours in an expression."""
    return set(re.findall(r"\bafferent_[a-z0-9_]+", expression))


def rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    return [rule for path in _RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel that shows something."""
    found: list[dict[str, Any]] = json.loads(_DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_names_what_is_served_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert named(rule["expr"]) <= served()
    assert rule["labels"]["severity"] in {"page", "ticket", "note"}
    assert rule["annotations"].keys() == {"summary", "action"}


def test_every_alert_is_rung_by_a_case() -> None:
    rung = {name for path in _CASES for name in re.findall(r'alertname(?:="|: )(\w+)', path.read_text())}
    assert {rule["alert"] for rule in rules()} == rung


def test_the_dashboard_names_what_is_served_and_each_panel_has_its_place() -> None:
    assert named(_DASHBOARD.read_text()) <= served()
    places = [tuple(panel["gridPos"].values()) for panel in panels()]
    assert len(set(places)) == len(places)
    assert all(panel["targets"] for panel in panels())


def test_a_name_that_nobody_serves_is_seen() -> None:
    assert not named("rate(afferent_camera_frame_total[5m])") <= served()
    assert named("rate(afferent_camera_frames_total[5m])") <= served()


def test_promtool_finds_every_case_right() -> None:
    """Debian's `prometheus` brings promtool; scripts/system-packages.sh installs it."""
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: apt-get install prometheus"
    for words in (("check", "rules", *map(str, _RULES)), ("test", "rules", *map(str, _CASES))):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
