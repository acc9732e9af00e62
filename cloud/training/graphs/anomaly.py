"""Anomaly: how unusual the movement in each cell of the picture is, against what that cell has seen before.

Two features of each cell: the mean change of brightness and the mean speed of what moves, the latter from Lucas-Kanade
optical flow (Lucas and Kanade, IJCAI 1981) over a window of `WINDOW` pixels. Each cell keeps a Gaussian of both, which
leans on its row's and the whole picture's while it has seen little itself, and on a broad prior while nobody has. The
score is the mean, over the three most unusual cells, of the features' positive deviations in standard deviations.
No weights: all that is learned is learned on the spot, in the state tensors.
"""

from dataclasses import dataclass
from typing import Final

from cloud.training.bundle import Bundle, Card, TensorNote, bundle
from cloud.training.graphs.builder import FLOAT, UINT8, Graph
from contract.manifest import Provenance

CELL: Final = 10
"""Side of a cell in pixels at analysis size: about the chest of a person across the room."""
WINDOW: Final = 9
DAMPING: Final = 2.0
"""Added to the flow's matrix, so that a flat patch has no speed instead of any."""
SPEED_LIMIT: Final = 4.0
ACTIVE_SHARE: Final = 0.1
"""A cell with a smaller share of moving pixels says nothing."""
TOP: Final = 3
MEMORY: Final = 20_000.0
"""Observations after which a cell begins to forget the oldest."""
CELL_TRUST, ROW_TRUST, PRIOR_TRUST = 50.0, 200.0, 200.0
"""Observations at which a cell, a row, the picture counts as much as what it leans on."""
PRIOR_MEAN: Final = (8.0, 0.8)
PRIOR_VARIANCE: Final = (64.0, 0.64)
SPREAD_FLOOR: Final = 0.05
PLANE: Final = (1, 1, "height", "width")
CELLS: Final = (1, 1, "rows", "columns")
FEATURES: Final = (1, 2, "rows", "columns")


@dataclass(frozen=True)
class _Baseline:
    """What is known of each cell: names of its count, mean and variance."""

    count: str
    mean: str
    variance: str


def build() -> Bundle:
    """The model of the task `anomaly`."""
    graph = Graph("anomaly")
    luma = graph.cast(graph.input("luma", PLANE, UINT8), FLOAT)
    mask = graph.mul(graph.cast(graph.input("mask", PLANE, UINT8), FLOAT), 1 / 255)
    previous = graph.input("previous", PLANE)
    learn, gate = graph.input("learn", [1]), graph.input("gate", [1])
    known = _Baseline(graph.input("count", CELLS), graph.input("mean", FEATURES), graph.input("variance", FEATURES))

    features, active = _features(graph, luma, previous, mask)
    mean, spread = _expectation(graph, known)
    deviation = graph.mul(graph.max(graph.div(graph.sub(features, mean), spread), 0.0), active)
    total = graph.sum(deviation, [1])
    learns = graph.mul(graph.mul(active, learn), graph.less(total, gate))
    after = _updated(graph, known, features, learns)

    graph.output("score", _top_mean(graph, total), [1])
    graph.output("deviation", deviation, FEATURES)
    graph.output("features", features, FEATURES)
    graph.output("active", active, CELLS)
    graph.output("previous_next", luma, PLANE)
    graph.output("count_next", after.count, CELLS)
    graph.output("mean_next", after.mean, FEATURES)
    graph.output("variance_next", after.variance, FEATURES)
    return bundle(graph.model(), _card())


def _features(graph: Graph, luma: str, previous: str, mask: str) -> tuple[str, str]:
    """Per cell the mean change and the mean speed of moving pixels, and whether enough of it moves."""
    change = graph.abs(graph.sub(luma, previous))
    speed = graph.mul(_speed(graph, luma, previous), mask)
    share, changed, sped = graph.split(graph.cell_means(graph.concat(mask, change, speed), CELL), 3)
    features = graph.concat(changed, graph.div(sped, graph.max(share, 0.05)))
    return features, graph.greater(share, ACTIVE_SHARE)


def _speed(graph: Graph, luma: str, previous: str) -> str:
    """Length of the optical flow in pixels a frame: the damped 2x2 least squares of Lucas and Kanade."""
    middle, dt = graph.mul(graph.add(luma, previous), 0.5), graph.sub(luma, previous)
    dx, dy = graph.split(graph.gradient(middle), 2)
    products = [graph.mul(a, b) for a, b in ((dx, dx), (dx, dy), (dy, dy), (dx, dt), (dy, dt))]
    xx, xy, yy, xt, yt = graph.split(graph.mean_filter(graph.concat(*products), WINDOW), 5)
    xx, yy = graph.add(xx, DAMPING), graph.add(yy, DAMPING)
    determinant = graph.sub(graph.mul(xx, yy), graph.mul(xy, xy))
    along = graph.div(graph.sub(graph.mul(xy, yt), graph.mul(yy, xt)), determinant)
    across = graph.div(graph.sub(graph.mul(xy, xt), graph.mul(xx, yt)), determinant)
    length = graph.sqrt(graph.add(graph.mul(along, along), graph.mul(across, across)))
    return graph.min(length, SPEED_LIMIT)


def _expectation(graph: Graph, known: _Baseline) -> tuple[str, str]:
    """Mean and standard deviation to expect in each cell, little evidence leaning on wider evidence."""
    square = graph.add(known.variance, graph.mul(known.mean, known.mean))
    prior_mean = graph.constant([[[[value]] for value in PRIOR_MEAN]])
    prior_square = graph.constant([[[[v + m * m]] for m, v in zip(PRIOR_MEAN, PRIOR_VARIANCE, strict=True)]])
    row_count = graph.sum(known.count, [3])
    all_count = graph.sum(row_count, [2])
    row_sums = [graph.sum(graph.mul(known.count, moment), [3]) for moment in (known.mean, square)]
    expected = []
    for moment, row_sum, prior in zip((known.mean, square), row_sums, (prior_mean, prior_square), strict=True):
        wide = _lean(graph, graph.sum(row_sum, [2]), all_count, prior, PRIOR_TRUST)
        row = _lean(graph, row_sum, row_count, wide, ROW_TRUST)
        expected.append(_lean(graph, graph.mul(known.count, moment), known.count, row, CELL_TRUST))
    mean, of_squares = expected
    variance = graph.max(graph.sub(of_squares, graph.mul(mean, mean)), 0.0)
    floor = graph.constant([[[[SPREAD_FLOOR * value**0.5]] for value in PRIOR_VARIANCE]])
    return mean, graph.add(graph.sqrt(variance), floor)


def _lean(graph: Graph, total: str, count: str, wider: str, trust: float) -> str:
    """(sum of own values + trust * wider value) / (own count + trust)."""
    return graph.div(graph.add(total, graph.mul(wider, trust)), graph.add(count, trust))


def _updated(graph: Graph, known: _Baseline, features: str, learns: str) -> _Baseline:
    """Welford's update of the cells that learn, with a memory of bounded length."""
    count = graph.min(graph.add(known.count, learns), MEMORY)
    share = graph.div(learns, graph.max(count, 1.0))
    step = graph.sub(features, known.mean)
    mean = graph.add(known.mean, graph.mul(share, step))
    square = graph.mul(step, graph.sub(features, mean))
    variance = graph.add(known.variance, graph.mul(share, graph.sub(square, known.variance)))
    return _Baseline(count, mean, variance)


def _top_mean(graph: Graph, cells: str) -> str:
    """Mean of the `TOP` greatest cells, shape [1]."""
    flat = graph.op("Reshape", cells, graph.constant([-1], "int64"))
    greatest, _ = graph.op("TopK", flat, graph.constant([TOP], "int64"), outputs=2)
    return str(graph.op("ReduceMean", greatest, axes=[0], keepdims=1))


def _card() -> Card:
    return Card(
        name="anomaly",
        version="1.0.0",
        task="anomaly",
        notes={
            "luma": TensorNote(unit="luma", meaning="brightness of the picture at analysis size, 0 to 255"),
            "mask": TensorNote(meaning="255 moving, 0 background, from the task `motion`"),
            "learn": TensorNote(meaning="1: learn from this frame, 0: only judge it"),
            "gate": TensorNote(unit="sigma", meaning="cells that deviate as much or more are not learned from"),
            "previous": TensorNote(state=True, unit="luma", meaning="`luma` of the frame before"),
            "count": TensorNote(state=True, meaning="observations of each cell"),
            "mean": TensorNote(state=True, meaning="mean of change and speed of each cell"),
            "variance": TensorNote(state=True, meaning="variance of change and speed of each cell"),
            "score": TensorNote(unit="sigma", meaning=f"mean of the {TOP} most unusual cells"),
            "deviation": TensorNote(unit="sigma", meaning="positive deviation of change and speed of each cell"),
            "features": TensorNote(meaning="change (luma) and speed (px a frame) of each cell"),
            "active": TensorNote(meaning="1 where enough of a cell moves"),
            "previous_next": TensorNote(state=True, unit="luma", meaning="`previous` of the next frame"),
            "count_next": TensorNote(state=True, meaning="`count` of the next frame"),
            "mean_next": TensorNote(state=True, meaning="`mean` of the next frame"),
            "variance_next": TensorNote(state=True, meaning="`variance` of the next frame"),
        },
        provenance=Provenance(built_by="afferent", recipe="cloud.training.graphs.anomaly"),
        parameters={
            "cell_px": CELL,
            "test_height": 90,
            "test_width": 160,
            "test_rows": 9,
            "test_columns": 16,
        },
        limits="Knows speed and amount of movement, not shapes: a bicycle at walking pace is a pedestrian to it.",
    )
