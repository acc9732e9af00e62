"""Speed: how far each place of a plane went since an earlier plane, by optical flow at two scales.

Lucas and Kanade (IJCAI 1981): damped least squares over a window. At full scale it is exact for small steps and blind
to long ones; at half scale it follows steps twice as long. Where the coarse flow is short the fine one counts, where it
is long the coarse one does. So a speed comes out alike whether frames are near in time or far apart.
"""

from typing import Final

from cloud.training.graphs.builder import Graph

WINDOW: Final = 5
"""Side of the window in pixels of half scale; both flows are told there."""
DAMPING: Final = 2.0
"""Added to the flow's matrix, so that a flat patch has no speed instead of any."""
FINE_LIMIT, COARSE_LIMIT = 4.0, 6.0
"""Pixels: longer flows than these are guesses, for their windows hold no more."""
HANDOVER: Final = 1.0
"""Pixels of coarse flow from which on the fine one counts less; a pixel later it does not count."""


def step_length(graph: Graph, luma: str, previous: str) -> str:
    """Length of the flow from `previous` to `luma` in their pixels, told at half scale."""
    fine = graph.min(_flow(graph, luma, previous, halving=2), FINE_LIMIT)
    small_luma, small_previous = (graph.cell_means(plane, 2) for plane in (luma, previous))
    coarse = graph.min(graph.mul(_flow(graph, small_luma, small_previous), 2.0), COARSE_LIMIT)
    weight = graph.clip(graph.sub(coarse, HANDOVER), 0.0, 1.0)
    return graph.add(fine, graph.mul(weight, graph.sub(coarse, fine)))


def _flow(graph: Graph, now: str, before: str, halving: int = 1) -> str:
    """Length of the flow in pixels of these planes; its least squares are summed at 1/`halving` of their scale."""
    middle, dt = graph.mul(graph.add(now, before), 0.5), graph.sub(now, before)
    dx, dy = graph.split(graph.gradient(middle), 2)
    products = [graph.mul(a, b) for a, b in ((dx, dx), (dx, dy), (dy, dy), (dx, dt), (dy, dt))]
    summed = graph.concat(*products)
    if halving > 1:
        summed = graph.cell_means(summed, halving)
    xx, xy, yy, xt, yt = graph.split(graph.mean_filter(summed, WINDOW), 5)
    xx, yy = graph.add(xx, DAMPING), graph.add(yy, DAMPING)
    determinant = graph.sub(graph.mul(xx, yy), graph.mul(xy, xy))
    along = graph.div(graph.sub(graph.mul(xy, yt), graph.mul(yy, xt)), determinant)
    across = graph.div(graph.sub(graph.mul(xy, xt), graph.mul(xx, yt)), determinant)
    return graph.sqrt(graph.add(graph.mul(along, along), graph.mul(across, across)))
