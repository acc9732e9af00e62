"""When to ask: the appliance's `AskClock` on recorded viewings, beside a uniform clock, chance and the body's changes.

A question at the end of a segment (5 s) is answered with that segment's own class, which then holds until the next
answer. Each viewing is asked at its beginning and `COUNT` times more; *4 in all* counts the first one too. A *uniform*
clock asks at i / (COUNT + 1) of the film, or at the middles of COUNT equal parts. Scored is every segment, labelled
ones too, for what is judged is the whole timeline that comes of it; the column beside counts unlabelled ones only. All
of that is causal; *both ways* is what an annotator gets afterwards, when a segment may take the nearest answer. How
much closer together questions are at the beginning is chosen on other people's other films.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from cloud.training.emotion_features import SEGMENT_S
from cloud.training.voices_fit import body_voice
from edge.affect.asking.clock import AskClock
from edge.affect.asking.disagreement import disagreement
from edge.affect.asking.settings import AskSettings
from tests.eval.affect.calibration import macro_f1
from tests.eval.affect.viewings import Stage, stage
from tests.eval.figures import Figure, Table

COUNT: Final = 4
UNIFORM: Final = 0.80
FRONTS: Final = (1.0, 1.2, 1.4, 1.6, 2.0)
COUNTS: Final = range(3, 9)
"""Questions in all; how they are spread best is chosen over these, for one count alone is noise."""
DRAWS: Final = 10
_SEGMENT_MS: Final = int(SEGMENT_S * 1000)
_EYE: Final = np.eye(4)
Labels = NDArray[np.int64]
Moments = list[list[int]]
"""For each viewing the indices of the segments at whose end something is asked."""


class Seen(NamedTuple):
    """What a clock is offered of every segment."""

    change: NDArray[np.float64]
    body: NDArray[np.float64]


def tables(data: Path, train: Path | None = None, *, seed: int = 1) -> tuple[list[Table], list[Figure]]:
    """Tables and `probing_f1_k4` under `data`; raises `NoRecordingsError` if it or `train`'s cannot be read."""
    told = stage(data, train)
    seen = Seen(told.case.change, _body(told))
    default = AskSettings().front
    fifths = by_clock(told, seen, _settings(1.0))
    ours = by_clock(told, seen, _settings(default))
    learned = chosen(told, seen, COUNT + 1)
    ways: dict[str, Moments] = {
        "OURS, AskClock as it comes": ours,
        "OURS, chosen on other people's other films": learned,
        "uniform clock": fifths,
        "uniform clock, middles of equal parts": _each(told, lambda rows: [0, *_middles(len(rows), COUNT)]),
        "OURS, 4 in all": by_clock(told, seen, _settings(default, COUNT)),
        "uniform clock, 4 in all": by_clock(told, seen, _settings(1.0, COUNT)),
        "at the body's changes": by_clock(told, seen, _extra(1.0, change_above=1.0)),
        "OURS, and early at a change": by_clock(told, seen, _extra(default, change_above=1.0)),
        "OURS, and early at disagreement": by_clock(told, seen, _extra(default, disagreement_above=0.8)),
        "OURS, and early when unsure": by_clock(told, seen, _extra(default, unsure_below=0.3)),
    }
    rows: list[list[Any]] = [[name, *_row(told, moments)] for name, moments in ways.items()]
    rows.insert(4, ["at random (mean of draws)", *_at_random(told, seed)])
    title = f"Asking {COUNT} times beside the beginning, {len(ways['uniform clock'])} viewings"
    columns = ["asked", "questions", "macro-F1", "macro-F1 unlabelled", "accuracy", "macro-F1 both ways"]
    found, uniform = score(told, learned), score(told, fifths)
    return [Table(title, columns, rows), _over_people(told, ours, fifths)], [
        Figure("probing_f1_k4", found, "macro-F1", at_least=max(UNIFORM, uniform), baseline=uniform),
        Figure("probing_f1_k4_as_it_comes", score(told, ours), "macro-F1", at_least=uniform, baseline=uniform),
    ]


def by_clock(told: Stage, seen: Seen, settings: AskSettings) -> Moments:
    """What `AskClock` asks in each viewing, answered at once."""
    return [_asked(rows, told, seen, settings) for rows in _judged(told)]


def chosen(told: Stage, seen: Seen, count: int) -> Moments:
    """The same with the `front` that holds best, by mean macro-F1 over `COUNTS`, in the training rows of each fold."""
    truth, rows = told.views.truth, told.views.rows
    every = {(front, of): _whole(told, seen, _settings(front, of)) for front in FRONTS for of in COUNTS}
    held = {key: _held(rows, moments, len(truth), truth) for key, moments in every.items()}
    best: dict[int, float] = {}
    for train, test in told.strict:
        right = {one: [macro_f1(truth[train], held[one, of][train]) for of in COUNTS] for one in FRONTS}
        front = max(FRONTS, key=lambda one: float(np.mean(right[one])))
        best |= {int(row): front for row in test}
    numbers = [number for number, one in enumerate(rows) if told.judged[one[0]]]
    return [every[best[int(rows[number][0])], count][number] for number in numbers]


def score(told: Stage, moments: Moments) -> float:
    """Macro-F1 of holding the newest answer, over every judged segment."""
    return _row(told, moments)[1]


def _asked(rows: Labels, told: Stage, seen: Seen, settings: AskSettings) -> list[int]:
    length = int(told.views.place[rows[-1]] + 1) * _SEGMENT_MS
    clock = AskClock(settings, duration_ms=length)
    asked: list[int] = []
    for index, row in enumerate(rows):
        held = _EYE[told.views.truth[rows[asked[-1]]]] if asked else _EYE[0]
        reason = clock.offer(
            index,
            int(told.views.place[row] + 1) * _SEGMENT_MS,
            change_score=float(seen.change[row]),
            confidence=float(seen.body[row].max()),
            disagreement=disagreement([seen.body[row].tolist(), held.tolist()]),
        )
        asked += [index] if reason else []
    return asked


def _settings(front: float, count: int = COUNT + 1) -> AskSettings:
    return AskSettings(per_stimulus=count, front=front, least_gap_ms=5_000, per_hour=240)


def _extra(front: float, **early: float) -> AskSettings:
    """Half a gap early at most, for one reason alone."""
    off = {"change_above": 100.0, "disagreement_above": 1.0, "unsure_below": 0.0, "early_share": 0.5} | early
    return replace(_settings(front), **off)


def _judged(told: Stage) -> list[Labels]:
    return [rows for rows in told.views.rows if told.judged[rows[0]]]


def _each(told: Stage, moments: Callable[[Labels], list[int]]) -> Moments:
    return [sorted(set(moments(rows))) for rows in _judged(told)]


def _whole(told: Stage, seen: Seen, settings: AskSettings) -> Moments:
    return [_asked(rows, told, seen, settings) for rows in told.views.rows]


def _middles(length: int, count: int) -> list[int]:
    return [int((index + 0.5) / count * length) for index in range(count)]


def _at_random(told: Stage, seed: int) -> list[float]:
    random = np.random.default_rng(seed)
    drawn = [_each(told, lambda rows: [0, *random.integers(0, len(rows), COUNT)]) for _ in range(DRAWS)]
    means: list[float] = np.mean([_row(told, moments) for moments in drawn], axis=0).tolist()
    return means


def _row(told: Stage, moments: Moments) -> list[float]:
    views, viewings = told.views, _judged(told)
    at = np.concatenate(viewings)
    truth, count = views.truth, len(views.truth)
    held = _held(viewings, moments, count, truth)
    labelled = np.zeros(count, bool)
    for rows, asked in zip(viewings, moments, strict=True):
        labelled[rows[asked]] = True
    after = _held(viewings, moments, count, truth, nearest=True)
    left = at[~labelled[at]]
    questions = float(np.mean([len(asked) for asked in moments]))
    return [
        questions,
        macro_f1(truth[at], held[at]),
        macro_f1(truth[left], held[left]),
        float((truth[at] == held[at]).mean()),
        macro_f1(truth[at], after[at]),
    ]


def _held(viewings: list[Labels], moments: Moments, count: int, truth: Labels, *, nearest: bool = False) -> Labels:
    """The newest answer at each segment, or the nearest; -1 before the first."""
    held = np.full(count, -1, np.int64)
    for rows, asked in zip(viewings, moments, strict=True):
        marks = np.asarray(asked)
        for index, row in enumerate(rows):
            if nearest:
                held[row] = truth[rows[marks[np.abs(marks - index).argmin()]]]
            elif (marks <= index).any():
                held[row] = truth[rows[marks[marks <= index][-1]]]
    return held


def _body(told: Stage) -> NDArray[np.float64]:
    body = np.full((len(told.views.truth), 4), 0.25)
    for train, test in told.strict:
        body[test] = body_voice(told.case, train, test)[test]
    return body


def _over_people(told: Stage, ours: Moments, uniform: Moments) -> Table:
    viewings = _judged(told)
    people = np.array([told.views.person[rows[0]] for rows in viewings])
    truth, some = told.views.truth, np.unique(people)
    each = []
    for moments in (ours, uniform):
        held = _held(viewings, moments, len(truth), truth)
        mine = [
            np.concatenate([rows for rows, who in zip(viewings, people, strict=True) if who == one]) for one in some
        ]
        each.append([macro_f1(truth[rows], held[rows]) for rows in mine])
    better = float((np.array(each[0]) > np.array(each[1])).mean())
    named = (("worst", 0.0), ("quarter", 0.25), ("median", 0.5), ("three quarters", 0.75), ("best", 1.0))
    rows = [[name, *(float(np.quantile(one, share)) for one in each)] for name, share in named]
    title = f"Asking, spread over people (ours better for {better:.0%})"
    return Table(title, ["person", "OURS, as it comes", "uniform clock"], rows)
