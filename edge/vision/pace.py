"""Which frames are analysed: every n-th, no more than so many a second, always the newest."""

import asyncio
from typing import Final

from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.slot import Slot, SlotClosedError

IDLE_S: Final = 1.0
_EARLY: Final = 0.9
"""A frame that comes a tenth of an interval early is still in time."""


class FramePace:
    """Takes the frames that are due from a slot. `skipped` counts those that came and went unseen: we were too slow."""

    def __init__(self, slot: Slot[Frame], clock: Clock, *, every_nth: int, max_fps: float) -> None:
        self._slot = slot
        self._clock = clock
        self._every_nth = every_nth
        self._least_ns = _EARLY * 1e9 / max_fps
        self._seen = slot.version
        self._wanted = slot.version + 1
        self._taken_ns: int | None = None
        self.skipped = 0

    async def next_due(self) -> Frame | None:
        """The next frame to analyse; None after a second without any, and at intervals once the slot is closed."""
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    version, frame = await self._slot.next(self._seen)
            except TimeoutError:
                return None
            except SlotClosedError:
                await self._clock.sleep(IDLE_S)
                return None
            self.skipped += version - self._seen - 1
            self._seen = version
            if self._due(version, frame):
                self._wanted, self._taken_ns = version + self._every_nth, frame.mono_ns
                return frame

    def _due(self, version: int, frame: Frame) -> bool:
        early = self._taken_ns is not None and frame.mono_ns - self._taken_ns < self._least_ns
        return version >= self._wanted and not early
