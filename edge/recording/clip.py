"""One clip from its beginning to its end: the growing file and the note beside it."""

from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from edge.core.access_unit import AccessUnit
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.writer import ClipWriter


class Clip:
    """Begins on the disk with its first key unit; what comes before is passed over. Belongs to one thread."""

    def __init__(self, sidecar: Sidecar, spool: Spool, *, fragment_s: Callable[[], float]) -> None:
        self.sidecar = sidecar
        self.unreadable = 0
        self.over = False
        self._spool = spool
        self._fragment_s = fragment_s
        self._writer: ClipWriter | None = None

    @property
    def frames(self) -> int:
        """Pictures written."""
        return self._writer.frames if self._writer else 0

    @property
    def size_bytes(self) -> int:
        """Bytes written."""
        return self._writer.size_bytes if self._writer else 0

    @property
    def safe_bytes(self) -> int:
        """Bytes in whole fragments that the disk keeps."""
        return self._writer.safe_bytes if self._writer else 0

    def add(self, unit: AccessUnit) -> None:
        """Append a picture; raise `OSError` if the disk refuses."""
        if self._writer is None and unit.key:
            self._writer = self._begun(unit)
        if self._writer and not self._writer.add(unit):
            self.unreadable += 1

    def mark(self, event_id: str, *, urgent: bool) -> None:
        """It shows this event; raise `OSError` if that cannot be noted."""
        before, self.sidecar = self.sidecar, self.sidecar.showing(event_id, urgent=urgent)
        if self._writer and self.sidecar is not before:
            self._spool.note(self.sidecar)

    def finish(self, frames_dropped: int) -> Sidecar | None:
        """End it in good order; None if nothing was in it. Raise `OSError` if the disk refuses."""
        self.sidecar = replace(self.sidecar, frames_dropped=frames_dropped)
        if self._writer is None:
            return None
        written = self._writer.finish()
        self.over = True
        return self._spool.close(
            replace(
                self.sidecar,
                end_ms=self.sidecar.start_ms + round(written.duration_us / 1000),
                frames=written.frames,
                frames_dropped=frames_dropped + self.unreadable,
                size_bytes=written.size_bytes,
                sha256=written.sha256,
            )
        )

    def abandon(self) -> Sidecar | None:
        """End it where it is safe, because the disk refused more: what is to be salvaged; None if it never began."""
        self.over = True
        if self._writer is None:
            with suppress(OSError):  # its note, if it is there, is found at the next start, and tells of nothing
                self._spool.discard(self.sidecar)
            return None
        with suppress(OSError):  # what could not be cut off now is cut off by the salvage
            self._writer.abandon()
        return replace(self.sidecar, frames=self._writer.frames + self.unreadable)

    def _begun(self, unit: AccessUnit) -> ClipWriter:
        """Note what begins with this unit, and open its file."""
        sidecar = self.sidecar
        start_ms = sidecar.start_ms - (sidecar.mono_ns - unit.mono_ns) // 1_000_000
        order = self._spool.next_order(start_ms)
        self.sidecar = replace(
            sidecar,
            codec=unit.codec,
            width_px=unit.width,
            height_px=unit.height,
            start_ms=start_ms,
            key_ms=start_ms,
            mono_ns=unit.mono_ns,
            order=order,
        )
        path = self._spool.begin(self.sidecar)
        made_here = unit.codec == "h264" and not unit.sets  # then a key comes with each fragment
        return ClipWriter(path, self.sidecar, fragment_s=self._fragment_s, by_keys=made_here, wear=self._spool.wear)
