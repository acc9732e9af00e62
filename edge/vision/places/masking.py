"""Where a plan says that motion does not count, and where it lets nothing be seen."""

import numpy as np

from contract.plan import Plan
from edge.vision.pixels.luma import Plane
from edge.vision.places.geometry import fill


def counting_mask(plan: Plan, size: tuple[int, int]) -> Plane | None:
    """255 where motion counts, 0 where it is ignored, uint8 [height, width]; None if it counts everywhere.

    It is ignored outside of all `include` zones where there are any, and inside `exclude` and `privacy` zones. A pixel
    is where its centre is; `size` is (width, height).
    """
    included = [fill(zone.points, size) for zone in plan.zones if zone.kind == "include"]
    ignored = [fill(zone.points, size) for zone in plan.zones if zone.kind in ("exclude", "privacy")]
    if not included and not ignored:
        return None
    counts = np.logical_or.reduce(included) if included else np.ones((size[1], size[0]), bool)
    for one in ignored:
        counts &= ~one
    return np.where(counts, 255, 0).astype(np.uint8)


def shown_mask(plan: Plan, size: tuple[int, int]) -> Plane | None:
    """255 where the view is seen, 0 where it is painted over, uint8 [height, width]; None if it is seen everywhere."""
    painted = [fill(zone.points, size) for zone in plan.zones if zone.kind == "privacy"]
    return np.where(np.logical_or.reduce(painted), 0, 255).astype(np.uint8) if painted else None
