"""Where videos lie that nobody can place: set aside to be looked at, within the disk's rules, gone at any erasure."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.messages import Loss
from edge.core.errors import StoreDelayedError
from edge.core.files import printable_name, sync_folder
from edge.core.records import RecordSink
from edge.core.stash import Holding, Worth

FOLDER: Final = ".set-aside"
"""Below the folder of recordings: on the same file system."""
_DAMAGED: Final = ".damaged"
_LONGEST: Final = 200
"""Bytes of a name, so that a number and the ending fit into what a disk takes."""


@dataclass(frozen=True, slots=True)
class AsideFile:
    """One file. `changed_ms` is when it was written, by the clock of then."""

    path: Path
    size_bytes: int
    changed_ms: int


class AsideFolder:
    """The folder itself. No name in it is one that the spool looks for. Its methods block and raise `OSError`."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder

    def take(self, path: Path) -> Path:
        """Move a file or folder in, durably, and return where it lies now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name, number = _name_for(path), 1
        while (target := self.folder / f"{name}{f'-{number}' if number > 1 else ''}{_DAMAGED}").exists():
            number += 1
        path.rename(target)
        sync_folder(self.folder)
        sync_folder(path.parent)
        return target

    def clear(self) -> int:
        """Delete all of it, so that no power cut brings it back; how many files that were."""
        if not self.folder.exists():
            return 0
        files = self.files()
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        sync_folder(self.folder)
        return len(files)

    def files(self) -> list[AsideFile]:
        """All of them, by name."""
        return list(self._look())

    def _look(self) -> Iterator[AsideFile]:
        for path in sorted(self.folder.rglob("*")):
            if not path.is_dir() or path.is_symlink():
                with suppress(FileNotFoundError):  # somebody deletes them meanwhile
                    status = path.lstat()
                    yield AsideFile(path, status.st_size, max(0, status.st_mtime_ns // 1_000_000))


def _name_for(path: Path) -> str:
    name = printable_name(f"{path.parent.name}-{path.name}").replace("\N{REPLACEMENT CHARACTER}", "_")
    return name.encode()[:_LONGEST].decode(errors="ignore")


class SetAside(AsideFolder):
    """It as a `Stash`."""

    def __init__(self, folder: Path, sink: RecordSink) -> None:
        super().__init__(folder)
        self.name = "set-aside"
        self._sink = sink
        self._told: set[str] = set()
        """What is said to be deleted, and would not go yet."""

    def holdings(self) -> list[Holding]:
        """Every file, as old as its last change."""
        return [
            Holding(
                id=str(file.path.relative_to(self.folder)),
                kind="continuous",
                worth=Worth.PLAIN_VIDEO,
                order=file.changed_ms,
                size_bytes=file.size_bytes,
                made_ms=file.changed_ms,
            )
            for file in self.files()
        ]

    def used_bytes(self) -> int:
        """What all of it takes."""
        return sum(file.size_bytes for file in self.files())

    async def evict(self, holding: Holding) -> None:
        """Delete one, and say so: that its recording is lost was told when it was set aside."""
        path = self.folder / holding.id
        if not await asyncio.to_thread(os.path.lexists, path):
            return
        if holding.id not in self._told:
            reason = f"{holding.why}: deleted what was set aside as {printable_name(path.name):.200}"
            with suppress(StoreDelayedError):  # it stands in line, and must not again
                await self._sink.append(Loss(what="file", reason=reason, count=1, size_bytes=holding.size_bytes))
            self._told.add(holding.id)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._told.discard(holding.id)
