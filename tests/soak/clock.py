"""The generator's clock: the host's, with a wall clock that can be moved and mistrusted."""

from edge.core.clock import Stamp, SystemClock


class MovableClock(SystemClock):
    """`wall_offset_ms` is added to the host's wall time; `trusted` is what the clock says of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.wall_offset_ms = 0
        self.trusted = True

    def now(self) -> Stamp:
        """This moment."""
        true = super().now()
        return Stamp(true.mono_ns, true.wall_ms + self.wall_offset_ms, self.trusted)
