"""What one picture alone says of its camera: dark, washed out, out of focus, covered, or turned elsewhere."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.vision.pixels.luma import CELL, Plane
from edge.vision.pixels.view import Likeness, View
from edge.vision.state import ConditionKind

_DARK, _LIGHT, _EVEN = 24.0, 228.0, 10.0
"""Luma: black is below, washed out above, and in both the pixels spread by less than the last around the mean."""
_BLIND: Final = 12.0
"""Luma: so dark that faint edges do not help."""
_LOST: Final = 0.1
"""With fewer of its edges where they were the picture is not the learned view."""
_DOUBTED: Final = 0.3
"""With fewer it may be the view, shifted; with more, it is the view."""
_FADED: Final = 0.6
_BLUNT, _SHARP = 0.4, 0.6
"""Sharpness below which the picture is blurred, and above which it no longer is."""
_DOUBT_NS: Final = 30_000_000_000
"""Nothing is learned from pictures that lack detail for so long; if something else lies before the camera for longer,
it belongs to the view."""
_PROOFS: Final = 2
"""So many pictures must have been clearly the learned view before one is called blurred beside it: what drove through
it all the while that it was learned is not the view."""
_SAME_LAYOUT: Final = 0.9
_SHAKEN_LAYOUT: Final = 0.8
_SHAKE: Final = 12.0
"""Pixels: a view shifted by no more is the motion detector's to deal with."""
_LOOK_NS: Final = 500_000_000
_BREATH_NS: Final = 150_000_000
"""A picture that was looked at closely, and well, is not looked at again so soon, whatever passes before the camera."""
_CHANGED: Final = 6
"""Luma: a cell whose mean differs by more is another than when the picture was last looked at closely."""
_MANY: Final = 0.2
"""Share of changed cells from which it is looked at closely again, else only twice a second: that is dear."""
_GREW: Final = 0.03
"""Share of the picture: if so much more of it moves than twice what did when it was last looked at closely, that may be
the lens; in a crowd the share varies."""
_SHAKY, _HABIT = 0.3, 0.1
"""A camera that showed its view shaken in so many of its last pictures (smoothed by the second number) is shaken."""
_CERTAIN: Final = 0.6
_STAYS: Final = 0.4
"""Share of edges that another view keeps if it is one, and not a thing that passes before the camera."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a picture looks like, how clearly (0 to 1), and why. `judged`: motion can be told in it all the same."""

    kind: ConditionKind
    clearly: float = 0.0
    why: str = ""
    judged: bool = False


FINE: Final = Fault("ok", judged=True)
_SURE: Final = Fault("ok", 1.0, judged=True)


class FaultFinder:
    """Looks at one picture after the other and compares it with the learned view."""

    def __init__(self) -> None:
        self._view, self._other = View(), View()
        self._looked_ns: int | None = None
        self._fine_until_ns = 0
        self._looked: Plane | None = None
        self._shaken = self._moved = 0.0
        self._blunt_ns: int | None = None
        self._proofs = 0
        self.other_since_ns: int | None = None
        """Since when the camera has been looking at one and the same other view."""

    @property
    def known(self) -> bool:
        """Whether there is a learned view."""
        return self._view.known

    @property
    def settled(self) -> bool:
        """Whether the learned view is known well."""
        return self._view.settled

    def learn(self, luma: Plane, background: Plane, at_ns: int) -> None:
        """`luma` is a picture of the view, `background` what of it does not move; where one is known, some of it."""
        if self._blunt_ns is None or at_ns - self._blunt_ns >= _DOUBT_NS:
            self._view.learn(luma, background)

    def adopt(self, luma: Plane) -> None:
        """`luma` shows the view, whatever was known before."""
        self._view.forget()
        self._view.learn(luma)
        self.other_since_ns = None

    def find(self, luma: Plane, at_ns: int, told: ConditionKind, *, moving_share: float = 0.0) -> Fault:
        """What `luma` looks like; `told` is what is said of the camera, and goes on being found a little longer.

        `moving_share` is that of the frame before: where it leapt, the picture is looked at closely at once.
        """
        leapt = moving_share > 2 * self._moved + _GREW
        if told == "ok" and not leapt and self._fine_until_ns > at_ns:
            return FINE
        if leapt:
            self._looked = None
        cells = cv2.resize(luma, (luma.shape[1] // CELL, luma.shape[0] // CELL), interpolation=cv2.INTER_AREA)
        if told == "ok" and self._is_as_before(np.asarray(cells, np.uint8), at_ns):
            return FINE
        fault = self._look(luma, at_ns, told)
        self._looked = np.asarray(cells, np.uint8) if fault is _SURE else None
        self._looked_ns, self._moved = at_ns, moving_share
        self._fine_until_ns = at_ns + _BREATH_NS if fault.kind == "ok" else 0
        return fault

    def _is_as_before(self, cells: Plane, at_ns: int) -> bool:
        """Whether the last picture looked at was clearly fine, and this one is hardly another."""
        if self._looked is None or self._looked_ns is None or at_ns - self._looked_ns >= _LOOK_NS:
            return False
        changed = cv2.countNonZero(cv2.threshold(cv2.absdiff(cells, self._looked), _CHANGED, 1, cv2.THRESH_BINARY)[1])
        return changed < _MANY * cells.size

    def _look(self, luma: Plane, at_ns: int, told: ConditionKind) -> Fault:
        like = self._view.compare(luma)
        kept = like.kept if like else 0.0
        if like is None or like.sharpness > _SHARP or self._proofs < _PROOFS:
            self._blunt_ns = None
        elif self._blunt_ns is None:
            self._blunt_ns = at_ns
        fault = _by_light(luma, kept)
        if fault is None and like is not None:
            blurred = _blurred(like, told) if self._proofs >= _PROOFS else None
            fault = blurred or self._by_edges(like, luma, told)
        if fault is None:
            fault = _SURE if like and like.kept > _CERTAIN and like.sharpness > _CERTAIN else FINE
            self._proofs += fault is _SURE
        self._follow_other(fault, luma, at_ns)
        return fault

    def _by_edges(self, like: Likeness, luma: Plane, told: ConditionKind) -> Fault | None:
        if like.kept > _DOUBTED:
            return None
        lost = like.kept < (_LOST if told == "ok" else _DOUBTED)
        if lost and like.faded > _FADED:
            return Fault("covered", like.faded, f"the edges of the view are gone from {like.faded:.0%} of the picture")
        shift = self._view.find_shift(luma)
        shaken = _is_shake(shift) if shift else abs(like.layout) > _SHAKEN_LAYOUT
        self._shaken += _HABIT * (shaken - self._shaken)
        if shift is not None:
            return None if shaken else _shifted(shift, luma)
        if lost:
            why = f"only {like.kept:.0%} of the picture shows the edges of the view that was learned"
            return Fault("moved", 1 - like.kept, why, judged=shaken or self._shaken > _SHAKY)
        return None

    def _follow_other(self, fault: Fault, luma: Plane, at_ns: int) -> None:
        """A bus before the camera is another picture every moment; a camera that was turned sees one that stays."""
        if fault.kind != "moved":
            self.other_since_ns = None
            return
        like = self._other.compare(luma) if self.other_since_ns is not None else None
        if like is None or like.kept < _STAYS:
            self.other_since_ns = at_ns
            self._other.forget()
            self._other.learn(luma)


def _by_light(luma: Plane, kept: float) -> Fault | None:
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(luma))
    if spread > _EVEN:
        return None
    if mean < _DARK and (kept < _DOUBTED or mean + spread < _BLIND):
        return Fault("black", 1.0, f"the picture is black: brightness {mean:.0f} of 255, and even all over")
    if mean > _LIGHT:
        return Fault("bright", 1.0, f"the picture is washed out: brightness {mean:.0f} of 255, and even all over")
    return None


def _blurred(like: Likeness, told: ConditionKind) -> Fault | None:
    """Once it is said, only sharp places end it: a thing that passes changes light and shade, and sharpens nothing."""
    goes_on = told == "blurred" and like.kept > _LOST
    if like.sharpness > (_SHARP if goes_on else _BLUNT) or (like.layout < _SAME_LAYOUT and not goes_on):
        return None
    why = f"fine detail is down to {like.sharpness:.0%} of what it was, while light and shade are where they were"
    return Fault("blurred", 1 - like.sharpness, why)


def _is_shake(shift: tuple[float, float]) -> bool:
    return max(abs(shift[0]), abs(shift[1])) <= _SHAKE


def _shifted(shift: tuple[float, float], luma: Plane) -> Fault:
    height, width = luma.shape
    right, down = abs(shift[0]) / width, abs(shift[1]) / height
    return Fault("moved", 1.0, f"the view is shifted by {right:.0%} of its width and {down:.0%} of its height")
