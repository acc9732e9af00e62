"""Single pictures kept as files: whole or not at all, and never more than agreed."""

import re
import threading
from pathlib import Path
from typing import Final

from anyio import to_thread

from edge.core.clock import Clock
from edge.core.files import write_private

_NAME: Final = re.compile(r"snapshot_([0-9]{1,12})\.jpg")


class Snapshots:
    """A folder of `snapshot_<unix>.jpg`; the oldest goes when there are more than `keep`."""

    def __init__(self, folder: Path, *, clock: Clock, keep: int) -> None:
        self.folder = folder
        self._clock = clock
        self._keep = keep
        self._storing = threading.Lock()

    async def take(self, jpeg: bytes) -> str:
        """Keep a picture and return its name; raise `OSError` if the disk does not take it.

        A second picture of the same second is named after the next free one, for the name is a contract (S1.12).
        """
        return await to_thread.run_sync(self._store, jpeg, self._clock.now().wall_ms // 1000)

    async def read(self, name: str) -> bytes | None:
        """The picture of that name; None if there is none, whatever the name looks like."""
        if not _NAME.fullmatch(name):
            return None
        return await to_thread.run_sync(_read, self.folder / name)

    def _store(self, jpeg: bytes, unix: int) -> str:
        with self._storing:  # two requests of one second must not find the same name free
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = self._kept()
            while unix in kept:
                unix += 1
            name = f"snapshot_{unix}.jpg"
            write_private(self.folder / name, jpeg)
            for old in kept[: max(0, len(kept) + 1 - self._keep)]:
                (self.folder / f"snapshot_{old}.jpg").unlink(missing_ok=True)
            return name

    def _kept(self) -> list[int]:
        found = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in found if match)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
