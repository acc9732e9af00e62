"""After a crash: what a killed process left behind becomes recordings again, each exactly once."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
    found = [entry.sidecar for entry in spool.entries(camera) if entry.sidecar.step in {"writing", "closed"}]
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


def _cut_torn(spool: Spool, sidecar: Sidecar) -> Sidecar | None:
    """Cut a torn recording at its last whole fragment and close it; None, and nothing changed, if none is whole."""
    path = spool.part_path(sidecar)
    cut = _measure(path)
    if cut is None:
        return None
    _truncate(path, cut.size)
    closed = replace(
        sidecar,
        end_ms=sidecar.start_ms + round(cut.end_s * 1000),
        frames=cut.frames,
        frames_dropped=sidecar.frames_dropped + max(0, sidecar.frames - cut.frames),
        size_bytes=cut.size,
        sha256=_sha256(path),
        salvaged=True,
    )
    return spool.close(closed)


def _measure(path: Path) -> Cut | None:
    try:
        with path.open("rb") as file:

            def read(offset: int, size: int) -> bytes:
                file.seek(offset)
                return file.read(size)

            return whole_part(read, path.stat().st_size)
    except FileNotFoundError:
        return None


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
