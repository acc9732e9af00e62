"""What waits for the recorder's thread: frames, bounded by memory, and the few words that begin and end a clip."""

import threading
from collections import deque
from dataclasses import dataclass

from edge.core.frame import Frame
from edge.recording.sidecar import Sidecar


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a clip; its frames follow."""

    sidecar: Sidecar


@dataclass(frozen=True, slots=True)
class Mark:
    """The clip being written shows this event."""

    event_id: str


@dataclass(frozen=True, slots=True)
class End:
    """End the clip being written, which lost `frames_dropped` frames on the way to the thread."""

    frames_dropped: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Try again to close what the disk refused."""


Job = Begin | Mark | End | Sweep | Frame


class JobQueue:
    """First in, first out, from the event loop to one thread. Words always fit; a frame only while there is memory."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def put_frame(self, frame: Frame) -> bool:
        """Queue a frame; False if there is no room for it."""
        with self._changed:
            if self._closed or self._bytes + len(frame.jpeg) > self._max_bytes:
                return False
            self._bytes += len(frame.jpeg)
            self._jobs.append(frame)
            self._changed.notify()
        return True

    def put(self, job: Begin | Mark | End | Sweep) -> None:
        """Queue a word."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def close(self) -> None:
        """No further frame is taken; `take` gives what is left and then None."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self) -> Job | None:
        """Wait for the next job; None at the end."""
        with self._changed:
            while not self._jobs:
                if self._closed:
                    return None
                self._changed.wait()
            job = self._jobs.popleft()
            if isinstance(job, Frame):
                self._bytes -= len(job.jpeg)
            return job
