"""Object storage that is a folder: keys are paths below it. The default, and what `afferent demo` uses."""

import asyncio
import glob
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from cloud.objects.storage import ObjectInfo, ObjectMissingError, ObjectsUnavailableError, check_key

_PIECE: Final = 256 * 1024


class FolderStorage:
    """Reads and deletes objects below `root`, made if need be. A link that leads out of it leads nowhere."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def head(self, key: str) -> ObjectInfo:
        """Size, and an ETag of modification time and size."""
        return await asyncio.to_thread(self._head, key)

    async def read(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        """Bytes `first` to `last` in pieces of 256 KiB."""
        file = await asyncio.to_thread(self._open, key, first)
        try:
            while first <= last and (piece := await asyncio.to_thread(file.read, min(_PIECE, last - first + 1))):
                first += len(piece)
                yield piece
        finally:
            file.close()

    async def link(self, key: str, valid_s: int, media_type: str) -> str | None:
        """None: a folder has no address."""
        return None

    async def delete(self, key: str) -> None:
        """Delete the file, and what a device writes beside it until it is whole."""
        await asyncio.to_thread(self._delete, key)

    async def tidy(self, older_than_s: float) -> int:
        """Nothing: devices that write to a folder clean up after themselves."""
        return 0

    async def check(self) -> None:
        """Return if the folder can be listed."""
        await asyncio.to_thread(self._check)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _check(self) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            os.scandir(self._root).close()
        except OSError as error:
            raise ObjectsUnavailableError(f"{self._root}: {error.strerror}") from error

    def _delete(self, key: str) -> None:
        root = self._root.resolve()
        path = root / check_key(key)
        if not path.parent.resolve().is_relative_to(root):
            raise ObjectMissingError(f"{key!r:.120} lies elsewhere")
        try:
            for growing in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
                growing.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise ObjectsUnavailableError(f"{key}: {error.strerror}") from error

    def _head(self, key: str) -> ObjectInfo:
        try:
            found = self._path(key).stat()
        except OSError as error:
            raise ObjectMissingError(f"{key}: {error.strerror}") from error
        return ObjectInfo(found.st_size, f"{found.st_mtime_ns:x}-{found.st_size:x}")

    def _open(self, key: str, first: int) -> BinaryIO:
        try:
            file = self._path(key).open("rb")
        except OSError as error:
            raise ObjectMissingError(f"{key}: {error.strerror}") from error
        file.seek(first)
        return file

    def _path(self, key: str) -> Path:
        root = self._root.resolve()
        path = (root / check_key(key)).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise ObjectMissingError(f"{key!r:.120} is not there")
        return path
