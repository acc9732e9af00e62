"""How well a frame shows what was found in it, so that of each event the best picture is kept."""

import math
from typing import Final

from contract.messages import Box
from edge.vision.events.merging import rank_of
from edge.vision.findings import Finding

_BORDER: Final = 0.004
_CUT_WORTH: Final = 0.6
"""What touches the border of the picture is probably cut off by it."""
_MARGIN: Final = 0.03
"""So much clearer, or it is as clear: a picture is not replaced for nothing."""


def is_clearer(finding: Finding, than: Finding) -> bool:
    """Whether one finding of an event is worth a new picture: graver, or as grave and clearer to see."""
    rank, other = rank_of(finding), rank_of(than)
    return rank > other or (rank == other and clarity_of(finding) > clarity_of(than) + _MARGIN)


def clarity_of(finding: Finding) -> float:
    """0 to 2: the confidence, and how large it is in the picture (the side of a square of the same area)."""
    area = sum(_visible_area(box) for box in finding.boxes)
    return finding.confidence + math.sqrt(min(area, 1.0))


def _visible_area(box: Box) -> float:
    left, top, right, bottom = box.x, box.y, box.x + box.w, box.y + box.h
    inside = max(0.0, min(right, 1.0) - max(left, 0.0)) * max(0.0, min(bottom, 1.0) - max(top, 0.0))
    cut = min(left, top) < _BORDER or max(right, bottom) > 1.0 - _BORDER
    return inside * (_CUT_WORTH if cut else 1.0)
