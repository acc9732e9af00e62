"""After a crash: what a killed process left behind becomes recordings again, each exactly once."""

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from msgspec.structs import replace

from edge.recording.boxes import Cut, whole_part
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool

_HASH_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """A recording that a former process left. `empty`: nothing of it could be saved."""

    sidecar: Sidecar
    empty: bool = False


def left_behind(spool: Spool, camera: str) -> list[Sidecar]:
    """The recordings of a camera that were not told yet, oldest first."""
    untold = (entry.sidecar for entry in spool.entries(camera) if entry.sidecar.step in {"writing", "closed"})
    found = [sidecar for sidecar in untold if sidecar.recording_id not in spool.adopted]
    return sorted(found, key=lambda sidecar: sidecar.age)


def salvage(spool: Spool, sidecar: Sidecar) -> Found:
    """Bring a recording that was left behind to a state in which it can be told.

    A torn one is cut at its last whole fragment and closed; a closed one gets its name. Each step may be killed and
    done again. Raise `OSError` if the disk refuses.
    """
    if sidecar.step == "closed":
        return Found(spool.rename(sidecar))
    closed = _cut_torn(spool, sidecar)
    if closed:
        return Found(closed)
    return Found(replace(sidecar, frames_dropped=sidecar.frames_dropped + sidecar.frames), empty=True)


def has_a_fragment(path: Path) -> bool:
    """Whether a video has one that can be read. Raise `OSError`."""
    return _measure(path) is not None


def _cut_torn(spool: Spool, sidecar: Sidecar) -> Sidecar | None:
    """Cut a torn recording at its last whole fragment and close it; None, and nothing changed, if none is whole.

    One that has its final name was whole before its note was lost, and stays as long as it is. What the card does not
    give back is cut off of either, with all that comes after: else it would be tried for ever.
    """
    path = spool.part_path(sidecar)
    torn = path.exists() or not spool.path(sidecar).exists()
    path = path if torn else spool.path(sidecar)
    cut = _measure(path)
    if cut is None:
        return None
    wanted = cut.size if torn else path.stat().st_size
    size, digest = _hashed(path, wanted)
    if size < wanted:
        torn, cut = True, _measure(path, size)
        if cut is None:
            return None
        size, digest = _hashed(path, cut.size)
    if torn:
        _truncate(path, size)
    closed = replace(
        sidecar,
        end_ms=sidecar.start_ms + round(cut.end_s * 1000),
        frames=cut.frames,
        frames_dropped=sidecar.frames_dropped + max(0, sidecar.frames - cut.frames),
        size_bytes=size,
        sha256=digest,
        salvaged=True,
    )
    return spool.close(closed)


def _measure(path: Path, size: int | None = None) -> Cut | None:
    """What of a video is whole, of its first `size` bytes if that is said."""
    try:
        with path.open("rb") as file:

            def read(offset: int, size: int) -> bytes:
                file.seek(offset)
                return _given(file, size)

            return whole_part(read, path.stat().st_size if size is None else size)
    except FileNotFoundError:
        return None


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _hashed(path: Path, size: int) -> tuple[int, str]:
    """How many of the first `size` bytes the card gives back in one piece, and the SHA-256 of those."""
    digest, rest = hashlib.sha256(), size
    with path.open("rb", 0) as file:
        while chunk := _given(file, min(rest, _HASH_CHUNK)):
            digest.update(chunk)
            rest -= len(chunk)
    return size - rest, digest.hexdigest()


def _given(file: BinaryIO, size: int) -> bytes:
    """What comes next, up to `size` bytes; nothing at a bad sector."""
    try:
        return file.read(size)
    except OSError as error:
        if error.errno == errno.EIO:
            return b""
        raise
