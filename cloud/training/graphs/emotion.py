"""Emotion: the quadrant of valence and arousal of a 5 s segment, from a minute of skin conductance, pulse and warmth.

The graph computes the features of `cloud.training.emotion_features` (the reference that a test holds it to) and a
softmax over them. All that it needs to know of the person, it carries in `baseline`: begin with zeros, and hand each
run's `baseline_next` to the next. The numbers come from `recipes/emotion.json`, which `learn_emotion` writes.
"""

from typing import Final, NamedTuple

import numpy as np

from cloud.training import emotion_features as plain
from cloud.training.bundle import Bundle, Card, TensorNote, bundle
from cloud.training.emotion_recipe import Recipe, read_recipe
from cloud.training.graphs.builder import FLOAT, Graph
from contract.emotions import LABEL_SET
from contract.manifest import Provenance

_CHANNELS: Final = len(plain.CHANNELS)
_COLUMNS: Final = len(plain.BASELINE_COLUMNS)
_GRID: Final = (plain.CELLS, _CHANNELS)
VERSION: Final = "1.0.0"


class _Fit(NamedTuple):
    """Level and slope of each channel by one weighting: names of `[1, channels]`."""

    level: str
    slope: str


def build() -> Bundle:
    """The model of the task `emotion`."""
    recipe = read_recipe()
    graph = Graph("emotion")
    values, valid = graph.input("signals", _GRID), graph.input("valid", _GRID)
    onset = graph.input("onset", [1])
    baseline = graph.op("Transpose", graph.input("baseline", (_CHANNELS, _COLUMNS)), perm=[1, 0])
    signal, mask = _prepared(graph, values, valid)
    covered = graph.greater(graph.op("MatMul", graph.constant(plain.slots()), mask), 0.5)
    present = str(graph.op("ReduceMax", covered, axes=[0], keepdims=1))
    fast, slow = _fits(graph, signal, mask)
    known = _updated(graph, graph.split(baseline, _COLUMNS, axis=0), fast.level, present, onset)
    features = graph.mul(_features(graph, fast, slow, known), present)
    shares = _probabilities(graph, features, recipe)

    graph.output("probabilities", shares, [len(recipe.classes)])
    graph.output("valence", _contrast(graph, shares, recipe.classes, letter=0), [1])
    graph.output("arousal", _contrast(graph, shares, recipe.classes, letter=1), [1])
    graph.output("quality", _quality(graph, covered, known[0]), [1])
    after = graph.op("Transpose", graph.concat(*known, axis=0), perm=[1, 0])
    graph.output("baseline_next", after, (_CHANNELS, _COLUMNS))
    return bundle(graph.model(), _card(recipe))


def _prepared(graph: Graph, values: str, valid: str) -> tuple[str, str]:
    """Centred values, conductance as a logarithm, 0 where invalid; and the mask of what is valid and plausible."""
    inside = graph.op(
        "And",
        graph.op("GreaterOrEqual", values, graph.constant([plain.LOWEST])),
        graph.op("LessOrEqual", values, graph.constant([plain.HIGHEST])),
    )
    held = graph.op("And", inside, graph.op("Greater", valid, 0.0))
    mask = graph.cast(held, FLOAT)
    whole = graph.op("Where", held, values, graph.constant(np.ones((1, _CHANNELS))))
    conductance, rest = graph.op("Split", whole, graph.constant([1, _CHANNELS - 1], "int64"), outputs=2, axis=1)
    scaled = graph.concat(str(graph.op("Log", conductance)), rest)
    return graph.mul(graph.sub(scaled, graph.constant([plain.CENTRE])), mask), mask


def _fits(graph: Graph, signal: str, mask: str) -> tuple[_Fit, _Fit]:
    """Weighted least squares of value on age, for each time constant."""
    kernels = graph.constant(plain.kernels())
    sums = graph.split(graph.op("MatMul", kernels, signal), 6, axis=0)
    counts = graph.split(graph.op("MatMul", kernels, mask), 6, axis=0)
    return _fit(graph, sums[:3], counts[:3]), _fit(graph, sums[3:], counts[3:])


def _fit(graph: Graph, sums: tuple[str, ...], counts: tuple[str, ...]) -> _Fit:
    total = graph.max(counts[0], 1e-6)
    level, age = graph.div(sums[0], total), graph.div(counts[1], total)
    spread = graph.sub(graph.div(counts[2], total), graph.mul(age, age))
    together = graph.sub(graph.div(sums[1], total), graph.mul(age, level))
    return _Fit(level, graph.div(together, graph.add(spread, plain.SLOPE_DAMPING_S2)))


def _updated(graph: Graph, baseline: tuple[str, ...], level: str, present: str, onset: str) -> tuple[str, ...]:
    """The baseline's columns after this segment."""
    segments, mean, squares, at_onset, known = baseline
    grown = graph.add(segments, present)
    step = graph.mul(graph.sub(level, mean), present)
    moved = graph.add(mean, graph.div(step, graph.max(grown, 1.0)))
    squares = graph.add(squares, graph.mul(step, graph.sub(level, moved)))
    kept = graph.div(graph.min(grown, plain.MEMORY), graph.max(grown, 1.0))
    known = graph.mul(known, graph.complement(onset))
    start = graph.add(level, graph.mul(graph.sub(at_onset, level), known))
    faded = graph.add(start, graph.mul(graph.sub(level, start), plain.ONSET_FADE))
    at_onset = graph.add(at_onset, graph.mul(graph.sub(faded, at_onset), present))
    return graph.mul(grown, kept), moved, graph.mul(squares, kept), at_onset, graph.max(known, present)


def _features(graph: Graph, fast: _Fit, slow: _Fit, known: tuple[str, ...]) -> str:
    """`[features, channels]` in standard deviations of the person."""
    prior = np.square([plain.PRIOR_SPREAD]) * plain.PRIOR_TRUST
    variance = graph.div(graph.add(known[2], graph.constant(prior)), graph.add(known[0], plain.PRIOR_TRUST))
    rows = graph.concat(
        graph.sub(fast.level, known[1]),
        graph.sub(fast.level, slow.level),
        graph.mul(fast.slope, plain.FAST_S),
        graph.mul(slow.slope, plain.SLOW_S),
        graph.sub(fast.level, known[3]),
        axis=0,
    )
    return graph.clip(graph.div(rows, graph.sqrt(variance)), -plain.LIMIT, plain.LIMIT)


def _probabilities(graph: Graph, features: str, recipe: Recipe) -> str:
    row = graph.op("Reshape", features, graph.constant([1, -1], "int64"))
    odds = graph.add(str(graph.op("MatMul", row, graph.constant(recipe.weights))), graph.constant([recipe.bias]))
    return str(graph.op("Reshape", graph.op("Softmax", odds, axis=1), graph.constant([-1], "int64")))


def _contrast(graph: Graph, shares: str, classes: list[str], *, letter: int) -> str:
    """Probability of high less that of low, by the first (valence) or second (arousal) letter of the class."""
    signs = [1.0 if name[letter] == "H" else -1.0 for name in classes]
    return _flat_sum(graph, graph.mul(shares, graph.constant(signs)))


def _quality(graph: Graph, covered: str, segments: str) -> str:
    share = graph.op("ReduceMean", covered, axes=[0], keepdims=1)
    acquainted = graph.min(graph.div(segments, plain.ACQUAINTED), 1.0)
    counted = graph.mul(graph.mul(str(share), acquainted), graph.constant([plain.QUALITY_SHARE]))
    return _flat_sum(graph, str(graph.op("Reshape", counted, graph.constant([-1], "int64"))))


def _flat_sum(graph: Graph, row: str) -> str:
    return graph.sum(row, [0])


def _card(recipe: Recipe) -> Card:
    channels = ", ".join(plain.CHANNELS)
    return Card(
        name="emotion",
        version=VERSION,
        task="emotion",
        classes=tuple(recipe.classes),
        label_set=LABEL_SET,
        rate_hz=plain.RATE_HZ,
        notes={
            "signals": TensorNote(meaning=f"the past minute of {channels}, oldest first; anything where invalid"),
            "valid": TensorNote(meaning="1 where `signals` has a value"),
            "onset": TensorNote(meaning="1 in the first segment of a viewing, else 0"),
            "baseline": TensorNote(
                state=True, meaning=f"per channel: {', '.join(plain.BASELINE_COLUMNS)}; zeros for a new person"
            ),
            "probabilities": TensorNote(meaning="of each class, in the order of `classes`"),
            "valence": TensorNote(meaning="probability of high less that of low valence, -1 to 1"),
            "arousal": TensorNote(meaning="probability of high less that of low arousal, -1 to 1"),
            "quality": TensorNote(
                meaning="share of the last half minute with plausible values, and acquaintance, 0 to 1"
            ),
            "baseline_next": TensorNote(state=True, meaning="`baseline` of the next segment"),
        },
        provenance=Provenance(
            built_by="afferent", recipe="cloud/training/recipes/emotion.json", data=list(recipe.data)
        ),
        metrics=recipe.metrics,
        parameters={
            "channels": ",".join(plain.CHANNELS),
            "segment_ms": round(plain.SEGMENT_S * 1000),
            "decide_above": recipe.decide_above,
            "least_quality": recipe.least_quality,
        },
        limits=(
            "Right in 4 of 10 segments of a person it does not know, where other viewers of the same film are right "
            "in 7; valence and arousal are each told apart about as badly. An aid for annotators, no judgement. "
            "Learned from 20 seated people who watched eight films."
        ),
    )
