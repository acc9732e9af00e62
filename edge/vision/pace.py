"""Which frames are analysed: every n-th, no more than so many a second, fewer while nothing goes on, always the newest;
whether that succeeds."""

import asyncio
from collections import deque
from typing import Final

from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.slot import Slot, SlotClosedError

IDLE_S: Final = 1.0
_EARLY: Final = 0.9
"""A frame that comes a tenth of an interval early is still in time."""
_WINDOW_NS: Final = 10_000_000_000
_WINDOW_LIMIT: Final = 2000
_LEAST_TAKEN: Final = 10
_BEHIND: Final = 0.2
"""Analysis is behind while it misses more than this share of the frames that were due."""


class FramePace:
    """Takes the frames that are due from a slot. `skipped` counts those that came and went unseen: we were too slow."""

    def __init__(
        self, slot: Slot[Frame], clock: Clock, *, every_nth: int, max_fps: float, calm_fps: float | None = None
    ) -> None:
        """`calm_fps`: no more than so many a second while it is `calm`."""
        self._slot = slot
        self._clock = clock
        self._every_nth = every_nth
        self._lively_ns = _EARLY * 1e9 / max_fps
        self._calm_ns = max(self._lively_ns, _EARLY * 1e9 / (calm_fps or max_fps))
        self.calm = False
        """Whether nothing goes on; to be set by who looks at the frames."""
        self._seen = slot.version
        self._wanted = slot.version + 1
        self._taken_ns: int | None = None
        self._taken_version = slot.version
        self._skipped_before = 0
        self._recent: deque[tuple[int, int]] = deque()
        self._missed_lately = 0
        self.skipped = 0

    @property
    def fps(self) -> float:
        """Frames a second that were taken lately; 0 once none came for a second."""
        if len(self._recent) < 2:  # noqa: PLR2004 - an interval has two ends
            return 0.0
        return (len(self._recent) - 1) * 1e9 / max(self._recent[-1][0] - self._recent[0][0], 1)

    @property
    def behind(self) -> bool:
        """Whether more of the frames that were due lately were missed than can pass for an accident."""
        taken, missed = len(self._recent), self._missed_lately
        return taken >= _LEAST_TAKEN and missed > _BEHIND * (taken + missed)

    @property
    def _least_ns(self) -> float:
        return self._calm_ns if self.calm else self._lively_ns

    async def next_due(self) -> Frame | None:
        """The next frame to analyse; None after a second without any, and at intervals once the slot is closed."""
        if self._taken_ns is not None:
            self._slot.rest(self._taken_ns + round(self._least_ns))
        while True:
            seen = self._seen
            try:
                async with asyncio.timeout(IDLE_S):
                    version, frame = await self._slot.next(seen, self._wants)
            except TimeoutError:
                if self._seen > seen:
                    continue  # frames do come, none of them due
                self._forget()
                return None
            except SlotClosedError:
                self._forget()
                await self._clock.sleep(IDLE_S)
                return None
            self.skipped += version - self._seen - 1
            self._seen = version
            if self._due(version, frame):
                self._take(version, frame)
                return frame

    def _wants(self, version: int, frame: Frame) -> bool:
        """Whether to be woken for a frame; one that is not due has been seen with that."""
        if self._due(version, frame):
            return True
        self._seen = version
        return False

    def _due(self, version: int, frame: Frame) -> bool:
        early = self._taken_ns is not None and frame.mono_ns - self._taken_ns < self._least_ns
        return version >= self._wanted and not early

    def _take(self, version: int, frame: Frame) -> None:
        missed = self._missed(version, frame)
        self._recent.append((frame.mono_ns, missed))
        self._missed_lately += missed
        while len(self._recent) > _WINDOW_LIMIT or self._recent[0][0] < frame.mono_ns - _WINDOW_NS:
            self._missed_lately -= self._recent.popleft()[1]
        self._wanted, self._taken_ns = version + self._every_nth, frame.mono_ns
        self._taken_version, self._skipped_before = version, self.skipped

    def _forget(self) -> None:
        self._recent.clear()
        self._missed_lately = 0

    def _missed(self, version: int, frame: Frame) -> int:
        """Frames that were due since the last one taken and went unseen; a camera that paused made none due."""
        if self._taken_ns is None or self.skipped == self._skipped_before:
            return 0
        elapsed_ns = frame.mono_ns - self._taken_ns
        camera_ns = elapsed_ns / max(version - self._taken_version, 1)
        due_ns = max(self._least_ns / _EARLY, self._every_nth * camera_ns)
        return max(round(elapsed_ns / due_ns) - 1, 0)
