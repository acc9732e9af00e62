"""A sample of the case table: whatever an update dies of, in whatever phase, the box runs and ends as it should."""

import json
import subprocess
import sys
from pathlib import Path

_PHASES = 13
_HAZARDS = 4


def test_every_phase_survives_every_death(tmp_path: Path) -> None:
    """update_cases_survived; the whole table is `python -m tests.update_cases`."""
    told = tmp_path / "told.json"
    words = [sys.executable, "-m", "tests.update_cases", "--points", "1", "--seed", "7", "--json", str(told)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=110)
    figures = json.loads(told.read_text(encoding="utf-8"))
    assert figures["lost"] == [], done.stdout
    assert figures["update_cases_survived"] == figures["update_cases"] == _PHASES * _HAZARDS
