"""What every camera can do, so that the service need not know which one it has."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edge.core.access_unit import AccessUnit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Picture:
    """One JPEG with its size in pixels.

    `luma` is the brightness plane, uint8 [height, width], 0 black to 255 white, where the driver had it decoded anyway.
    `order` is the number of the order of privacy that it was painted by. `passed_over` pictures came before it that
    nobody wanted. `units` is what the source sent since the picture before, as it compressed it; a painted picture has
    none.
    """

    jpeg: bytes
    width: int
    height: int
    luma: "NDArray[np.uint8] | None" = field(default=None, compare=False, repr=False)
    order: int = 0
    passed_over: int = 0
    units: tuple[AccessUnit, ...] = field(default=(), compare=False, repr=False)


class Camera(Protocol):
    """One connection to one source of pictures, used once: `open`, any number of `read`, `close`.

    All calls may block and belong to one thread, but for `close`.
    """

    def open(self) -> None:
        """Connect to the source.

        Raise `SourceUnavailableError` with a reason a person can act on, also when `close` was called meanwhile.
        """
        ...

    def read(self) -> Picture:
        """Wait for the next picture.

        Raise `SourceUnavailableError` when the source is lost or `close` was called, `SourceEndedError` when a finite
        source is over.
        """
        ...

    def close(self) -> None:
        """Let go of the source. May be called at any time, again, and from any thread; a blocked `read` ends soon."""
        ...

    def describe(self) -> str:
        """What this is, for people: never with a password."""
        ...
