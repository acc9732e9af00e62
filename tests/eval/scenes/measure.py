"""Every drawn scene, and what was found, missed and said in vain in each."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.eval.figures import Figure, Table
from tests.eval.scenes.behaviour import behaviour_scenes
from tests.eval.scenes.picture import picture_scenes
from tests.eval.scenes.play import play
from tests.eval.scenes.truth import Scene, Verdict, judge
from tests.eval.scenes.unusual import unusual_scenes


def all_scenes(seed: int = 1) -> tuple[Scene, ...]:
    """In the order in which they are played. Another seed is another place, with other noise and weather."""
    return tuple(replace(scene, seed=seed) for scene in (*behaviour_scenes(), *picture_scenes(), *unusual_scenes()))


def measure_scenes(
    scenes: Sequence[Scene], folder: Path, *, say: Callable[[str], None], complain: Callable[[str], None]
) -> tuple[Table, list[Figure]]:
    """The table, and `scenes_recall`, `scenes_false_events`, `scenes_delay_s` (median)."""
    verdicts: dict[str, Verdict] = {}
    for scene in scenes:
        try:
            verdicts[scene.name] = judge(scene, *play(scene, folder))
        except Exception as error:  # noqa: BLE001 (a scene that breaks the product must not hide the others)
            complain(f"scene: {scene.name}: {error!r}")
            continue
        say(f"scene: {scene.name}: {_summary(verdicts[scene.name])}")
    rows = [_row(name, verdict) for name, verdict in verdicts.items()]
    table = Table("Drawn scenes", ["scene", "found", "worst delay s", "false", "missed and false"], rows)
    return table, _figures(list(verdicts.values()))


def _summary(verdict: Verdict) -> str:
    wrong = "; ".join(
        (*(f"MISSED {words}" for words in verdict.missed), *(f"FALSE {words}" for words in verdict.false))
    )
    return f"{verdict.found} of {verdict.due} found{'; ' if wrong else ''}{wrong}"


def _row(name: str, verdict: Verdict) -> list[Any]:
    worst = max(verdict.delays_s, default=float("nan"))
    words = "; ".join((*(f"missed {one}" for one in verdict.missed), *verdict.false))
    return [name, f"{verdict.found} of {verdict.due}", round(worst, 2), len(verdict.false), words]


def _figures(verdicts: Sequence[Verdict]) -> list[Figure]:
    found, due = sum(one.found for one in verdicts), sum(one.due for one in verdicts)
    delays = [delay for one in verdicts for delay in one.delays_s]
    return [
        Figure("scenes_recall", found / due if due else float("nan"), "share", at_least=1.0),
        Figure("scenes_false_events", float(sum(len(one.false) for one in verdicts)), "events", at_most=0.0),
        Figure("scenes_delay_s", statistics.median(delays) if delays else float("nan"), "s"),
    ]
