"""`make bench`: measures each figure beside its baseline, in the same run, and asserts nothing about time.

`AFFERENT_DATA=dir` names the shared recordings, `JSON=path` also writes the figures, `ONLY=vision,outbox` picks some.
"""

import argparse
import asyncio
import importlib
import inspect
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.conftest import ROOT
from tests.support.only import wanted_parts

_BENCHES: Final = (
    "vision",
    "cameras",
    "affect",
    "signals",
    "push",
    "viewers",
    "outbox",
    "ingest",
    "recovery",
    "recording",
    "daemon",
)
_ROW: Final = "{:<28} {:>12} {:<10} {:>12} {:>8}  {}"
_REACH: Final = {
    "analysis_cpu_ratio_720p": "0.33 or less",
    "frame_ms_480p": "2.5 or less",
    "frame_ms_720p": "3.2 or less",
    "frame_crowd_ratio": "under 1.5",
    "cpu_per_camera_ratio": "about 1 or less",
    "analysed_beside_viewers": "as many as without",
    "affect_ms_per_signal_s": "1.0 or less",
    "affect_8_sensors_share": "under 5",
    "prediction_push_p99_ms": "150 or less",
    "prediction_end_to_page_p99_ms": "150 or less",
    "viewer_latency_p99_ms": "60 or less",
    "viewer_cost_us": "60 or less",
    "rss_mb": "under 200",
    "outbox_durable_per_s": "5000 or more",
    "outbox_commit_p50_ms": "10 or less",
    "drain_with_cloud_ack_per_s": "2000 or more",
    "recovery_first_record_p50_s": "5 or less",
    "recovery_first_record_p99_s": "30 or less",
    "record_h264_cpu_vs_ffmpeg": "1.2 or less",
    "record_copy_core_share": "0.02 or less",
    "upload_vs_raw": "0.8 or more of it",
    "first_picture_s": "under 180",
}


def main() -> int:
    """Run the benches and print the table; return 1 if one of them failed to run."""
    known = f"Names: {', '.join(_BENCHES)}."
    argparse.ArgumentParser(prog="tests.bench", description=__doc__, epilog=known).parse_args()
    try:
        chosen = wanted_parts(_BENCHES)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    figures: dict[str, Any] = {}
    failed = 0
    print(_ROW.format("name", "value", "unit", "baseline", "ratio", "to reach"))
    for name in chosen:
        try:
            found = _run(importlib.import_module(f"tests.bench.bench_{name}").measure)
        except Exception as error:  # noqa: BLE001 (one bench that cannot run must not hide the others)
            failed = 1
            print(f"{name}: failed: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        figures |= found
        for figure, entry in found.items():
            print(_line(figure, entry), flush=True)
    if os.environ.get("JSON"):
        Path(os.environ["JSON"]).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return failed


def _run(measure: Callable[..., Any]) -> dict[str, Any]:
    """Call a bench with what it asks for by name: `data_dir`, `tmp`."""
    with tempfile.TemporaryDirectory(prefix="afferent-bench-") as tmp:
        known = {
            "data_dir": Path(os.environ.get("AFFERENT_DATA", ROOT.parent / "shared" / "data")),
            "tmp": Path(tmp),
        }
        given = {name: known[name] for name in inspect.signature(measure).parameters}
        found = measure(**given)
        result: dict[str, Any] = asyncio.run(found) if inspect.iscoroutine(found) else found
        return result


def _line(name: str, entry: dict[str, Any]) -> str:
    baseline, ratio = entry.get("baseline"), entry.get("ratio")
    return _ROW.format(
        name,
        f"{entry['value']:.4g}",
        entry["unit"],
        "" if baseline is None else f"{baseline:.4g}",
        "" if ratio is None else f"{ratio:.3g}",
        _REACH.get(name, ""),
    )


if __name__ == "__main__":
    sys.exit(main())
