"""One picture as the camera gave it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge.core.access_unit import AccessUnit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """A JPEG and when it was taken. The bytes are shared by every viewer and never changed.

    `luma` is the full-size brightness plane, uint8 [height, width], where the source had it decoded anyway;
    otherwise whoever analyses decodes from `jpeg` at the scale it needs. `units` is what the camera sent since the
    frame before, as it compressed it; empty if it sends JPEG, or if something in the picture must not be seen.
    """

    camera: str
    seq: int
    jpeg: bytes
    width: int
    height: int
    mono_ns: int
    luma: "NDArray[np.uint8] | None" = field(default=None, compare=False, repr=False)
    units: tuple[AccessUnit, ...] = field(default=(), compare=False, repr=False)
