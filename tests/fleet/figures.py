"""The figures of one run: printed beside what they must reach, and written to JSON=path."""

import json
import os
from pathlib import Path
from typing import Final

REACH: Final = {
    "exposure_score": "1.7 or less",
    "boot_to_first_frame_s": "10 or less",
    "stop_s": "5 or less",
    "deploy_two_hosts_s": "180 or less",
    "rollback_s": "30 or less",
    "idle_core_share": "under 0.10",
    "idle_rss_mb": "200 or less",
}
_found: Final[dict[str, float]] = {}


def note(name: str, value: float) -> float:
    """Keep a figure for the table; returns it."""
    _found[name] = round(value, 3)
    return value


def table() -> list[str]:
    """A line for each figure that was measured, with what it must reach; empty if none was."""
    return [f"{name:<28} {value:>10g}  {REACH.get(name, '')}" for name, value in _found.items()]


def write() -> None:
    """Write them where JSON= says, if it says anything."""
    path = os.environ.get("JSON")
    if path and _found:
        Path(path).write_text(json.dumps(_found, indent=1) + "\n", encoding="utf-8")
