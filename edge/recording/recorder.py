"""The thread that writes one camera's clips: everything that may block on the disk or burn the processor."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from edge.core.access_unit import AccessUnit
from edge.recording.clip import Clip
from edge.recording.encoder import Chosen, EncoderBrokenError
from edge.recording.jobs import Begin, End, Forget, Job, JobQueue, Mark, Material, Sweep
from edge.recording.line import Line
from edge.recording.salvage import Found, left_behind, salvage
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool


class Report(Protocol):
    """What the thread has to say. Called in the thread."""

    def found(self, found: Found) -> None:
        """A recording is closed, or was left by a former process."""
        ...

    def wrote(self, frames: int, size_bytes: int, *, whole: bool) -> None:
        """So many frames and bytes more were written; `whole`: a fragment became safe."""
        ...

    def grew(self, sidecar: Sidecar, safe_bytes: int) -> None:
        """So many bytes of a recording that grows are safe."""
        ...

    def missed(self, frames: int) -> None:
        """So many frames were not written, because the disk refused their clip."""
        ...

    def encodes(self, chosen: Chosen) -> None:
        """With what H.264 is made."""
        ...

    def failed(self, error: OSError) -> None:
        """The disk refused, or the encoder; the clip is over. What of it is safe follows as `found` when the disk
        takes it."""
        ...

    def ended(self, error: BaseException | None) -> None:
        """The thread is done."""
        ...


class Recorder:
    """Salvages what a former process left, then does the jobs of `queue` until it is closed.

    Any number of clips grow at once. Each picture is compressed once, or was by the camera, and goes to all of them.
    """

    def __init__(
        self,
        camera: str,
        *,
        settings: RecordingSettings,
        spool: Spool,
        queue: JobQueue,
        report: Report,
        fragment_s: Callable[[], float],
    ) -> None:
        self._camera = camera
        self._spool = spool
        self._queue = queue
        self._report = report
        self._fragment_s = fragment_s
        self._line = Line(settings, fragment_s)
        self._clips: dict[str, Clip] = {}
        self._refused: set[str] = set()
        self._torn: list[Sidecar] = []
        self._thread = threading.Thread(target=self._work, name=f"recording.{camera}")

    @property
    def ring_bytes(self) -> int:
        """What the last seconds take in memory."""
        return self._line.ring.size_bytes

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def join(self) -> None:
        """Return when the thread is gone."""
        self._thread.join()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._look_behind()
            self._sweep()
            self._line.choose()
            self._report.encodes(self._line.chosen)
            while (job := self._queue.take()) is not None:
                self._do(job)
            for recording_id in list(self._clips):
                self._end(End(recording_id, 0))
            self._sweep()
        except BaseException as caught:  # noqa: BLE001 - handed to the event loop, which raises it
            error = caught
        self._report.ended(error)

    def _look_behind(self) -> None:
        """Find what a former process left. Where the disk does not let us look, the next start does."""
        try:
            self._torn = left_behind(self._spool, self._camera)
        except OSError as error:
            self._report.failed(error)

    def _do(self, job: Job) -> None:
        match job:
            case Begin():
                self._begin(job)
            case Mark():
                self._mark(job)
            case End():
                self._end(job)
            case Forget():
                self._line.ring.clear()
            case Sweep():
                self._sweep()
            case _:
                self._take(job)

    def _begin(self, job: Begin) -> None:
        self._settle()
        clip = self._clips[job.sidecar.recording_id] = Clip(job.sidecar, self._spool, fragment_s=self._fragment_s)
        kept = [] if job.from_ns is None else self._line.ring.since(job.from_ns)
        for unit in kept:
            self._write(clip, unit)
        if not kept:
            self._line.want_key()

    def _take(self, material: Material) -> None:
        """Give a picture to every clip that grows; without one, what the camera compressed is kept for the next."""
        if self._refused and not self._clips:
            self._report.missed(1)
        if self._clips or isinstance(material, AccessUnit):
            self._spread(lambda: self._line.units(material))

    def _settle(self) -> None:
        """Let no picture that came before a clip begins or ends come out of the encoder after."""
        if self._line.pending:
            self._spread(self._line.rest)

    def _spread(self, make: Callable[[], list[AccessUnit] | None]) -> None:
        try:
            units = make()
        except EncoderBrokenError as error:
            self._encoder_broke(error)
            return
        for clip in list(self._clips.values()):
            clip.unreadable += units is None
            for unit in units or ():
                self._write(clip, unit)

    def _write(self, clip: Clip, unit: AccessUnit) -> None:
        if clip.over:
            return
        frames, size_bytes, safe_bytes = clip.frames, clip.size_bytes, clip.safe_bytes
        try:
            clip.add(unit)
        except OSError as error:
            self._give_up(clip, error)
            return
        whole = clip.safe_bytes > safe_bytes
        self._report.wrote(clip.frames - frames, clip.size_bytes - size_bytes, whole=whole)
        if whole:
            self._report.grew(clip.sidecar, clip.safe_bytes)

    def _mark(self, job: Mark) -> None:
        if clip := self._clips.get(job.recording_id):
            with suppress(OSError):  # the next fragment meets the same disk and says so
                clip.mark(job.event_id, urgent=job.urgent)

    def _end(self, job: End) -> None:
        self._settle()
        clip = self._clips.pop(job.recording_id, None)
        self._refused.discard(job.recording_id)
        if clip is None:
            self._report.missed(job.frames_dropped)
            return
        if not self._clips:
            self._line.idle()
        try:
            closed = clip.finish(job.frames_dropped)
        except OSError as error:
            self._give_up(clip, error)
            return
        if closed:
            self._report.found(Found(closed))
        else:
            self._report.missed(job.frames_dropped + clip.unreadable)

    def _encoder_broke(self, error: EncoderBrokenError) -> None:
        """End what grows in good order: another encoder's pictures need a file of their own."""
        broken = list(self._clips)
        for recording_id in broken:
            self._end(End(recording_id, 1))
        self._refused.update(broken)
        self._report.encodes(self._line.chosen)
        self._report.failed(error)

    def _give_up(self, clip: Clip, error: OSError) -> None:
        """The disk refused a clip: keep what is safe of it, now or when the disk has room again."""
        if self._clips.pop(clip.sidecar.recording_id, None):
            self._refused.add(clip.sidecar.recording_id)
        if not self._clips:
            self._line.idle()
        self._report.failed(error)
        if torn := clip.abandon():
            self._torn.append(torn)
        else:
            self._report.missed(1)
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
