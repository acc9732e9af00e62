"""What a camera delivered, counted where it arrives."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from edge.capture.camera import Picture
from edge.core.clock import Clock

_SPAN_NS: Final = 5_000_000_000
_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class CaptureStats:
    """How a camera is doing now.

    `fps` is measured over the last five seconds, with the pictures that nobody wanted; `last_frame_age_s` is None
    before the first picture; `reconnects` counts the times the source came back, `dropped` the pictures that a busy
    event loop never saw.
    """

    fps: float
    frames: int
    dropped: int
    reconnects: int
    last_frame_age_s: float | None
    width: int
    height: int
    description: str


class Tally:
    """Counts the pictures and connections of one camera, over all its connections."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrivals: deque[int] = deque(maxlen=_KEPT)
        self._last: tuple[int, Picture] | None = None
        self._description = ""
        self._dropped = 0
        self._reconnects = 0
        self.frames = 0

    @property
    def last_ns(self) -> int:
        """When the last picture arrived, by the monotonic clock; 0 before the first."""
        return self._last[0] if self._last else 0

    def count(self, picture: Picture, mono_ns: int) -> None:
        """A picture arrived."""
        self.frames += 1
        self._last = mono_ns, picture
        self._arrivals.extend([mono_ns] * (1 + picture.passed_over))

    def connected(self, description: str, *, again: bool) -> None:
        """A connection gave its first picture; `again`: after one was lost."""
        self._description = description
        self._reconnects += again

    def ended(self, dropped: int) -> None:
        """A connection is over; so many of its pictures were dropped."""
        self._dropped += dropped
        self._arrivals.clear()

    def stats(self, dropped: int = 0) -> CaptureStats:
        """Everything; `dropped` is what the present connection dropped so far."""
        last = self._last[1] if self._last else None
        return CaptureStats(
            fps=self._fps(),
            frames=self.frames,
            dropped=self._dropped + dropped,
            reconnects=self._reconnects,
            last_frame_age_s=(self._clock.mono_ns() - self.last_ns) / 1e9 if last else None,
            width=last.width if last else 0,
            height=last.height if last else 0,
            description=self._description,
        )

    def _fps(self) -> float:
        """Steps between the pictures of the last seconds, by the time from the first of them until now."""
        now = self._clock.mono_ns()
        recent = [at for at in self._arrivals if now - at <= _SPAN_NS]
        if len(recent) <= 1:
            return 0.0
        # Until now, if the next one is overdue: a camera that went silent slows down at once.
        step = (recent[-1] - recent[0]) / (len(recent) - 1)
        until = recent[-1] if now - recent[-1] < 2 * step else now
        return (len(recent) - 1) * 1e9 / max(1, until - recent[0])
