"""Speed: how far each place of a plane went since an earlier plane, by optical flow at two scales.

Lucas and Kanade (IJCAI 1981): damped least squares over a window. At full scale it is exact for small steps and blind
to long ones; at half scale it follows steps twice as long. Where the coarse flow is short the fine one counts, where it
is long the coarse one does. So a speed comes out alike whether frames are near in time or far apart.
"""

from typing import Final

from cloud.training.graphs.builder import Graph

FINE_WINDOW, COARSE_WINDOW = 9, 5
DAMPING: Final = 2.0
"""Added to the flow's matrix, so that a flat patch has no speed instead of any."""
FINE_LIMIT, COARSE_LIMIT = 4.0, 6.0
"""Pixels: longer flows than these are guesses, for their windows hold no more."""
HANDOVER: Final = 1.0
"""Pixels of coarse flow from which on the fine one counts less; a pixel later it does not count."""


def step_length(graph: Graph, luma: str, previous: str) -> str:
    """Length of the flow from `previous` to `luma` in pixels, for every second pixel both ways."""
    fine = graph.min(_flow(graph, luma, previous, FINE_WINDOW, every=2), FINE_LIMIT)
    small_luma, small_previous = (graph.cell_means(plane, 2) for plane in (luma, previous))
    coarse = graph.min(graph.mul(_flow(graph, small_luma, small_previous, COARSE_WINDOW), 2.0), COARSE_LIMIT)
    weight = graph.clip(graph.sub(coarse, HANDOVER), 0.0, 1.0)
    return graph.add(fine, graph.mul(weight, graph.sub(coarse, fine)))


def _flow(graph: Graph, now: str, before: str, window: int, every: int = 1) -> str:
    """Length of the flow in pixels of these planes, for every `every`-th pixel both ways."""
    middle, dt = graph.mul(graph.add(now, before), 0.5), graph.sub(now, before)
    dx, dy = graph.split(graph.gradient(middle), 2)
    products = [graph.mul(a, b) for a, b in ((dx, dx), (dx, dy), (dy, dy), (dx, dt), (dy, dt))]
    xx, xy, yy, xt, yt = graph.split(graph.mean_filter(graph.concat(*products), window, every), 5)
    xx, yy = graph.add(xx, DAMPING), graph.add(yy, DAMPING)
    determinant = graph.sub(graph.mul(xx, yy), graph.mul(xy, xy))
    along = graph.div(graph.sub(graph.mul(xy, yt), graph.mul(yy, xt)), determinant)
    across = graph.div(graph.sub(graph.mul(xy, xt), graph.mul(xx, yt)), determinant)
    return graph.sqrt(graph.add(graph.mul(along, along), graph.mul(across, across)))
