"""The last seconds before anything happened, as JPEG bytes, bounded by time and by memory."""

from collections import deque

from edge.core.frame import Frame


class PreRollRing:
    """Keeps the newest frames: at most `seconds` and at most `max_bytes` of them."""

    def __init__(self, *, seconds: float, max_bytes: int) -> None:
        self._span_ns = round(seconds * 1e9)
        self._max_bytes = max_bytes
        self._frames: deque[Frame] = deque()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def append(self, frame: Frame) -> None:
        """Keep a frame and forget those that are now too old or too many."""
        self._frames.append(frame)
        self.size_bytes += len(frame.jpeg)
        oldest_ns = frame.mono_ns - self._span_ns
        while self._frames and (self._frames[0].mono_ns < oldest_ns or self.size_bytes > self._max_bytes):
            self.size_bytes -= len(self._frames.popleft().jpeg)

    def drain(self) -> list[Frame]:
        """All that is kept, oldest first; nothing is kept afterwards."""
        frames = list(self._frames)
        self._frames.clear()
        self.size_bytes = 0
        return frames
