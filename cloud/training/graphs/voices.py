"""Voices: what is to be believed of a segment, given all who spoke: the body, this person's labels, others, a face.

The graph computes the pool of `cloud.training.voices_features` (the reference that a test holds it to). It keeps no
state. The numbers come from `recipes/voices.json`, which `learn_voices` writes.
"""

from typing import Final, NamedTuple

import numpy as np

from cloud.training import voices_features as plain
from cloud.training.bundle import Bundle, Card, TensorNote, bundle
from cloud.training.graphs.builder import Graph
from cloud.training.graphs.voices_departure import Moments, departs, opinion
from cloud.training.voices_departure import OFF_CENTRE
from cloud.training.voices_recipe import Recipe, read_recipe
from cloud.training.voices_sharpness import LEAST_SPREAD
from contract.emotions import LABEL_SET
from contract.manifest import Provenance

VERSION: Final = "1.6.0"
_N: Final = len(plain.CLASSES)


def build() -> Bundle:
    """The model of the task `voices`."""
    recipe = read_recipe()
    graph = Graph("voices")
    body, quality = _row(graph, "body", _N), graph.clip(_row(graph, "body_quality", 1), 0.0, 1.0)
    labels, ages = graph.input("labels", (recipe.labels, _N)), _column(graph, "label_ages_s", recipe.labels)
    crowd, face = _row(graph, "consensus", _N), _row(graph, "face", _N)
    face_weight, since = _row(graph, "face_weight", 1), _row(graph, "since_onset_s", 1)
    others = graph.input("others", (1 + recipe.labels, 2))

    about, shares, hold = _labels(graph, recipe, labels, ages, since)
    labelled, watched = _first(graph, about), graph.greater(graph.sum(crowd, [1]), 0.0)
    stale = graph.complement(_first(graph, hold))
    heard = Moments(shares, ages, since, others)
    apart = graph.mul(graph.mul(labelled, watched), departs(graph, recipe, heard))
    weights = _weights(graph, recipe, _gates(graph, labelled, watched, apart))
    say = [
        _body(graph, body, stale, weights, _trust(graph, quality, labelled, watched)),
        _labelled(graph, _Labels(shares, _told(graph, shares), hold, stale), weights, since),
        graph.add(
            _consensus(graph, crowd, stale, weights),
            graph.mul(opinion(graph, recipe, heard), _eased(graph, weights, plain.DEPARTURE.start, stale)),
        ),
    ]
    say = [*_sharpened(graph, say, weights), _face(graph, face, face_weight)]
    odds = graph.add(graph.add(say[0], say[1]), graph.add(say[2], say[3]))
    probabilities = _flat(graph, str(graph.op("Softmax", odds, axis=1)))
    graph.output("probabilities", probabilities, [_N])
    graph.output("valence", _contrast(graph, probabilities, letter=0), [1])
    graph.output("arousal", _contrast(graph, probabilities, letter=1), [1])
    graph.output("weights", _shares_of_say(graph, say), [len(say)])
    return bundle(graph.model(), _card(recipe))


class _Labels(NamedTuple):
    """Names of the labels' values."""

    shares: str
    """`[k, 4]`"""
    told: str
    """The same as the classes that they are said to be."""
    hold: str
    """How much of each holds `[k, 1]`."""
    stale: str
    """How much of the newest does not `[1, 1]`."""


def _row(graph: Graph, name: str, size: int) -> str:
    return str(graph.op("Reshape", graph.input(name, [size]), graph.constant([1, size], "int64")))


def _column(graph: Graph, name: str, size: int) -> str:
    return str(graph.op("Reshape", graph.input(name, [size]), graph.constant([size, 1], "int64")))


def _flat(graph: Graph, row: str) -> str:
    return str(graph.op("Reshape", row, graph.constant([-1], "int64")))


def _first(graph: Graph, column: str) -> str:
    """The first row, for the newest label."""
    return str(graph.op("Gather", column, graph.constant([0], "int64"), axis=0))


def _log(graph: Graph, shares: str) -> str:
    return str(graph.op("Log", graph.max(shares, plain.LEAST)))


def _labels(graph: Graph, recipe: Recipe, labels: str, ages: str, since: str) -> tuple[str, str, str]:
    """Which labels are about this stimulus `[k, 1]`, their shares `[k, 4]`, and how much of each holds `[k, 1]`."""
    total = graph.sum(labels, [1])
    known = graph.complement(graph.less(ages, 0.0))
    recent = graph.complement(graph.greater(ages, graph.add(since, plain.LATE_S)))
    about = graph.mul(graph.mul(graph.greater(total, 0.0), known), recent)
    shares = graph.mul(graph.div(labels, graph.max(total, 1e-6)), about)
    then = graph.max(graph.sub(since, graph.max(ages, 0.0)), 0.0)
    ratio = graph.div(
        graph.add(graph.div(then, recipe.early_s), 1.0),
        graph.add(graph.div(graph.max(since, 0.0), recipe.early_s), 1.0),
    )
    return about, shares, graph.mul(str(graph.op("Pow", ratio, recipe.rate)), about)


def _told(graph: Graph, shares: str) -> str:
    largest = str(graph.op("ReduceMax", shares, axes=[1], keepdims=1))
    best = graph.mul(graph.complement(graph.less(shares, largest)), graph.greater(largest, 0.0))
    return graph.div(best, graph.max(graph.sum(best, [1]), 1.0))


def _gates(graph: Graph, labelled: str, watched: str, apart: str) -> str:
    """`[1, 5]`, 1 for who is there: nobody, labels, a consensus, both, both and how the person departs from others."""
    neither = graph.mul(graph.complement(labelled), graph.complement(watched))
    gates = [
        neither,
        graph.mul(labelled, graph.complement(watched)),
        graph.mul(graph.complement(labelled), watched),
        graph.sub(graph.mul(labelled, watched), apart),
        apart,
    ]
    return graph.concat(*gates)


def _weights(graph: Graph, recipe: Recipe, gates: str) -> str:
    """The row of weights `[1, COLUMNS + 2]` for who is there, and how sharp what they say ought to be."""
    pools = (plain.ALONE, recipe.labelled, recipe.watched, recipe.both, recipe.departed)
    rows = np.stack([[*plain.vector(one), *one.sharpness] for one in pools])
    return str(graph.op("MatMul", gates, graph.constant(rows)))


def _sharpened(graph: Graph, say: list[str], weights: str) -> list[str]:
    """All that is said, multiplied by `voices_sharpness.factor` of the whole."""
    odds = graph.add(graph.add(say[0], say[1]), say[2])
    apart = graph.sub(odds, graph.div(graph.sum(odds, [1]), float(_N)))
    spread = graph.sqrt(graph.div(graph.sum(graph.mul(apart, apart), [1]), float(_N)))
    scale, power = (_cut(graph, weights, at, at + 1) for at in (plain.COLUMNS, plain.COLUMNS + 1))
    calmed = str(graph.op("Pow", graph.add(spread, LEAST_SPREAD), power))
    return [graph.mul(one, graph.div(scale, calmed)) for one in say]


def _cut(graph: Graph, weights: str, first: int, last: int) -> str:
    ends = (graph.constant([at], "int64") for at in (first, last, 1))
    return str(graph.op("Slice", weights, *ends))


def _trust(graph: Graph, quality: str, labelled: str, watched: str) -> str:
    """How far the body is believed: its quality, but wholly where there is nobody else."""
    others = graph.max(labelled, watched)
    return graph.add(graph.mul(quality, others), graph.complement(others))


def _eased(graph: Graph, weights: str, first: int, stale: str) -> str:
    """A weight, and what is added to it as far as the newest label is stale."""
    grown = graph.mul(_cut(graph, weights, first + 1, first + 2), stale)
    return graph.add(_cut(graph, weights, first, first + 1), grown)


def _body(graph: Graph, body: str, stale: str, weights: str, trust: str) -> str:
    return graph.mul(_log(graph, body), graph.mul(_eased(graph, weights, plain.BODY.start, stale), trust))


def _labelled(graph: Graph, heard: _Labels, weights: str, since: str) -> str:
    at = plain.LABELLED.start
    newest, told = _first(graph, heard.shares), _first(graph, heard.told)
    kept = graph.add(graph.mul(told, graph.complement(heard.stale)), graph.div(heard.stale, float(_N)))
    older = graph.sum(graph.mul(heard.told, heard.hold), [0])
    older = graph.sub(older, graph.mul(told, graph.complement(heard.stale)))
    size = _N * _N
    after, later = (_table(graph, weights, at + 2 + size * index) for index in (0, 1))
    minutes = str(graph.op("Log", graph.add(graph.div(since, plain.MINUTE_S), 1.0)))
    moved = graph.add(
        str(graph.op("MatMul", newest, after)), graph.mul(str(graph.op("MatMul", newest, later)), minutes)
    )
    held = graph.add(
        graph.mul(_log(graph, kept), _cut(graph, weights, at, at + 1)),
        graph.mul(older, _cut(graph, weights, at + 1, at + 2)),
    )
    return graph.add(held, graph.mul(moved, heard.stale))


def _table(graph: Graph, weights: str, first: int) -> str:
    cut = _cut(graph, weights, first, first + _N * _N)
    return str(graph.op("Reshape", cut, graph.constant([_N, _N], "int64")))


def _consensus(graph: Graph, crowd: str, stale: str, weights: str) -> str:
    blurred = graph.div(graph.add(crowd, plain.BLUR), 1.0 + _N * plain.BLUR)
    return graph.mul(str(graph.op("Log", blurred)), _eased(graph, weights, plain.CONSENSUS.start, stale))


def _face(graph: Graph, face: str, weight: str) -> str:
    there = graph.greater(graph.sum(face, [1]), 0.0)
    return graph.mul(_log(graph, face), graph.mul(weight, there))


def _shares_of_say(graph: Graph, say: list[str]) -> str:
    stacked = graph.concat(*say, axis=0)
    most = graph.op("ReduceMax", stacked, axes=[1], keepdims=1)
    reach = graph.sub(str(most), str(graph.op("ReduceMin", stacked, axes=[1], keepdims=1)))
    return _flat(graph, graph.div(reach, graph.max(graph.sum(reach, [0]), 1e-6)))


def _contrast(graph: Graph, shares: str, *, letter: int) -> str:
    """Probability of high less that of low, by the first (valence) or second (arousal) letter of the class."""
    signs = [1.0 if name[letter] == "H" else -1.0 for name in plain.CLASSES]
    return graph.sum(graph.mul(shares, graph.constant(signs)), [0])


_NOTES: Final = {
    "body": TensorNote(meaning="probabilities of each class by the model of the body"),
    "body_quality": TensorNote(meaning="quality of the body's signals, 0 to 1: how far it is believed"),
    "labels": TensorNote(
        meaning="this person's labels as shares of the classes, newest first; zeros: none; the largest "
        "is the class, the others how near the point of the square was to them (see parameter `grade`)"
    ),
    "label_ages_s": TensorNote(
        unit="s", meaning="from each label to the end of the segment; -1: none; older than the onset: not heard"
    ),
    "consensus": TensorNote(meaning="shares of the classes among other people's labels here; zeros: none"),
    "face": TensorNote(meaning="probabilities of each class by a face; zeros: none"),
    "face_weight": TensorNote(meaning="how much the face counts beside the body's 1; 0 for not at all"),
    "since_onset_s": TensorNote(unit="s", meaning="from the onset of the stimulus to the end of the segment"),
    "others": TensorNote(
        meaning="mean of other people's values of valence and arousal (see parameter `off_centre`), -1 to 1, "
        "now and where the stimulus was at each of the labels; 2: nobody knows"
    ),
    "probabilities": TensorNote(meaning="of each class, in the order of `classes`"),
    "valence": TensorNote(meaning="probability of high less that of low valence, -1 to 1"),
    "arousal": TensorNote(meaning="probability of high less that of low arousal, -1 to 1"),
    "weights": TensorNote(
        meaning="share of the say of body, labels, consensus and face: how far each moved the log-odds; "
        "sums to 1, or 0 where nobody had anything to say"
    ),
}


def _card(recipe: Recipe) -> Card:
    return Card(
        name="voices",
        version=VERSION,
        task="voices",
        classes=tuple(recipe.classes),
        label_set=LABEL_SET,
        notes=_NOTES,
        provenance=Provenance(built_by="afferent", recipe="cloud/training/recipes/voices.json", data=list(recipe.data)),
        metrics=recipe.metrics,
        parameters={
            "labels": recipe.labels,
            "decide_above": recipe.decide_above,
            "grade": recipe.grade,
            "off_centre": OFF_CENTRE,
            "newer_inputs": "others",
        },
        limits=(
            "Learned from 20 seated people who rated eight films with a joystick all the time: a question was never "
            "really asked there, and an answer was never late or careless. Nothing taught it what a face is worth."
        ),
    )
