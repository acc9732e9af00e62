"""`make eval-affect`: the tables of how well emotion is told.

`AFFERENT_DATA=dir` names the recordings, of which everything under `dir/body` is used that is laid out as
`cloud.training.emotion_data` reads it, whoever the people are. `TRAIN_DATA=dir` has the models learn from that folder
and judge the other; without it they learn from the other people of the same one. `ONLY=body,labels` picks parts,
`JSON=path` also writes the figures, `SEED=2` draws other moments. Progress and problems go to stderr. The exit
code is 0 if at least one part could be evaluated and none broke; a part whose recordings are missing says so and is
left out.
"""

import importlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cloud.training.emotion_data import NoRecordingsError
from tests.conftest import ROOT
from tests.eval.figures import Figure, Table, figures_table
from tests.support.only import wanted_parts

PARTS: Final = ("body", "stress", "signals", "labels", "probing")
"""Modules of this package with `tables(data, ...) -> (tables, figures)`."""
TAUGHT: Final = ("body", "stress", "labels", "probing")
SEEDED: Final = ("labels", "probing")


@dataclass
class Run:
    """One evaluation."""

    data: Path
    train: Path | None
    seed: int
    figures: list[Figure] = field(default_factory=list)
    evaluated: int = 0
    broken: bool = False

    def say(self, words: str) -> None:
        """Progress."""
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")
        sys.stderr.flush()

    def complain(self, problem: object) -> None:
        """Something is broken; the rest goes on."""
        self.broken = True
        self.say(f"PROBLEM {problem}")

    def measure(self, part: str) -> None:
        """Print the tables of a part, or say why there are none."""
        self.say(part)
        try:
            tables, figures = _tables(part, self)
        except (NoRecordingsError, FileNotFoundError) as error:
            self.say(f"{part} is left out: {error}")
        except Exception as error:  # noqa: BLE001 (one part that cannot run must not hide the others)
            self.complain(f"{part}: {type(error).__name__}: {error}")
        else:
            self.evaluated += 1
            self.add(tables, figures)

    def add(self, tables: list[Table], figures: list[Figure]) -> None:
        """Print tables as they come."""
        self.figures += figures
        for table in tables:
            sys.stdout.write(f"\n{table.text()}\n")
        sys.stdout.flush()


def main() -> int:
    """Measure, print, and say by the exit code whether anything could be evaluated and nothing is broken."""
    train = os.environ.get("TRAIN_DATA")
    data = Path(os.environ.get("AFFERENT_DATA", ROOT.parent / "shared" / "data"))
    try:
        chosen = wanted_parts(PARTS)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    run = Run(data, Path(train) if train else None, int(os.environ.get("SEED", "1")))
    taught = f"models learn from {train}" if train else "models learn from the other people of the same recordings"
    run.say(f"{data / 'body'} is judged; {taught}")
    for part in chosen:
        run.measure(part)
    sys.stdout.write(f"\n{figures_table(run.figures).text()}\n")
    if os.environ.get("JSON"):
        found = {figure.name: figure.plain() for figure in run.figures}
        Path(os.environ["JSON"]).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if not run.evaluated:
        run.complain(f"nothing under {data / 'body'} could be evaluated")
    return int(run.broken)


def _tables(part: str, run: Run) -> Any:
    module = importlib.import_module(f"tests.eval.affect.{part}")
    options: dict[str, Any] = {"train": run.train} if part in TAUGHT else {}
    options |= {"seed": run.seed} if part in SEEDED else {}
    return module.tables(run.data, **options)


if __name__ == "__main__":
    sys.exit(main())
