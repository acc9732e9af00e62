"""The first half of the graph of emotion: from a minute of signals to features in standard deviations of the person.

Each function computes what its namesake in `cloud.training.emotion_features` and `emotion_change` computes.
"""

from typing import Final, NamedTuple

import numpy as np

from cloud.training import emotion_change as plain_change
from cloud.training import emotion_features as plain
from cloud.training.graphs.builder import FLOAT, INT64, Graph

CHANNELS: Final = len(plain.CHANNELS)
GRID: Final = (plain.CELLS, CHANNELS)
STATES: Final = {
    "baseline": (CHANNELS, len(plain.BASELINE_COLUMNS)),
    "course": (CHANNELS, len(plain.COURSE_COLUMNS)),
    "change": (CHANNELS, len(plain_change.CHANGE_COLUMNS)),
    "rested": (1,),
}
Columns = tuple[str, ...]


class Body(NamedTuple):
    """Names of what the first half made of a segment."""

    features: str
    """`[1, features]`"""
    course: str
    """`[1]`: segments since the onset, of the channel that was seen longest."""
    quality: str
    change_score: str
    baseline_state: str
    states: dict[str, str]
    """What to carry on, by the name of the state."""


class _Fit(NamedTuple):
    """Level and slope of each channel by one weighting: names of `[1, channels]`."""

    level: str
    slope: str


def body(graph: Graph) -> Body:
    """Declare the inputs and compute what is known of the body at the end of the segment."""
    values, valid = graph.input("signals", GRID), graph.input("valid", GRID)
    onset, rest = graph.input("onset", [1]), graph.input("rest", [1])
    before = {name: graph.input(name, shape) for name, shape in STATES.items()}
    signal, mask = _prepared(graph, values, valid)
    covered = graph.greater(graph.op("MatMul", graph.constant(plain.slots()), mask), 0.5)
    present = str(graph.op("ReduceMax", covered, axes=[0], keepdims=1))
    fast, slow = _fits(graph, signal, mask)
    rested = graph.add(before["rested"], rest)
    known = _restarted(graph, _columns(graph, before["baseline"]), rested, rest)
    known = _updated(graph, known, fast.level, (present, onset, rest))
    since = graph.sub(fast.level, known[3])
    course = _course(graph, _columns(graph, before["course"]), since, (present, onset))
    score, changed = _changed(graph, _columns(graph, before["change"]), fast.level, present)
    features = graph.mul(_features(graph, (fast, slow), (known, since, course[1])), present)
    return Body(
        features=str(graph.op("Reshape", features, graph.constant([1, -1], "int64"))),
        course=_flat(graph, str(graph.op("ReduceMax", course[0], axes=[1], keepdims=1))),
        quality=_quality(graph, covered, known[0]),
        change_score=score,
        baseline_state=_baseline_state(graph, rested),
        states={
            "baseline": _rows(graph, known),
            "course": _rows(graph, course),
            "change": _rows(graph, changed),
            "rested": graph.min(rested, plain.MEMORY),
        },
    )


def _columns(graph: Graph, state: str) -> Columns:
    """Columns of a state as `[1, channels]`."""
    lying = str(graph.op("Transpose", state, perm=[1, 0]))
    return graph.split(lying, STATES[state][1], axis=0)


def _rows(graph: Graph, columns: Columns) -> str:
    return str(graph.op("Transpose", graph.concat(*columns, axis=0), perm=[1, 0]))


def _flat(graph: Graph, value: str) -> str:
    return str(graph.op("Reshape", value, graph.constant([-1], "int64")))


def _prepared(graph: Graph, values: str, valid: str) -> tuple[str, str]:
    """Centred values, some as a logarithm, 0 where invalid; and the mask of what is valid and plausible."""
    inside = graph.op(
        "And",
        graph.op("GreaterOrEqual", values, graph.constant([plain.LOWEST])),
        graph.op("LessOrEqual", values, graph.constant([plain.HIGHEST])),
    )
    held = graph.op("And", inside, graph.op("Greater", valid, 0.0))
    mask = graph.cast(held, FLOAT)
    whole = graph.op("Where", held, values, graph.constant(np.ones((1, CHANNELS))))
    scaled = graph.op("Where", graph.constant([plain.LOGARITHMIC], "bool"), graph.op("Log", whole), whole)
    return graph.mul(graph.sub(str(scaled), graph.constant([plain.CENTRE])), mask), mask


def _fits(graph: Graph, signal: str, mask: str) -> tuple[_Fit, _Fit]:
    """Weighted least squares of value on age, for each time constant."""
    kernels = graph.constant(plain.kernels())
    sums = graph.split(graph.op("MatMul", kernels, signal), 6, axis=0)
    counts = graph.split(graph.op("MatMul", kernels, mask), 6, axis=0)
    return _fit(graph, sums[:3], counts[:3]), _fit(graph, sums[3:], counts[3:])


def _fit(graph: Graph, sums: Columns, counts: Columns) -> _Fit:
    total = graph.max(counts[0], 1e-6)
    level, age = graph.div(sums[0], total), graph.div(counts[1], total)
    spread = graph.sub(graph.div(counts[2], total), graph.mul(age, age))
    together = graph.sub(graph.div(sums[1], total), graph.mul(age, level))
    return _Fit(level, graph.div(together, graph.add(spread, plain.SLOPE_DAMPING_S2)))


def _restarted(graph: Graph, baseline: Columns, rested: str, rest: str) -> Columns:
    """What is normal begins anew with the first segment of rest."""
    first = graph.mul(rest, graph.less(rested, 1.5))
    kept = graph.complement(first)
    return (*(graph.mul(column, kept) for column in baseline[:3]), *baseline[3:])


def _updated(graph: Graph, baseline: Columns, level: str, now: tuple[str, str, str]) -> Columns:
    """The baseline's columns after this segment; `now` says present, onset and rest."""
    segments, mean, squares, at_onset, known = baseline
    present, onset, rest = now
    counted = graph.mul(present, graph.add(graph.mul(rest, plain.REST_WEIGHT - 1.0), 1.0))
    grown = graph.add(segments, counted)
    step = graph.mul(graph.sub(level, mean), counted)
    moved = graph.add(mean, graph.div(step, graph.max(grown, 1.0)))
    squares = graph.add(squares, graph.mul(step, graph.sub(level, moved)))
    kept = graph.div(graph.min(grown, plain.MEMORY), graph.max(grown, 1.0))
    known = graph.mul(known, graph.complement(onset))
    start = graph.add(level, graph.mul(graph.sub(at_onset, level), known))
    faded = graph.add(start, graph.mul(graph.sub(level, start), plain.ONSET_FADE))
    at_onset = graph.add(at_onset, graph.mul(graph.sub(faded, at_onset), present))
    return graph.mul(grown, kept), moved, graph.mul(squares, kept), at_onset, graph.max(known, present)


def _course(graph: Graph, course: Columns, since: str, now: tuple[str, str]) -> Columns:
    """The course's columns after this segment; `now` says present and onset."""
    present, onset = now
    kept = graph.complement(onset)
    count, mean = (graph.mul(column, kept) for column in course)
    count = graph.min(graph.add(count, present), plain.COURSE)
    step = graph.div(graph.mul(graph.sub(since, mean), present), graph.max(count, 1.0))
    return count, graph.add(mean, step)


def _changed(graph: Graph, change: Columns, level: str, present: str) -> tuple[str, Columns]:
    """The score `[1]` and the columns of the change after this segment."""
    seen, before, squares, rises, falls = change
    known = graph.mul(present, graph.greater(seen, 0.5))
    move = graph.mul(graph.sub(level, before), known)
    prior = graph.constant([np.square(plain_change.PRIOR_MOVE) * plain_change.PRIOR_MOVES])
    moves = graph.add(graph.max(graph.sub(seen, 1.0), 0.0), plain_change.PRIOR_MOVES)
    spread = graph.sqrt(graph.div(graph.add(squares, prior), moves))
    scaled = graph.clip(graph.div(move, spread), -plain_change.MOVE_LIMIT, plain_change.MOVE_LIMIT)
    counted = graph.mul(known, graph.greater(seen, plain_change.FIRST_MOVES - 0.5))
    up = graph.mul(graph.sub(scaled, plain_change.ALLOWANCE), counted)
    down = graph.mul(graph.add(scaled, plain_change.ALLOWANCE), counted)
    rises, falls = graph.max(graph.add(rises, up), 0.0), graph.max(graph.sub(falls, down), 0.0)
    highest = graph.op("ReduceMax", graph.max(rises, falls), axes=[1], keepdims=1)
    score = graph.div(str(highest), plain_change.THRESHOLD)
    kept = graph.less(score, 1.0)
    grown = graph.add(seen, present)
    share = graph.div(graph.min(grown, plain_change.CHANGE_MEMORY), graph.max(grown, 1.0))
    after = (
        graph.mul(grown, share),
        graph.add(before, graph.mul(graph.sub(level, before), present)),
        graph.mul(graph.add(squares, graph.mul(move, move)), share),
        graph.mul(rises, kept),
        graph.mul(falls, kept),
    )
    return _flat(graph, score), after


def _features(graph: Graph, fits: tuple[_Fit, _Fit], known: tuple[Columns, str, str]) -> str:
    """`[kinds, channels]` in standard deviations of the person."""
    (fast, slow), (baseline, since, course) = fits, known
    prior = graph.constant([np.square(plain.PRIOR_SPREAD) * plain.PRIOR_TRUST])
    variance = graph.div(graph.add(baseline[2], prior), graph.add(baseline[0], plain.PRIOR_TRUST))
    rows = graph.concat(
        graph.sub(fast.level, baseline[1]),
        graph.sub(fast.level, slow.level),
        graph.mul(fast.slope, plain.FAST_S),
        graph.mul(slow.slope, plain.SLOW_S),
        since,
        course,
        axis=0,
    )
    return graph.clip(graph.div(rows, graph.sqrt(variance)), -plain.LIMIT, plain.LIMIT)


def _quality(graph: Graph, covered: str, segments: str) -> str:
    share = graph.op("ReduceMean", covered, axes=[0], keepdims=1)
    acquainted = graph.min(graph.div(segments, plain.ACQUAINTED), 1.0)
    counted = graph.mul(graph.mul(str(share), acquainted), graph.constant([plain.QUALITY_SHARE]))
    return graph.sum(_flat(graph, counted), [0])


def _baseline_state(graph: Graph, rested: str) -> str:
    begun, done = graph.greater(rested, 0.5), graph.greater(rested, plain.REST_SEGMENTS - 0.5)
    return graph.cast(graph.add(begun, done), INT64)
