"""A remembered spot of the picture: how it looked before something changed there, and how after.

What stands still becomes background sooner or later, and who walks past hides it. The spot still tells: while it looks
as it did after the change, the change holds.
"""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.messages import Box
from edge.vision.pixels.blobs import Blob
from edge.vision.pixels.luma import Floats, Plane
from edge.vision.pixels.stillness import is_gap, is_trace, window_of

_MARGIN: Final = 4
_NEAR: Final = np.ones((5, 5), np.uint8)
_ALIKE: Final = 0.5
"""A spot looks as it did if it differs by less than this share of what the change changed."""
_LEAST_CONTRAST: Final = 4.0
"""Luma: what changed less cannot be told from noise."""
_STIRS: Final = 16.0
_STIRRING: Final = 0.03
"""What stands still does not change by so much luma in more than this share of its pixels."""
Change = Literal["come", "gone", "none"]
State = Literal["holds", "undone", "hidden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What objects left and removed are seen in: the picture, the remembered background and the mask of what moves
    (255), all [height, width] of one size and valid for this step only."""

    luma: Plane
    background: Plane
    mask: Plane


@dataclass(frozen=True, slots=True)
class Patch:
    """The spot: its rows and columns, both looks, which of its pixels changed, and which lie around these."""

    window: tuple[slice, slice]
    before: Floats
    after: Floats
    inside: NDArray[np.bool_]
    around: NDArray[np.bool_]
    contrast: float


def kind_of(box: Box, view: View) -> Change:
    """What changed where something stands still: a thing has `come`, one has `gone`, or only the light changed."""
    blob = Blob(box.x, box.y, box.w, box.h, box.w * box.h)
    if not is_trace(blob, view.mask, view.luma, view.background):
        return "come"
    return "gone" if is_gap(blob, view.mask, view.luma, view.background) else "none"


def take(box: Box, view: View) -> Patch | None:
    """Remember the spot of a still thing; None where too little changed to be told apart later."""
    window = window_of(Blob(box.x, box.y, box.w, box.h, 0.0), view.mask.shape, _MARGIN)
    changed = np.asarray(view.mask[window] > 0, np.uint8)
    if not changed.any():
        return None
    inside, around = changed > 0, cv2.dilate(changed, _NEAR) == 0
    before, after = view.background[window].astype(np.float32), view.luma[window].astype(np.float32)
    contrast = float(np.abs(after - before)[inside].mean())
    return Patch(window, before, after, inside, around, contrast) if contrast >= _LEAST_CONTRAST else None


def state_of(patch: Patch, luma: Plane) -> State:
    """Whether the change still `holds`, is `undone`, or is `hidden` by something else. Light that changed evenly since
    then is made up for by what lies around the spot."""
    now = cut(patch, luma)
    differs_now, differed = _difference(patch, now, patch.after), _difference(patch, now, patch.before)
    if min(differs_now, differed) > _ALIKE * patch.contrast:
        return "hidden"
    return "holds" if differs_now <= differed else "undone"


def cut(patch: Patch, luma: Plane) -> Floats:
    """How the spot looks now."""
    return luma[patch.window].astype(np.float32)


def stirs(patch: Patch, before: Floats, now: Floats) -> bool:
    """Whether part of what stands in the spot has moved between two looks at it."""
    return bool((_changes(patch, now, before)[patch.inside] > _STIRS).mean() > _STIRRING)


def _difference(patch: Patch, now: Floats, then: Floats) -> float:
    return float(_changes(patch, now, then)[patch.inside].mean())


def _changes(patch: Patch, now: Floats, then: Floats) -> Floats:
    change = now - then
    light = np.median(change[patch.around]) if patch.around.any() else 0.0
    return np.asarray(np.abs(change - light))
