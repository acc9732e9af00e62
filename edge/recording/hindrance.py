"""What keeps a camera from being recorded: no room, a disk or encoder that refuses, more pictures than it can take."""

from collections.abc import Callable
from typing import Final

from edge.core.clock import Clock
from edge.recording.desk import Desk
from edge.recording.encoder import EncoderBrokenError
from edge.recording.jobs import JobQueue, Sweep
from edge.recording.planner import ClipPlanner
from edge.recording.settings import RecordingSettings
from edge.recording.writer import UnmuxableError

_RETRY_NS: Final = 5_000_000_000


class Hindrance:
    """Of one camera; belongs to the event loop. `desk` is there while the recorder works."""

    def __init__(
        self, settings: RecordingSettings, *, queue: JobQueue, has_room: Callable[[], bool], clock: Clock
    ) -> None:
        self.desk: Desk | None = None
        self._settings = settings
        self._queue = queue
        self._has_room = has_room
        self._clock = clock
        self._retry_ns = 0
        self._dropped_before = 0
        self._failures_seen = 0

    def may_begin(self) -> bool:
        """Whether a clip may begin: there is room, and the disk did not refuse just now.

        Where an encoder failed, another goes on at once.
        """
        if not self._has_room():
            return False
        now_ns = self._clock.mono_ns()
        refused = self.desk.refused if self.desk else None
        if refused and not isinstance(refused, EncoderBrokenError) and now_ns < self._retry_ns:
            return False
        self._retry_ns = now_ns + _RETRY_NS
        return True

    def end_failed(self, planner: ClipPlanner) -> None:
        """End the clips that the disk or the encoder refused."""
        if self.desk and self.desk.failures != self._failures_seen:
            self._failures_seen = self.desk.failures
            planner.end()

    def look(self, planner: ClipPlanner) -> str:
        """Once a second: what stands in the way now, in words; empty if nothing does.

        What a refused clip left is closed as soon as that can be, and a refusal forgiven when nothing is wanted.
        """
        dropped, self._dropped_before = planner.dropped - self._dropped_before, planner.dropped
        self._after_failure(planner)
        if self.desk and (refused := self.desk.refused):
            return f"the {_who(refused)} refuses: {refused.strerror or refused}"
        if not self._has_room():
            return "the disk has no room for recordings"
        return f"cannot keep up: {dropped} frames dropped in a second" if dropped else ""

    def manner(self) -> str:
        """How it records; why not with the encoder that was asked for by name."""
        manner = f"mode {self._settings.mode}"
        named = self._settings.encoder not in {"auto", "software"}
        if self.desk and named and self.desk.chosen.refused:
            return f"{manner}; H.264 by {self.desk.chosen.name}: {self.desk.chosen.refused}"
        return manner

    def _after_failure(self, planner: ClipPlanner) -> None:
        self.end_failed(planner)
        if self.desk is None or self.desk.refused is None:
            return
        self._queue.put(Sweep())
        if not planner.wanted and self._has_room():
            self.desk.refused = None


def _who(refused: OSError) -> str:
    if isinstance(refused, EncoderBrokenError):
        return "encoder"
    return "muxer" if isinstance(refused, UnmuxableError) else "disk"
