"""Speed: how far each place of a plane went since an earlier plane, by optical flow at half scale.

Lucas and Kanade (IJCAI 1981): damped least squares over a window. At half scale steps of a few pixels are followed and
the least squares cost a quarter; a second flow at full scale told small steps a little better (.973 against .967 on
Ped2) and cost more than all the rest of the model.
"""

from typing import Final

from cloud.training.graphs.builder import Graph

WINDOW: Final = 5
"""Side of the window in pixels of half scale."""
DAMPING: Final = 1.0
"""Added to the flow's matrix, so that a flat patch has no speed instead of any."""
LIMIT: Final = 6.0
"""Pixels: a longer flow is a guess, for its window holds no more."""


def step_length(graph: Graph, luma: str, previous: str) -> str:
    """Length of the flow from `previous` to `luma` in their pixels, told at half scale."""
    now, before = (graph.cell_means(plane, 2) for plane in (luma, previous))
    return graph.min(graph.mul(_flow(graph, now, before), 2.0), LIMIT)


def _flow(graph: Graph, now: str, before: str) -> str:
    """Length of the flow in pixels of these planes."""
    middle, dt = graph.mul(graph.add(now, before), 0.5), graph.sub(now, before)
    dx, dy = graph.split(graph.gradient(middle), 2)
    products = [graph.mul(a, b) for a, b in ((dx, dx), (dx, dy), (dy, dy), (dx, dt), (dy, dt))]
    xx, xy, yy, xt, yt = graph.split(graph.mean_filter(graph.concat(*products), WINDOW), 5)
    xx, yy = graph.add(xx, DAMPING), graph.add(yy, DAMPING)
    determinant = graph.sub(graph.mul(xx, yy), graph.mul(xy, xy))
    along = graph.div(graph.sub(graph.mul(xy, yt), graph.mul(yy, xt)), determinant)
    across = graph.div(graph.sub(graph.mul(xy, xt), graph.mul(xx, yt)), determinant)
    return graph.sqrt(graph.add(graph.mul(along, along), graph.mul(across, across)))
