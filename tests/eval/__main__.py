"""`make eval-vision`: the tables of how well vision sees.

`AFFERENT_DATA=dir` names the recordings: every sequence under `dir/vision` is used that has the layout described in
`motion_sequences.py` and `anomaly_sets.py`, whatever its name. `ONLY=motion,anomaly,alarms,scenes` picks parts,
`JSON=path` also writes the figures, `SEED=2` draws the scenes elsewhere. Progress and problems go to stderr. The exit
code is 0 unless something is broken: data that is missing or malformed, or a part that could not run; a figure that is
not reached breaks nothing.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2

from tests.conftest import ROOT
from tests.eval.anomaly import measure_anomaly, measure_false_alarms
from tests.eval.anomaly_sets import AnomalySet, find_anomaly
from tests.eval.figures import Figure, Table, figures_table
from tests.eval.motion import measure_motion
from tests.eval.motion_sequences import MotionSequence, find_motion
from tests.eval.problems import DataProblemError
from tests.eval.scenes.measure import all_scenes, measure_scenes
from tests.support.only import wanted_parts

_RECORDED: Final = ("motion", "anomaly", "alarms")
_PARTS: Final = (*_RECORDED, "scenes")


@dataclass
class Run:
    """One evaluation: the recordings it found, what it measured so far, and whether anything is broken."""

    folder: Path
    sequences: list[MotionSequence] = field(default_factory=list)
    sets: list[AnomalySet] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    broken: bool = False

    def say(self, words: str) -> None:
        """Progress."""
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")
        sys.stderr.flush()

    def complain(self, problem: object) -> None:
        """Something is broken; the rest goes on."""
        self.broken = True
        self.say(f"PROBLEM {problem}")

    def find(self, data: Path) -> None:
        """Look for recordings; a part without any is a problem."""
        self.sequences, wrong = find_motion(data / "vision" / "motion")
        self.sets, more = find_anomaly(data / "vision" / "anomaly")
        for problem in wrong + more:
            self.complain(problem)

    def add(self, tables: list[Table], figures: list[Figure]) -> None:
        """Print tables as they come."""
        self.figures += figures
        for table in tables:
            sys.stdout.write(f"\n{table.text()}\n")
        sys.stdout.flush()


def main() -> int:
    """Measure, print, and say by the exit code whether anything is broken."""
    cv2.setNumThreads(1)
    data = Path(os.environ.get("AFFERENT_DATA", ROOT.parent / "shared" / "data"))
    try:
        chosen = wanted_parts(_PARTS)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="afferent-eval-") as folder:
        run = Run(Path(folder))
        if any(part in _RECORDED for part in chosen):
            run.find(data)
        for part in chosen:
            _measure(run, part)
    sys.stdout.write(f"\n{figures_table(run.figures).text()}\n")
    if os.environ.get("JSON"):
        found = {figure.name: figure.plain() for figure in run.figures}
        Path(os.environ["JSON"]).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(run.broken)


def _measure(run: Run, part: str) -> None:
    parts: dict[str, Callable[[Run], None]] = {
        "motion": _motion,
        "anomaly": _anomaly,
        "alarms": _alarms,
        "scenes": _scenes,
    }
    try:
        parts[part](run)
    except Exception as error:  # noqa: BLE001 (one part that cannot run must not hide the others)
        run.complain(f"{part}: {type(error).__name__}: {error}")


def _motion(run: Run) -> None:
    if not run.sequences:
        raise DataProblemError("there is no motion sequence to measure")
    table, figures = measure_motion(run.sequences, say=run.say, complain=run.complain)
    run.add([table], figures)


def _anomaly(run: Run) -> None:
    if not run.sets:
        raise DataProblemError("there is no anomaly set to measure")
    run.add(*measure_anomaly(run.sets, run.folder, say=run.say, complain=run.complain))


def _alarms(run: Run) -> None:
    table, figures = measure_false_alarms(run.sets, run.sequences, run.folder, say=run.say)
    run.add([table], figures)


def _scenes(run: Run) -> None:
    seed = int(os.environ.get("SEED", "1"))
    table, figures = measure_scenes(all_scenes(seed), run.folder, say=run.say, complain=run.complain)
    run.add([table], figures)


if __name__ == "__main__":
    sys.exit(main())
