"""Tiny detectors with the very tensors of well-known ones, that truly find: blobs of one colour, by convolution.

A cell's answer is worked out from moments of colour around it: how much there is, where its centre lies, how far it
spreads. So positions, sizes and classes can be checked in pixels, without anybody's weights.
"""

from typing import Final

import numpy as np

from cloud.training.graphs.builder import INT64, UINT8, Graph

RED: Final = (40, 40, 230)
"""BGR, as drawn into a picture; class 0."""
BLUE: Final = (230, 40, 40)
"""Class 1."""
GREEN: Final = (40, 230, 40)
"""Class 2 of the classifier alone."""
_REACH: Final = 68
"""A cell counts what is at most so many pixels away: two blobs must be farther apart, and a blob no longer."""
_BGR_WEIGHTS: Final = {RED: (-0.5, -0.5, 1.0), BLUE: (1.0, -0.5, -0.5), GREEN: (-0.5, 1.0, -0.5)}
_FLOOR: Final = 60.0
_RANGE: Final = 80.0


def yunet_graph(size: tuple[int, int] = (320, 320), *, dynamic: bool = False) -> bytes:
    """Finds red blobs; outputs cls_S, obj_S, bbox_S and kps_S of strides 8, 16 and 32, input 0..255 in BGR."""
    graph = Graph("yunet_like")
    image = graph.input("input", [1, 3, "height", "width"] if dynamic else [1, 3, size[1], size[0]])
    red = _colour(graph, image, RED)
    for stride, trust in ((8, 1.0), (16, 0.9), (32, 0.8)):
        found = _Cells(graph, red, red, stride, trust)
        count: int | str = "dim" if dynamic else size[0] * size[1] // stride**2
        half = graph.sqrt(graph.sqrt(found.score))
        points = graph.mul(graph.concat(found.box, found.box, found.box, axis=1), 0.0)
        points = str(graph.op("Slice", points, *(graph.constant([n], "int64") for n in (0, 10, 1))))
        for part, value, columns in (("cls", half, 1), ("obj", half, 1), ("bbox", found.box, 4), ("kps", points, 10)):
            graph.output(f"{part}_{stride}", _rows(graph, value, columns), [1, count, columns])
    return _bytes(graph)


def yolox_graph(size: tuple[int, int] = (416, 416), *, decoded: bool = False, scale: float = 1.0) -> bytes:
    """Finds red (class 0) and blue blobs (class 1); one output [1, n, 7], raw or with boxes in pixels."""
    graph = Graph("yolox_like")
    image = graph.mul(graph.input("images", [1, 3, size[1], size[0]]), 1 / scale)
    red, blue = _colour(graph, image, RED), _colour(graph, image, BLUE)
    both = graph.add(red, blue)
    parts = []
    for stride, trust in ((8, 1.0), (16, 0.9), (32, 0.8)):
        found = _Cells(graph, both, both, stride, trust)
        named = [found.share_of(red), found.share_of(blue)]
        rows = _rows(graph, graph.concat(found.box, found.score, *named), 7)
        parts.append(_decoded(graph, rows, size, stride) if decoded else rows)
    count = sum((size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32))
    graph.output("output", graph.concat(*parts, axis=1), [1, count, 7])
    return _bytes(graph)


def detr_graph(size: tuple[int, int] = (320, 320), *, softmax: bool = False) -> bytes:
    """Finds one red and one blue blob in two of three queries: `logits` [1, 3, 2 or 3], `pred_boxes` [1, 3, 4]."""
    graph = Graph("detr_like")
    image = graph.mul(graph.input("pixel_values", [1, 3, size[1], size[0]]), 255.0)
    logits, boxes = _queries(graph, image, size)
    if softmax:
        nothing = graph.constant(np.zeros((1, 3, 1)))
        logits = graph.concat(graph.mul(logits, 1.0), nothing, axis=2)
    graph.output("logits", logits, [1, 3, 3 if softmax else 2])
    graph.output("pred_boxes", boxes, [1, 3, 4])
    return _bytes(graph)


def rtdetr_graph(size: tuple[int, int] = (320, 320)) -> bytes:
    """As `detr_graph`, with what RT-DETR as published answers: `labels`, `boxes` in units of `orig_target_sizes`,
    `scores`."""
    graph = Graph("rtdetr_like")
    image = graph.mul(graph.input("images", [1, 3, size[1], size[0]]), 255.0)
    wanted = graph.cast(graph.input("orig_target_sizes", [1, 2], INT64), 1)
    logits, boxes = _queries(graph, image, size)
    shares = str(graph.op("Sigmoid", logits))
    centre, spread = (
        str(part) for part in graph.op("Split", boxes, graph.constant([2, 2], "int64"), outputs=2, axis=2)
    )
    half = graph.div(spread, 2.0)
    corners = graph.concat(graph.sub(centre, half), graph.add(centre, half), axis=2)
    units = graph.concat(wanted, wanted, axis=1)
    graph.output("labels", str(graph.op("ArgMax", shares, axis=2, keepdims=0)), [1, 3], INT64)
    graph.output("boxes", graph.mul(corners, units), [1, 3, 4])
    graph.output("scores", str(graph.op("ReduceMax", shares, axes=[2], keepdims=0)), [1, 3])
    return _bytes(graph)


def classifier_graph(side: int = 48, *, softmax: bool = True) -> bytes:
    """Tells what colour a face has: red, blue or green, [1, 3] of probabilities or logits; input uint8 in BGR."""
    graph = Graph("classifier_like")
    image = graph.cast(graph.input("face", [1, 3, side, side], UINT8), 1)
    amounts = [graph.sum(_colour(graph, image, colour), [2, 3]) for colour in (RED, BLUE, GREEN)]
    logits = graph.mul(graph.concat(*amounts), 8.0 / side**2)
    flat = str(graph.op("Flatten", logits, axis=1))
    graph.output("expression", str(graph.op("Softmax", flat, axis=1)) if softmax else flat, [1, 3])
    return _bytes(graph)


class _Cells:
    """What each cell of a stride says of the blob around it, as planes."""

    def __init__(self, graph: Graph, mask: str, inside: str, stride: int, trust: float) -> None:
        self._graph = graph
        self._stride = stride
        self._mask = graph.cell_means(mask, stride)
        amount, across, down, wide, high = graph.split(self._moments(), 5)
        total = graph.add(amount, 1e-3)
        x, y = graph.div(across, total), graph.div(down, total)
        sides = [self._side(square, middle, total) for square, middle in ((wide, x), (high, y))]
        self.box = graph.concat(graph.add(x, 0.5), graph.add(y, 0.5), *sides)
        at = graph.cell_means(inside, stride)
        self.score = graph.mul(graph.mul(graph.clip(at, 0.0, 1.0), graph.clip(amount, 0.0, 1.0)), trust)

    def share_of(self, mask: str) -> str:
        """How much of the colour of each cell is of `mask`."""
        graph = self._graph
        return graph.div(graph.cell_means(mask, self._stride), graph.add(self._mask, 1e-3))

    def _moments(self) -> str:
        reach = round(_REACH / self._stride)
        steps = np.arange(-reach, reach + 1, dtype=np.float32)
        x, y = np.meshgrid(steps, steps)
        kernels = np.stack([np.ones_like(x), x, y, x * x, y * y])[:, None]
        return str(self._graph.op("Conv", self._mask, self._graph.constant(kernels), pads=[reach] * 4))

    def _side(self, square: str, middle: str, total: str) -> str:
        """The logarithm of a side in cells: a uniform bar of length a has the variance a*a/12."""
        graph = self._graph
        variance = graph.sub(graph.div(square, total), graph.mul(middle, middle))
        within = graph.add(graph.max(variance, 0.0), 1 / 12)
        return str(graph.op("Log", graph.sqrt(graph.mul(within, 12.0))))


def _queries(graph: Graph, image: str, size: tuple[int, int]) -> tuple[str, str]:
    """Logits [1, 3, 2] and boxes [1, 3, 4]: the red of the whole picture, the blue, and nothing. Input is RGB."""
    width, height = size
    x = graph.constant(((np.arange(width) + 0.5) / width).reshape(1, 1, 1, width))
    y = graph.constant(((np.arange(height) + 0.5) / height).reshape(1, 1, height, 1))
    boxes, rows = [], []
    for index, colour in enumerate((RED, BLUE)):
        mask = _colour(graph, image, colour, rgb=True)
        amount = graph.sum(mask, [2, 3])
        total = graph.add(amount, 1e-3)
        middles, sides = [], []
        for place in (x, y):
            middle = graph.div(graph.sum(graph.mul(mask, place), [2, 3]), total)
            away = graph.sub(place, middle)
            variance = graph.div(graph.sum(graph.mul(mask, graph.mul(away, away)), [2, 3]), total)
            middles.append(middle)
            sides.append(graph.sqrt(graph.mul(variance, 12.0)))
        boxes.append(graph.concat(*middles, *sides, axis=3))
        sure = graph.sub(graph.mul(graph.clip(graph.div(amount, 50.0), 0.0, 1.0), 12.0), 8.0)
        other = graph.constant(np.full((1, 1, 1, 1), -8.0))
        rows.append(graph.concat(*((sure, other) if index == 0 else (other, sure)), axis=3))
    boxes.append(graph.constant(np.full((1, 1, 1, 4), 0.5)))
    rows.append(graph.constant(np.full((1, 1, 1, 2), -8.0)))
    return tuple(_flat(graph, graph.concat(*found, axis=2)) for found in (rows, boxes))  # type: ignore[return-value]


def _flat(graph: Graph, value: str) -> str:
    """[1, 1, n, m] as [1, n, m]."""
    return str(graph.op("Squeeze", value, graph.constant([1], "int64")))


def _colour(graph: Graph, image: str, colour: tuple[int, int, int], *, rgb: bool = False) -> str:
    """How much each pixel has of a colour, 0 to 1, as a plane."""
    weights = np.array(_BGR_WEIGHTS[colour], np.float32)[:: -1 if rgb else 1].reshape(1, 3, 1, 1)
    amount = graph.op("Conv", image, graph.constant(weights))
    return graph.clip(graph.div(graph.sub(str(amount), _FLOOR), _RANGE), 0.0, 1.0)


def _rows(graph: Graph, planes: str, columns: int) -> str:
    """[1, columns, rows, columns] as [1, n, columns], cell by cell."""
    last = graph.op("Transpose", planes, perm=[0, 2, 3, 1])
    return str(graph.op("Reshape", last, graph.constant([1, -1, columns], "int64")))


def _decoded(graph: Graph, rows: str, size: tuple[int, int], stride: int) -> str:
    """Offsets and logarithms as pixels."""
    y, x = np.mgrid[0 : size[1] // stride, 0 : size[0] // stride]
    corners = graph.constant(np.stack([x.ravel(), y.ravel()], axis=1)[None])
    place, spread, rest = graph.op("Split", rows, graph.constant([2, 2, 3], "int64"), outputs=3, axis=2)
    centres = graph.mul(graph.add(place, corners), float(stride))
    return graph.concat(centres, graph.mul(str(graph.op("Exp", spread)), float(stride)), rest, axis=2)


def _bytes(graph: Graph) -> bytes:
    model: bytes = graph.model().SerializeToString()
    return model
