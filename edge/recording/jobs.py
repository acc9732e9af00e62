"""What waits for the recorder's thread: pictures, bounded by memory, and the few words that begin and end a clip."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from edge.core.access_unit import AccessUnit
from edge.core.frame import Frame
from edge.recording.sidecar import Sidecar


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a clip with the next picture; with `from_ns`, from the last key at or before that moment that is kept.

    The sidecar tells the time of the picture that made it begin; the recorder corrects that.
    """

    sidecar: Sidecar
    from_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A clip that is being written shows this event; `urgent`: it is an alarm."""

    recording_id: str
    event_id: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """End a clip that is being written, which lost `frames_dropped` pictures on the way to the thread."""

    recording_id: str
    frames_dropped: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Forget what is kept from before now."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Try again to close what the disk refused."""


Material = Frame | AccessUnit
"""A picture of which H.264 is to be made, or one that is kept as it came."""
Word = Begin | Mark | End | Forget | Sweep
Job = Word | Material


class JobQueue:
    """First in, first out, from the loop to one thread. Words always fit; a picture only while there is memory."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def put_material(self, material: Material) -> bool:
        """Queue a picture; False if there is no room for it."""
        with self._changed:
            if self._closed or self._bytes + _size(material) > self._max_bytes:
                return False
            self._bytes += _size(material)
            self._jobs.append(material)
            self._changed.notify()
        return True

    def put(self, word: Word) -> None:
        """Queue a word; a `Sweep` only where none waits last, for the thread may hang on a disk for hours."""
        with self._changed:
            if isinstance(word, Sweep) and self._jobs and isinstance(self._jobs[-1], Sweep):
                return
            self._jobs.append(word)
            self._changed.notify()

    def close(self) -> None:
        """No further picture is taken; `take` gives what is left and then None."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def drop(self) -> None:
        """Give up the pictures that wait, because there is no time left for them: each clip's end says how many.

        A clip that is still to be begun keeps its first, so that there is a file that can say so.
        """
        with self._changed:
            self._jobs = deque(_shortened(self._jobs))
            self._bytes = sum(_size(job) for job in self._jobs if isinstance(job, Frame | AccessUnit))

    def take(self) -> Job | None:
        """Wait for the next job; None at the end."""
        with self._changed:
            while not self._jobs:
                if self._closed:
                    return None
                self._changed.wait()
            job = self._jobs.popleft()
            if isinstance(job, Frame | AccessUnit):
                self._bytes -= _size(job)
            return job


def _size(material: Material) -> int:
    return len(material.data if isinstance(material, AccessUnit) else material.jpeg)


def _shortened(jobs: Iterable[Job]) -> Iterator[Job]:
    dropped, fresh, before = 0, False, dict[str, int]()
    for job in jobs:
        match job:
            case Begin():
                fresh, before[job.sidecar.recording_id] = True, dropped
                yield job
            case End():
                missing = dropped - before.get(job.recording_id, 0)
                yield replace(job, frames_dropped=job.frames_dropped + missing)
            case Frame() | AccessUnit() if not fresh or (isinstance(job, AccessUnit) and not job.key):
                dropped += 1
            case _:
                fresh = fresh and not isinstance(job, Frame | AccessUnit)
                yield job
