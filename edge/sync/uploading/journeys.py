"""What is on its way now: how far, how fast, and whether it may go on. Asked by threads, told to the page."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from edge.core.clock import Clock
from edge.sync.targets.target import SLICE_BYTES, Sending, UploadCancelledError
from edge.sync.uploading.schedule import NOTHING
from edge.sync.uploading.throttle import Flow, Throttle

_LONGEST_WAIT_S: Final = 1.0
_FLOWS: Final = 64
"""Rates that are remembered: those of what pauses are soon nothing."""


@dataclass(slots=True)
class UploadProgress:
    """A file under way."""

    recording_id: str
    sent_bytes: int
    size_bytes: int


@dataclass(slots=True)
class FileJourney:
    """One file's: what it has sent of itself is in `progress`. Threads call `check` and what `sending` gives."""

    progress: UploadProgress
    flow: Flow
    halted: threading.Event
    """Everybody stops."""
    throttle: Throttle
    on_sent: Callable[[int], None]
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Let what is on its way end as soon as can be."""
        self._stopped.set()

    def check(self) -> None:
        """Raise `UploadCancelledError` if it may not go on."""
        if self.halted.is_set() or self._stopped.is_set():
            raise UploadCancelledError("stopped")

    def sending(self, offset: int, size_bytes: int) -> Sending:
        """What a target calls: keeps the progress and the limit, and stops the part when it may not go on."""
        counted = 0

        def sending(sent: int) -> None:
            nonlocal counted
            self.check()
            self.progress.sent_bytes = max(self.progress.sent_bytes, offset + sent)
            grown = sent - counted
            if grown >= SLICE_BYTES or (grown > 0 and sent >= size_bytes):
                counted = sent
                self._count(grown)

        return sending

    def _count(self, n_bytes: int) -> None:
        self.flow.add(n_bytes)
        self.on_sent(n_bytes)
        if self.throttle.limit_bps == NOTHING:
            raise UploadCancelledError("nothing may be uploaded at this hour")
        self._hold_back(self.throttle.take(n_bytes))

    def _hold_back(self, seconds: float) -> None:
        while seconds > 0:
            self.halted.wait(min(seconds, _LONGEST_WAIT_S))
            self.check()
            seconds -= _LONGEST_WAIT_S


class Journeys:
    """All of them. Belongs to the event loop, but for what `FileJourney` says."""

    def __init__(self, clock: Clock, throttle: Throttle) -> None:
        self._clock = clock
        self._under_way: dict[str, FileJourney] = {}
        self._halted = threading.Event()
        self._flows: dict[str, Flow] = {}
        self.throttle = throttle
        self.flow = Flow(clock)

    @property
    def progress(self) -> UploadProgress | None:
        """Of the one that began first."""
        return next((journey.progress for journey in self._under_way.values()), None)

    def begin(self, upload_id: str, sent_bytes: int, size_bytes: int) -> FileJourney:
        """One more is under way."""
        progress = UploadProgress(upload_id, sent_bytes, size_bytes)
        flow = self._flows.setdefault(upload_id, Flow(self._clock))
        journey = FileJourney(progress, flow, self._halted, self.throttle, self.flow.add)
        self._under_way[upload_id] = journey
        return journey

    def end(self, upload_id: str, *, done: bool) -> None:
        """It is not any more; with `done` it will not come again."""
        self._under_way.pop(upload_id, None)
        if done:
            self._flows.pop(upload_id, None)
        while len(self._flows) > _FLOWS:
            del self._flows[next(iter(self._flows))]

    def of(self, upload_id: str) -> FileJourney | None:
        """The one of a file, if it is under way."""
        return self._under_way.get(upload_id)

    def rate_bps(self, upload_id: str) -> float:
        """How fast a file went of late."""
        flow = self._flows.get(upload_id)
        return flow.rate_bps if flow else 0.0

    def stop(self, upload_id: str | None = None) -> None:
        """Stop the part of one, or of all, that is on its way now."""
        for known, journey in self._under_way.items():
            if upload_id in {None, known}:
                journey.stop()

    def halt(self) -> None:
        """For ever."""
        self._halted.set()
