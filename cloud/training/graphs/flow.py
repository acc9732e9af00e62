"""Speed: how far each place of a plane went since an earlier plane, by optical flow at half scale.

Lucas and Kanade (IJCAI 1981): damped least squares over a window. At half scale steps of a few pixels are followed and
the least squares cost a quarter; a second flow at full scale told small steps a little better (.973 against .967 on
Ped2) and cost more than all the rest of the model.
"""

from typing import Final

import numpy as np

from cloud.training.graphs.builder import Graph

WINDOW: Final = 5
"""Side of the window in pixels of half scale."""
DAMPING: Final = 1.0
"""Added to the flow's matrix, so that a flat patch has no speed instead of any."""
LIMIT: Final = 6.0
"""Pixels: a longer flow is a guess, for its window holds no more."""


_SCALE: Final = 2


def step_length(graph: Graph, luma: str, previous: str) -> str:
    """Length of the flow from `previous` to `luma` in their pixels, told at half scale."""
    now, before = (graph.cell_means(plane, _SCALE) for plane in (luma, previous))
    dx, dy = graph.split(_slopes(graph, graph.add(now, before)), 2)
    dt = graph.sub(now, before)
    products = [graph.mul(a, b) for a, b in ((dx, dx), (dx, dy), (dy, dy), (dx, dt), (dy, dt))]
    xx, xy, yy, xt, yt = graph.split(graph.mean_filter(graph.concat(*products), WINDOW, at_once=True), 5)
    xx, yy = (graph.add(square, DAMPING / _SCALE**2) for square in (xx, yy))
    along = graph.sub(graph.mul(xy, yt), graph.mul(yy, xt))
    across = graph.sub(graph.mul(xy, xt), graph.mul(xx, yt))
    length = graph.sqrt(graph.add(graph.mul(along, along), graph.mul(across, across)))
    return graph.min(graph.div(length, graph.sub(graph.mul(xx, yy), graph.mul(xy, xy))), LIMIT)


def _slopes(graph: Graph, total: str) -> str:
    """Horizontal and vertical derivative (Sobel) by the pixel of full scale, as two channels.

    Of the mean of two planes at half scale whose sum is `total`: the mean and the scale are in the kernels, exactly.
    """
    across = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8
    kernels = np.stack([across, across.T])[:, None] / (2 * _SCALE)
    return str(graph.op("Conv", total, graph.constant(kernels), pads=[1, 1, 1, 1]))
