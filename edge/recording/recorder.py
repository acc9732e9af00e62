"""The thread that writes one camera's clips: everything that may block on the disk or burn the processor."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from edge.core.frame import Frame
from edge.recording.jobs import Begin, Job, JobQueue, Mark, Sweep
from edge.recording.salvage import Found, left_behind, salvage
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.writer import ClipWriter


class Report(Protocol):
    """What the thread has to say. Called in the thread."""

    def found(self, found: Found) -> None:
        """A recording is closed, or was left by a former process."""
        ...

    def wrote(self, frames: int, size_bytes: int, *, whole: bool) -> None:
        """So many frames and bytes more were written; `whole`: a fragment became safe."""
        ...

    def missed(self, frames: int) -> None:
        """So many frames were not written, because the disk refused their clip."""
        ...

    def failed(self, error: OSError) -> None:
        """The disk refused; the clip is over. What of it is safe follows as `found` when the disk takes it."""
        ...

    def ended(self, error: BaseException | None) -> None:
        """The thread is done."""
        ...


@dataclass(slots=True)
class _Clip:
    sidecar: Sidecar
    writer: ClipWriter


class Recorder:
    """Salvages what a former process left, then does the jobs of `queue` until it is closed."""

    def __init__(
        self, camera: str, *, settings: RecordingSettings, spool: Spool, queue: JobQueue, report: Report
    ) -> None:
        self._camera = camera
        self._settings = settings
        self._spool = spool
        self._queue = queue
        self._report = report
        self._clip: _Clip | None = None
        self._torn: list[Sidecar] = []
        self._thread = threading.Thread(target=self._work, name=f"recording.{camera}")

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def join(self) -> None:
        """Return when the thread is gone."""
        self._thread.join()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._torn = left_behind(self._spool, self._camera)
            self._sweep()
            while (job := self._queue.take()) is not None:
                self._do(job)
            self._end(0)
            self._sweep()
        except BaseException as caught:  # noqa: BLE001 - handed to the event loop, which raises it
            error = caught
        self._report.ended(error)

    def _do(self, job: Job) -> None:
        match job:
            case Frame():
                self._add(job)
            case Begin():
                self._end(0)
                self._begin(job.sidecar)
            case Mark():
                self._mark(job.event_id)
            case Sweep():
                self._sweep()
            case _:
                self._end(job.frames_dropped)

    def _begin(self, sidecar: Sidecar) -> None:
        try:
            path = self._spool.begin(sidecar)
            self._clip = _Clip(sidecar, ClipWriter(path, sidecar, self._settings))
        except OSError as error:
            self._spool.discard(sidecar)
            self._report.failed(error)

    def _add(self, frame: Frame) -> None:
        clip = self._clip
        if clip is None:
            self._report.missed(1)
            return
        writer = clip.writer
        frames, size_bytes, fragments = writer.frames, writer.size_bytes, writer.fragments
        try:
            writer.add(frame.jpeg, frame.mono_ns)
        except OSError as error:
            self._give_up(clip, error)
            return
        self._report.wrote(writer.frames - frames, writer.size_bytes - size_bytes, whole=writer.fragments > fragments)

    def _mark(self, event_id: str) -> None:
        clip = self._clip
        if clip is None or clip.sidecar.showing(event_id) is clip.sidecar:
            return
        clip.sidecar = clip.sidecar.showing(event_id)
        with suppress(OSError):  # the next fragment meets the same disk and says so
            self._spool.note(clip.sidecar)

    def _end(self, frames_dropped: int) -> None:
        clip, self._clip = self._clip, None
        if clip is None:
            self._report.missed(frames_dropped)
            return
        clip.sidecar = replace(clip.sidecar, frames_dropped=frames_dropped)
        try:
            closed = self._finished(clip)
        except OSError as error:
            self._give_up(clip, error)
            return
        if closed:
            self._report.found(Found(closed))

    def _finished(self, clip: _Clip) -> Sidecar | None:
        """End a clip in good order; None if nothing was in it."""
        written = clip.writer.finish()
        if written.frames == 0:
            self._spool.discard(clip.sidecar)
            return None
        return self._spool.close(
            replace(
                clip.sidecar,
                end_ms=clip.sidecar.start_ms + round(written.duration_us / 1000),
                frames=written.frames,
                frames_dropped=clip.sidecar.frames_dropped + written.unreadable,
                size_bytes=written.size_bytes,
                sha256=written.sha256,
            )
        )

    def _give_up(self, clip: _Clip, error: OSError) -> None:
        """The disk refused a clip: keep what is safe of it, now or when the disk has room again."""
        self._clip = None
        self._report.failed(error)
        with suppress(OSError):  # what could not be cut off now is cut off by the sweep
            clip.writer.abandon()
        self._torn.append(replace(clip.sidecar, frames=clip.writer.frames + clip.writer.unreadable))
        self._sweep()

    def _sweep(self) -> None:
        """Close what a former process left, and what the disk refused to close before."""
        torn, self._torn = self._torn, []
        for sidecar in torn:
            try:
                found = salvage(self._spool, sidecar)
            except OSError as error:
                self._torn.append(sidecar)
                self._report.failed(error)
            else:
                self._report.found(found)
