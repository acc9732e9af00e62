"""Reads a file part by part in order, so that its SHA-256 is known with its last byte and nothing is read twice."""

import hashlib
import re
from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from edge.core.errors import EdgeError

_BLOCK_BYTES: Final = 1 << 20
_PLAIN_MD5: Final = re.compile(r'"?([0-9a-f]{32})"?')
GONE: Final = "its file is gone from the spool"
DAMAGED: Final = "its file is not what was recorded: the disk damaged it"


class FileUnusableError(EdgeError):
    """The file can never be sent as it was announced; the message says why."""


class FileUnreadableError(EdgeError):
    """The disk does not give the file's bytes now."""


class PartChangedError(EdgeError):
    """A part that was sent is no more in the file as it was sent."""


class PartReader:
    """One file in parts of `part_bytes`. Every method blocks; one thread at a time.

    The SHA-256 runs along with the parts read; one that is read again counts as it was read last.
    """

    def __init__(self, path: Path, part_bytes: int) -> None:
        self.path = path
        self.part_bytes = part_bytes
        self._hash = hashlib.sha256()
        self._before: dict[int, Any] = {}
        """The hash as it was before each of the last two parts: one may be sent again while the next is read."""
        self._number = 0
        """The last part that is in the hash."""

    def read(self, number: int, size_bytes: int, digests: Mapping[int, str], check: Callable[[], None]) -> bytes:
        """The bytes of a part; what of the parts before it was not read yet is read and held against its tag.

        `check` is called now and then, and raises to stop. Raise `FileUnusableError`, `FileUnreadableError` or
        `PartChangedError`.
        """
        with _reading(self.path) as file:
            if number <= self._number:
                self._go_back(number)
            self._catch_up(file, number - 1, digests, check)
            data = _read(file, (number - 1) * self.part_bytes, size_bytes)
        self._count(data)
        return data

    def sha256(self, size_bytes: int, digests: Mapping[int, str], check: Callable[[], None]) -> str:
        """Of the whole file (hex), with what was not read yet."""
        last = -(-size_bytes // self.part_bytes)
        if self._number < last:
            with _reading(self.path) as file:
                self._catch_up(file, last, digests, check)
        return self._hash.hexdigest()

    def _go_back(self, number: int) -> None:
        before = self._before.get(number)
        self._hash, self._number = (before.copy(), number - 1) if before else (hashlib.sha256(), 0)

    def _catch_up(self, file: BufferedReader, last: int, digests: Mapping[int, str], check: Callable[[], None]) -> None:
        while self._number < last:
            check()
            offset = self._number * self.part_bytes
            before, digest = self._remember(), hashlib.md5(usedforsecurity=False)
            try:
                file.seek(offset)
                left = self.part_bytes
                while left and (block := file.read(min(_BLOCK_BYTES, left))):
                    self._hash.update(block)
                    digest.update(block)
                    left -= len(block)
            except OSError as error:
                self._hash = before
                raise FileUnreadableError(f"cannot read {self.path.name}: {error.strerror}") from error
            self._number += 1
            if digests.get(self._number, "") not in {"", digest.hexdigest()}:
                raise PartChangedError(f"part {self._number} of {self.path.name} is no more what was sent")

    def _count(self, data: bytes) -> None:
        self._remember()
        self._hash.update(data)
        self._number += 1

    def _remember(self) -> Any:
        """The hash before the next part, as a copy of its own."""
        known = self._before.get(self._number)
        self._before = {self._number + 1: self._hash.copy()} | ({self._number: known} if known else {})
        return self._hash.copy()


def whole_sha256(path: Path) -> str:
    """Of the file as it is on the disk (hex). Raise as `PartReader` does."""
    with _reading(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FileUnreadableError(f"cannot read {path.name}: {error.strerror}") from error


def md5_of(tag: str) -> str:
    """The MD5 (hex) that a part's tag is; empty where it is something else."""
    found = _PLAIN_MD5.fullmatch(tag)
    return found[1] if found else ""


def _reading(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise FileUnusableError(GONE) from error
    except OSError as error:
        raise FileUnreadableError(f"cannot read {path.name}: {error.strerror}") from error


def _read(file: BufferedReader, offset: int, size_bytes: int) -> bytes:
    try:
        file.seek(offset)
        data = file.read(size_bytes)
    except OSError as error:
        raise FileUnreadableError(f"cannot read {file.name}: {error.strerror}") from error
    if len(data) < size_bytes:
        raise FileUnusableError(DAMAGED)
    return data
