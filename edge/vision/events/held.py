"""What would be an event but may not begin now: remembered while it goes on, counted once it is over, and told."""

from typing import Final

from edge.vision.events.merging import Key

_QUIET_NS: Final = 3_000_000_000
"""What has not been seen for so long is over."""


class HeldBack:
    """What limits and cool-downs hold back, by key. Moments are monotonic nanoseconds.

    `suppressed` counts what was over before it might begin. What goes on that long begins late, and is not counted.
    """

    def __init__(self) -> None:
        self.suppressed = 0
        self._untold = 0
        self._last_ns: dict[Key, int] = {}

    def hold(self, key: Key, at_ns: int) -> None:
        """It was seen, and may not begin."""
        self._last_ns[key] = at_ns

    def release(self, key: Key) -> None:
        """It begins."""
        self._last_ns.pop(key, None)

    def forget_over(self, at_ns: int) -> None:
        """Count what is over by now: it will not be an event any more."""
        self._count([key for key, last_ns in self._last_ns.items() if at_ns - last_ns > _QUIET_NS])

    def forget_all(self) -> None:
        """Count everything that is held: nothing of it goes on."""
        self._count(list(self._last_ns))

    def tell(self) -> tuple[str, ...]:
        """What the event that opens now has to say of those that could not, since the last that told."""
        untold, self._untold = self._untold, 0
        if not untold:
            return ()
        return (f"before it, {untold} more {'was' if untold == 1 else 'were'} held back so that events do not flood",)

    def _count(self, over: list[Key]) -> None:
        for key in over:
            del self._last_ns[key]
        self.suppressed += len(over)
        self._untold += len(over)
