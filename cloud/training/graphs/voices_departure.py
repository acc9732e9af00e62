"""How a person departs from others, as operations of a graph: `cloud.training.voices_departure` is the reference.

The posterior of the Gaussian process takes one label at a time: of nine places (now, and one of each label) the mean
and the covariance are carried on, so nothing is inverted, and what divides is never below the noise.
"""

from math import exp, sqrt
from typing import Final, NamedTuple

import numpy as np

from cloud.training import voices_departure as plain
from cloud.training.graphs.builder import INT64, Graph
from cloud.training.voices_recipe import Recipe

_HIGH: Final = ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
"""Which classes are of high valence, and of high arousal."""


class Moments(NamedTuple):
    """Names of what is heard."""

    shares: str
    """`[k, 4]` labels that count, zeros for the others."""
    ages: str
    """`[k, 1]`"""
    since: str
    """`[1, 1]`"""
    others: str
    """`[1 + k, 2]`"""


def departs(graph: Graph, recipe: Recipe, heard: Moments) -> str:
    """`[1, 1]`: 1 where others' mean is known now, at a place that was learned of."""
    now = _pick(graph, heard.others, 0, axis=0)
    far = graph.sum(graph.greater(graph.abs(now), 1.0), [1])
    last = len(recipe.departure.covariance[0]) - 1
    return graph.mul(graph.complement(graph.greater(far, 0.0)), graph.less(_place(graph, heard.since), last + 0.5))


def opinion(graph: Graph, recipe: Recipe, heard: Moments) -> str:
    """`[1, 4]` log probabilities of the classes."""
    said, counts = _values(graph, recipe, heard.shares)
    others = str(graph.op("Unsqueeze", _turned(graph, heard.others), graph.constant([2], "int64")))
    joint, mean = _places(graph, recipe, heard), graph.mul(others, 0.0)
    for index in range(1, recipe.labels + 1):
        there = _pick(graph, others, index, axis=1)
        known = graph.complement(graph.greater(graph.abs(there), 1.0))
        gate = graph.mul(_pick(graph, counts, index - 1, axis=1), known)
        own = _pick(graph, joint, index, axis=2)
        least = graph.add(graph.max(_pick(graph, own, index, axis=1), 0.0), recipe.departure.noise)
        gain = graph.mul(own, graph.div(gate, least))
        missed = graph.sub(_pick(graph, said, index - 1, axis=1), there)
        mean = graph.add(mean, graph.mul(gain, graph.sub(missed, _pick(graph, mean, index, axis=1))))
        joint = graph.sub(joint, graph.mul(gain, str(graph.op("Transpose", own, perm=[0, 2, 1]))))
    spread = _pick(graph, _pick(graph, joint, 0, axis=1), 0, axis=2)
    spread = graph.sqrt(graph.add(graph.max(spread, 0.0), recipe.departure.fuzz))
    middle = graph.add(_pick(graph, mean, 0, axis=1), _pick(graph, others, 0, axis=1))
    return _quadrants(graph, graph.div(middle, spread))


def _values(graph: Graph, recipe: Recipe, shares: str) -> tuple[str, str]:
    """`[2, k, 1]` values of the labels, and 1 where they say any."""
    high = str(graph.op("MatMul", shares, graph.constant(_HIGH)))
    least = 1.0 / (1.0 + exp(recipe.grade))
    kept = graph.clip(high, least, 1.0 - least)
    points = graph.div(str(graph.op("Log", graph.div(kept, graph.complement(kept)))), recipe.grade)
    sides = graph.sub(graph.mul(graph.greater(points, 0.0), 2 * plain.OFF_CENTRE), plain.OFF_CENTRE)
    values = str(graph.op("Tanh", graph.add(points, sides)))
    told = graph.mul(
        graph.greater(graph.abs(graph.sub(high, 0.5)), plain.BORDER), graph.greater(graph.sum(shares, [1]), 0.0)
    )
    last = graph.constant([2], "int64")
    turned = [str(graph.op("Unsqueeze", _turned(graph, one), last)) for one in (values, told)]
    return turned[0], turned[1]


def _places(graph: Graph, recipe: Recipe, heard: Moments) -> str:
    """`[2, 1 + k, 1 + k]`: covariance between now and the moments of the labels."""
    cover = np.array(recipe.departure.covariance)
    then = graph.sub(heard.since, graph.max(heard.ages, 0.0))
    at = graph.min(_place(graph, graph.concat(heard.since, then, axis=0)), float(cover.shape[1] - 1))
    where = graph.cast(str(graph.op("Reshape", at, graph.constant([-1], "int64"))), INT64)
    return str(graph.op("Gather", graph.op("Gather", graph.constant(cover), where, axis=1), where, axis=2))


def _place(graph: Graph, seconds: str) -> str:
    passed = graph.div(graph.sub(seconds, plain.LATE_S), plain.PLACE_S)
    return graph.max(graph.sub(str(graph.op("Ceil", passed)), 1.0), 0.0)


def _quadrants(graph: Graph, steps: str) -> str:
    risen = graph.mul(graph.add(str(graph.op("Erf", graph.div(steps, sqrt(2.0)))), 1.0), 0.5)
    high = graph.clip(risen, plain.SURE, 1.0 - plain.SURE)
    both = graph.concat(*(str(graph.op("Log", one)) for one in (high, graph.complement(high))), axis=0)
    row = str(graph.op("Reshape", both, graph.constant([1, 4], "int64")))
    table = np.array(_HIGH)
    return str(graph.op("MatMul", row, graph.constant(np.concatenate([table, 1.0 - table], axis=1).T)))


def _pick(graph: Graph, value: str, index: int, *, axis: int) -> str:
    """One slice, whose axis stays with size 1."""
    return str(graph.op("Gather", value, graph.constant([index], "int64"), axis=axis))


def _turned(graph: Graph, value: str) -> str:
    return str(graph.op("Transpose", value, perm=[1, 0]))
