"""The folder of recordings: what lies in it, how far each got, and every durable step between two states."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.recording.sidecar import DRAFT, SUFFIX, Sidecar, Step, read_sidecar, sync_folder, write_sidecar
from edge.recording.wear import NoWear, Wear


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording as it lies on the disk. `size_bytes` is what its video takes now, growing or not."""

    sidecar: Sidecar
    size_bytes: int


class Spool:
    """One folder with a sub-folder for each camera. Shared by the recorders of all cameras; its methods block.

    A recording is `{camera}/{id}.json` and `{camera}/{id}.part.mp4`, which becomes `{id}.mp4` when it is whole.
    """

    def __init__(self, folder: Path, *, wear: Wear | None = None) -> None:
        """`wear` counts what is written, also by those who write into the spool."""
        self.folder = folder
        self.wear: Wear = wear or NoWear()
        self.busy: set[str] = set()
        """Ids that somebody in this process is about to tell: whoever looks for what nobody speaks of passes by."""
        self.adopted: set[str] = set()
        """Ids whose notes were made anew while others work: who made them tells of them, and nobody else."""
        self._ordering = threading.Lock()
        self._deleting = threading.Lock()
        self._newest = 0
        self._durable: set[Path] = set()
        """Folders of cameras whose own names are safe."""

    def path(self, sidecar: Sidecar) -> Path:
        """The whole video."""
        return self._home(sidecar) / f"{sidecar.recording_id}.mp4"

    def part_path(self, sidecar: Sidecar) -> Path:
        """The growing or torn video."""
        return self._home(sidecar) / f"{sidecar.recording_id}.part.mp4"

    def begin(self, sidecar: Sidecar) -> Path:
        """Note that a recording begins and return where to write it; raise `OSError` if the disk refuses."""
        self.busy.add(sidecar.recording_id)
        self._make_home(self._home(sidecar))
        self.note(sidecar)
        return self.part_path(sidecar)

    def next_order(self, start_ms: int) -> int:
        """An order for a recording that begins now: above that of each that lies here.

        It is the time, as long as that goes forward, so that it can be compared with that of other things.
        """
        with self._ordering:
            if not self._newest:
                self._newest = max((max(entry.sidecar.age) for entry in self.entries()), default=0)
            self._newest = max(self._newest + 1, start_ms)
            return self._newest

    def note(self, sidecar: Sidecar) -> None:
        """Replace what is known of a recording."""
        write_sidecar(self._note(sidecar), sidecar, self.wear)

    def close(self, sidecar: Sidecar) -> Sidecar:
        """A recording is whole and its bytes are durable: say so, then give it its final name."""
        closed = replace(sidecar, step="closed")
        self.note(closed)
        return self.rename(closed)

    def rename(self, sidecar: Sidecar) -> Sidecar:
        """Give a closed recording its final name, if it does not have it yet."""
        if self.part_path(sidecar).exists():
            self.part_path(sidecar).replace(self.path(sidecar))
            sync_folder(self._home(sidecar), self.wear)
        return sidecar

    def advance(self, sidecar: Sidecar, step: Step) -> Sidecar:
        """Note that a recording got to `step`; nothing happens if it is gone."""
        moved = replace(sidecar, step=step)
        with self._deleting:  # a note that came back would name who was erased
            if self._note(sidecar).exists():
                self.note(moved)
        if step != "closed":
            self.busy.discard(sidecar.recording_id)
        return moved

    def distrust(self, sidecar: Sidecar) -> None:
        """Empty a note that says what cannot be: whoever looks for what no note speaks of finds its video."""
        with self._deleting:
            if self._note(sidecar).exists():
                self._note(sidecar).write_bytes(b"")
        self.busy.discard(sidecar.recording_id)

    def discard(self, sidecar: Sidecar) -> None:
        """Delete a recording: the video first, so that what is left always has a name."""
        with self._deleting:
            self.path(sidecar).unlink(missing_ok=True)
            self.part_path(sidecar).unlink(missing_ok=True)
            self._note(sidecar).with_suffix(DRAFT).unlink(missing_ok=True)
            self._note(sidecar).unlink(missing_ok=True)
        self.busy.discard(sidecar.recording_id)

    def erase(self, sidecar: Sidecar) -> None:
        """Delete a recording so that a power cut does not bring it back."""
        self.discard(sidecar)
        sync_folder(self._home(sidecar), self.wear)

    def entries(self, camera: str | None = None) -> Iterator[Entry]:
        """Every recording, of one camera or of all, in no order."""
        for note in self.folder.glob(f"{check_id(camera, 'camera') if camera else '*'}/*{SUFFIX}"):
            if sidecar := read_sidecar(note):
                yield Entry(sidecar, _size(self.path(sidecar)) + _size(self.part_path(sidecar)))

    def holds(self, sidecar: Sidecar) -> bool:
        """Whether a recording is still here."""
        return self._note(sidecar).exists()

    def cameras(self) -> set[str]:
        """Every camera of which something may lie here, configured or not."""
        found = set()
        for home in self.folder.glob("*/"):
            with suppress(InvalidIdError):
                found.add(check_id(home.name, "camera"))
        return found

    def find(self, recording_id: str) -> Sidecar | None:
        """One recording by its id."""
        name = f"{check_id(recording_id, 'recording')}{SUFFIX}"
        return next((found for note in self.folder.glob(f"*/{name}") if (found := read_sidecar(note))), None)

    def recording_of(self, event_id: str) -> str | None:
        """The oldest recording that shows this event; None if none is left. Reads every sidecar."""
        shown = (entry.sidecar for entry in self.entries() if entry.sidecar.shows(event_id))
        first = min(shown, key=lambda sidecar: sidecar.age, default=None)
        return first.recording_id if first else None

    def clip_of(self, recording_id: str) -> Path | None:
        """The video of a recording, whole or growing, as far as it is on the device; it plays in either case."""
        name = check_id(recording_id, "recording")
        paths = (path for ending in (".mp4", ".part.mp4") for path in self.folder.glob(f"*/{name}{ending}"))
        return next((path for path in paths if _size(path)), None)

    def free_bytes(self) -> int:
        """What the disk has left for us."""
        self.folder.mkdir(parents=True, exist_ok=True)
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def _make_home(self, home: Path) -> None:
        """The folder of a camera, there after a power cut too: once in each life of the process that is seen to."""
        home.mkdir(parents=True, exist_ok=True)
        if home not in self._durable:
            sync_folder(self.folder.parent, self.wear)
            sync_folder(self.folder, self.wear)
            self._durable.add(home)

    def _home(self, sidecar: Sidecar) -> Path:
        return self.folder / check_id(sidecar.camera, "camera")

    def _note(self, sidecar: Sidecar) -> Path:
        return self._home(sidecar) / f"{sidecar.recording_id}{SUFFIX}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
