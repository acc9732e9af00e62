"""How well a stressor is told from rest in people that the model does not know, beside the clock that knows no body.

Stress-Predict's tasks came in one order for all: the session's clock alone beats every signal. So the model has no
feature that knows the time, and these figures prove the signals, not a detector of stress.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.training import emotion_fit as fit
from cloud.training.emotion_data import StressRows, enough, read_stress, strangers
from cloud.training.emotion_metrics import stress_unseen
from cloud.training.emotion_score import area_by_person
from tests.eval.affect.calibration import macro_f1
from tests.eval.figures import Figure, Table

STRESS: Final = 0.69
Labels = NDArray[np.int64]


class _Odds(NamedTuple):
    body: NDArray[np.float64]
    clock: NDArray[np.float64]


def tables(data: Path, train: Path | None = None) -> tuple[list[Table], list[Figure]]:
    """Tables and `stress_f1` of Stress-Predict under `data`; raises `NoRecordingsError` if it cannot be read."""
    stress = read_stress(data)
    taught = strangers(read_stress(train), stress) if train else None
    enough(taught or stress)
    odds = _learned_elsewhere(stress, taught) if taught else _Odds(*stress_unseen(stress))
    told = {"body (conductance, pulse, warmth)": odds.body, "CONTROL: time in the session only": odds.clock}
    rows = [[name, *_row(stress, value)] for name, value in told.items()]
    truth = stress.stress
    for name, guess in (
        ("chance (drawn)", _drawn(truth)),
        ("majority", np.full_like(truth, np.bincount(truth).argmax())),
    ):
        rows.append([name, macro_f1(truth, guess), float((truth == guess).mean()), float("nan")])
    title = f"Stress-Predict, {len(np.unique(stress.person))} people, {len(truth)} segments, stressor or rest"
    return [
        Table(title, ["what is known", "macro-F1", "accuracy", "area under ROC, by person"], rows),
        _over_people(stress, odds.body),
    ], [
        Figure(
            "stress_f1",
            macro_f1(truth, _guess(odds.body)),
            "macro-F1",
            at_least=STRESS,
            baseline=macro_f1(truth, _guess(odds.clock)),
        )
    ]


def _learned_elsewhere(stress: StressRows, taught: StressRows) -> _Odds:
    weights = fit.fit_stress(taught)
    clock = fit.fit_clock(taught.session_s, taught.stress, taught.person)
    return _Odds(stress.x @ weights[:-1] + weights[-1], clock(stress.session_s))


def _guess(odds: NDArray[np.float64]) -> Labels:
    return (odds > 0).astype(np.int64)


def _row(stress: StressRows, odds: NDArray[np.float64]) -> list[float]:
    told = _guess(odds)
    accuracy = float((told == stress.stress).mean())
    return [macro_f1(stress.stress, told), accuracy, area_by_person(odds, stress.stress, stress.person)]


def _over_people(stress: StressRows, odds: NDArray[np.float64]) -> Table:
    each = []
    for one in np.unique(stress.person):
        held = stress.person == one
        each.append(macro_f1(stress.stress[held], _guess(odds[held])))
    named = (("worst", 0), ("quarter", 0.25), ("median", 0.5), ("three quarters", 0.75), ("best", 1))
    return Table(
        "Spread over people", ["person", "macro-F1"], [[name, float(np.quantile(each, at))] for name, at in named]
    )


def _drawn(truth: Labels) -> Labels:
    return np.random.default_rng(0).integers(0, 2, len(truth))
