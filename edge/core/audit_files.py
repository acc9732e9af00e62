"""Lines in numbered files of a bounded number: the newest is appended to, the oldest goes. Several processes may write.

What goes by the name of such a file and is none, or cannot be opened, is passed over and told of once: the log of who
did what goes on beside it. No lock is taken, because whoever was stopped while it held one would hold up all others.
"""

import errno
import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.core.files import give_to_owner_of, make_folder, sync_folder

_NAME: Final = "audit-{number:08d}.jsonl"
_NAMED: Final = re.compile(r"audit-[0-9]{8}\.jsonl")
LAST: Final = 99_999_999
"""The highest number of a file."""
_APPENDING: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_log = logging.getLogger(__name__)


class AuditFiles:
    """`files` files of `file_bytes` and a line at most. Every method looks at the disk. One thread at a time."""

    def __init__(self, folder: Path, *, file_bytes: int, files: int) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._files = files
        self._told: set[str] = set()

    def append(self, line: bytes) -> None:
        """Make a line durable. Raise `OSError`; what is there of it then is no line."""
        make_folder(self._folder)
        handle = self._open()
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            whole = b"\n" + line if torn else line
            if os.write(handle, whole) < len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)

    def newest_first(self, last: int = LAST) -> Iterator[tuple[int, bytes]]:
        """Numbers and contents of those files up to `last` that can be read. Raise `OSError` if the folder cannot."""
        for number in reversed(self._numbers()):
            if number > last:
                continue
            try:
                yield number, self._path(number).read_bytes()
            except FileNotFoundError:
                continue  # gone since: it was the oldest
            except OSError as error:
                self._pass_over(self._path(number), f"cannot be read: {error}")

    def _open(self) -> int:
        """The file that is written to: a new one where there is none, or the last is full or out of order."""
        numbers = self._numbers()
        if numbers:
            path = self._path(numbers[-1])
            try:
                if path.stat().st_size < self._file_bytes:
                    return os.open(path, _APPENDING)
            except OSError as error:
                self._pass_over(path, f"cannot be written to: {error}")
        handle = self._begin(numbers[-1] + 1 if numbers else 1)
        for number in numbers[: max(0, len(numbers) + 1 - self._files)]:
            self._path(number).unlink(missing_ok=True)
        sync_folder(self._folder)
        return handle

    def _begin(self, first: int) -> int:
        """A file of the lowest number from `first` on that is free, or that another process began just now."""
        for number in range(first, LAST + 1):
            path = self._path(number)
            try:
                handle = os.open(path, _APPENDING | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                if _is_file(path):
                    return os.open(path, _APPENDING)
                continue
            give_to_owner_of(self._folder, handle)
            return handle
        raise OSError(errno.EFBIG, "no number is left for another file")

    def _numbers(self) -> list[int]:
        try:
            named = [entry for entry in os.scandir(self._folder) if _NAMED.fullmatch(entry.name)]
        except FileNotFoundError:
            return []
        for entry in named:
            if not entry.is_file(follow_symlinks=False):
                self._pass_over(Path(entry), "is no file")
        return sorted(_number_of(entry.name) for entry in named if entry.is_file(follow_symlinks=False))

    def _pass_over(self, path: Path, why: str) -> None:
        if path.name not in self._told:
            self._told.add(path.name)
            _log.warning("the audit log in %s goes on beside %s, which %s", self._folder, path.name, why)

    def _path(self, number: int) -> Path:
        return self._folder / _NAME.format(number=number)


def _number_of(name: str) -> int:
    return int(name.removeprefix("audit-").removesuffix(".jsonl"))


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False
