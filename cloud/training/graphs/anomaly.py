"""Anomaly: how unusual the movement in each cell of the picture is, against what that cell has seen before.

Two features of each cell: the mean change of brightness and the mean speed of what moves (`flow.py`). Both are told as
they would be `REFERENCE_S` after the earlier plane, so that the rate of frames does not matter: a step grows with time,
and change with its power `CHANGE_POWER`, for brightness differs with distance by a power law. Each cell keeps a
Gaussian of both for the whole day and one for the hour. The hour's leans on the day's while it has seen little itself,
the day's on its row's, the picture's, and on a broad prior while nobody has seen anything. What is expected is a
mixture of both, in which the hour has the more weight the longer it was watched.

A third deviation is presence: something moves where at this hour it seldom does, though over the day it does. The score
is the mean, over the three most unusual cells, of the sum of the positive deviations in standard deviations.
No weights: all that is learned is learned on the spot, in the state tensors.
"""

from dataclasses import dataclass
from typing import Final

from cloud.training.bundle import Bundle, Card, TensorNote, bundle
from cloud.training.graphs.builder import FLOAT, UINT8, Graph
from cloud.training.graphs.flow import step_length
from contract.manifest import Provenance

CELL: Final = 10
"""Side of a cell in pixels at analysis size: about the chest of a person across the room."""
REFERENCE_S: Final = 0.1
CHANGE_POWER: Final = 0.7
"""Measured on walkers, on traffic and indoors, frames 0.04 to 0.3 s apart: 0.6 to 0.77."""
LEAST_S: Final = 0.001
ACTIVE_SHARE: Final = 0.1
"""A cell with a smaller share of moving pixels says nothing."""
LEAST_SHARE: Final = 0.05
"""Of fewer moving pixels no mean is taken."""
MOVING: Final = 255
TOP: Final = 3
MEMORY: Final = 20_000.0
"""Observations after which a cell begins to forget the oldest."""
CELL_TRUST, ROW_TRUST, PRIOR_TRUST = 50.0, 200.0, 200.0
"""Observations at which a cell, a row, the picture counts as much as what it leans on."""
HOUR_TRUST: Final = 200.0
"""Likewise a cell at one hour, against the same cell over the day."""
PRIOR_MEAN: Final = (8.0, 0.8)
PRIOR_VARIANCE: Final = (64.0, 0.64)
SPREAD_FLOOR: Final = 0.05
RARE: Final = 0.001
"""Shares of time below this are not told apart: four seconds an hour are rare at any hour."""
PLANE: Final = (1, 1, "height", "width")
CELLS: Final = (1, 1, "rows", "columns")
FEATURES: Final = (1, 2, "rows", "columns")
DEVIATIONS: Final = (1, 3, "rows", "columns")
_STATES: Final = (("count", CELLS), ("mean", FEATURES), ("variance", FEATURES), ("usual", CELLS))


@dataclass(frozen=True)
class _Seen:
    """What is seen in each cell: the features, whether it is active, and whether it may be learned from."""

    features: str
    active: str
    normal: str


@dataclass(frozen=True)
class _Baseline:
    """What is known of each cell: names of its count, mean and variance, and of the share of time with movement."""

    count: str
    mean: str
    variance: str
    usual: str


def build() -> Bundle:
    """The model of the task `anomaly`."""
    graph = Graph("anomaly")
    luma, mask, previous = (graph.cast(graph.input(name, PLANE, UINT8), FLOAT) for name in ("luma", "mask", "previous"))
    seconds, learn, gate = (graph.input(name, [1]) for name in ("seconds", "learn", "gate"))
    pace, hour_pace, hour_weight = (graph.input(name, [1]) for name in ("pace", "hour_pace", "hour_weight"))
    day, hour = (_Baseline(*(graph.input(f"{of}{name}", shape) for name, shape in _STATES)) for of in ("", "hour_"))

    features, active = _features(graph, luma, previous, mask, seconds)
    by_day = _expectation_of_day(graph, day)
    by_hour = _mixed(graph, by_day, _expectation_of_hour(graph, hour, by_day), hour_weight)
    usual = _mixed(graph, day.usual, hour.usual, hour_weight)
    day_deviation, unlike = (_deviation(graph, features, moments, active) for moments in (by_day, by_hour))
    deviation = graph.concat(unlike, graph.mul(_surprise(graph, day.usual, usual), active))
    total = graph.sum(deviation, [1])
    normal = graph.mul(graph.less(total, gate), learn)

    graph.output("score", _top_mean(graph, total), [1])
    graph.output("deviation", deviation, DEVIATIONS)
    graph.output("day_deviation", day_deviation, FEATURES)
    graph.output("features", features, FEATURES)
    graph.output("hour_share", usual, CELLS)
    graph.output("active", active, CELLS)
    for of, known, share in (("", day, pace), ("hour_", hour, hour_pace)):
        seen = _Seen(features, active, graph.mul(normal, graph.greater(share, 0.0)))
        after = _updated(graph, known, seen, share)
        for name, shape in _STATES:
            graph.output(f"{of}{name}_next", getattr(after, name), shape)
    return bundle(graph.model(), _card())


def _features(graph: Graph, luma: str, previous: str, mask: str, seconds: str) -> tuple[str, str]:
    """Per cell the mean change and the mean speed of moving pixels, and whether enough of it moves. Shares of moving
    pixels are counted as in the mask, of `MOVING`."""
    halved = graph.cell_means(mask, 2)
    stepped = graph.mul(step_length(graph, luma, previous), halved)
    share, went = graph.split(graph.cell_means(graph.concat(halved, stepped), CELL // 2), 2)
    change = graph.cell_means(graph.abs(graph.sub(luma, previous)), CELL)
    pace = graph.div(REFERENCE_S, graph.max(seconds, LEAST_S))
    speed = graph.mul(graph.div(went, graph.max(share, LEAST_SHARE * MOVING)), pace)
    changed = graph.mul(change, str(graph.op("Pow", pace, CHANGE_POWER)))
    return graph.concat(changed, speed), graph.greater(share, ACTIVE_SHARE * MOVING)


def _expectation_of_day(graph: Graph, known: _Baseline) -> str:
    """Moments to expect in each cell, little evidence leaning on wider evidence."""
    squares = [v + m * m for m, v in zip(PRIOR_MEAN, PRIOR_VARIANCE, strict=True)]
    prior = graph.constant([[[[value]] for value in (*PRIOR_MEAN, *squares)]])
    own = graph.mul(known.count, _moments(graph, known))
    row_sum, row_count = graph.sum(own, [3]), graph.sum(known.count, [3])
    wide = _lean(graph, graph.sum(row_sum, [2]), graph.sum(row_count, [2]), prior, PRIOR_TRUST)
    row = _lean(graph, row_sum, row_count, wide, ROW_TRUST)
    return _lean(graph, own, known.count, row, CELL_TRUST)


def _expectation_of_hour(graph: Graph, known: _Baseline, day: str) -> str:
    """The hour's own moments, leaning on the day's."""
    return _lean(graph, graph.mul(known.count, _moments(graph, known)), known.count, day, HOUR_TRUST)


def _mixed(graph: Graph, day: str, hour: str, weight: str) -> str:
    """What to expect if this hour is like its own past with probability `weight`, and like any of the day otherwise."""
    return graph.add(day, graph.mul(weight, graph.sub(hour, day)))


def _moments(graph: Graph, known: _Baseline) -> str:
    """Means and mean squares of the two features: four channels."""
    return graph.concat(known.mean, graph.add(known.variance, graph.mul(known.mean, known.mean)))


def _lean(graph: Graph, total: str, count: str, wider: str, trust: float) -> str:
    """(sum of own values + trust * wider value) / (own count + trust)."""
    return graph.div(graph.add(total, graph.mul(wider, trust)), graph.add(count, trust))


def _deviation(graph: Graph, features: str, expected: str, active: str) -> str:
    """How many standard deviations the features of active cells are above what is expected, 0 if they are not."""
    floor = graph.constant([[[[SPREAD_FLOOR * value**0.5]] for value in PRIOR_VARIANCE]])
    mean, square = graph.op("Split", expected, graph.constant([2, 2], "int64"), outputs=2, axis=1)
    variance = graph.max(graph.sub(square, graph.mul(mean, mean)), 0.0)
    above = graph.div(graph.sub(features, mean), graph.add(graph.sqrt(variance), floor))
    return graph.mul(graph.max(above, 0.0), active)


def _surprise(graph: Graph, usual: str, now: str) -> str:
    """Sigma of something that moves a share `now` of the time where it does `usual`: sqrt(2 ln(usual / now)), how far
    out a Gaussian's density has fallen by that ratio."""
    ratio = graph.div(graph.add(usual, RARE), graph.add(now, RARE))
    return graph.sqrt(graph.mul(str(graph.op("Log", graph.max(ratio, 1.0))), 2.0))


def _updated(graph: Graph, known: _Baseline, seen: _Seen, pace: str) -> _Baseline:
    """Welford's update of the normal cells that are active, with a memory of bounded length, and of the share of time
    with movement in all that are normal."""
    learns = graph.mul(seen.active, seen.normal)
    count = graph.min(graph.add(known.count, learns), MEMORY)
    share = graph.div(learns, graph.max(count, 1.0))
    step = graph.sub(seen.features, known.mean)
    mean = graph.add(known.mean, graph.mul(share, step))
    square = graph.mul(step, graph.sub(seen.features, mean))
    variance = graph.add(known.variance, graph.mul(share, graph.sub(square, known.variance)))
    usual = graph.add(known.usual, graph.mul(graph.mul(seen.normal, pace), graph.sub(seen.active, known.usual)))
    return _Baseline(count, mean, variance, usual)


def _top_mean(graph: Graph, cells: str) -> str:
    """Mean of the `TOP` greatest cells, shape [1]."""
    flat = graph.op("Reshape", cells, graph.constant([-1], "int64"))
    greatest, _ = graph.op("TopK", flat, graph.constant([TOP], "int64"), outputs=2)
    return str(graph.op("ReduceMean", greatest, axes=[0], keepdims=1))


def _card() -> Card:
    inputs = {
        "luma": TensorNote(unit="luma", meaning="brightness of the picture at analysis size, 0 to 255"),
        "mask": TensorNote(meaning="255 moving, 0 background, from the task `motion`"),
        "previous": TensorNote(unit="luma", meaning="`luma` of an earlier frame, about a tenth of a second ago"),
        "seconds": TensorNote(unit="s", meaning="time from `previous` to `luma`"),
        "learn": TensorNote(meaning="1: learn from this frame, 0: only judge it"),
        "gate": TensorNote(unit="sigma", meaning="cells that deviate as much or more are not learned from"),
        "pace": TensorNote(meaning="share that this frame has in all the time watched; 0: the day learns nothing"),
        "hour_pace": TensorNote(meaning="likewise at this hour of the day; 0: the hour learns nothing"),
        "hour_weight": TensorNote(meaning="0 to 1: how probable it is that this hour is like its own past"),
    }
    outputs = {
        "score": TensorNote(unit="sigma", meaning=f"mean of the {TOP} most unusual cells"),
        "deviation": TensorNote(unit="sigma", meaning="positive deviation of change, speed and presence of each cell"),
        "day_deviation": TensorNote(unit="sigma", meaning="change and speed against the whole day's normal alone"),
        "features": TensorNote(meaning="change (luma in 0.1 s) and speed (px in 0.1 s) of each cell"),
        "hour_share": TensorNote(meaning="share of time with movement to expect at this hour"),
        "active": TensorNote(meaning="1 where enough of a cell moves"),
    }
    return Card(
        name="anomaly",
        version="2.1.0",
        task="anomaly",
        notes=inputs | outputs | _state_notes(),
        provenance=Provenance(built_by="afferent", recipe="cloud.training.graphs.anomaly"),
        parameters={
            "cell_px": CELL,
            "cell_trust": CELL_TRUST,
            "hour_trust": HOUR_TRUST,
            "test_height": 90,
            "test_width": 160,
            "test_rows": 9,
            "test_columns": 16,
        },
        limits="Knows speed and amount of movement, not shapes: a bicycle at walking pace is a pedestrian to it.",
    )


def _state_notes() -> dict[str, TensorNote]:
    meanings = {
        "count": "observations of each cell",
        "mean": "mean of change and speed of each cell",
        "variance": "variance of change and speed of each cell",
        "usual": "share of time with movement of each cell",
    }
    notes = {}
    for of, words in (("", "over the whole day"), ("hour_", "at this hour of the day")):
        for name, meaning in meanings.items():
            notes[f"{of}{name}"] = TensorNote(state=True, meaning=f"{meaning}, {words}")
            notes[f"{of}{name}_next"] = TensorNote(state=True, meaning=f"`{of}{name}` of the next frame")
    return notes
