"""The file behind the desk's book: opened or put aside, written in commits that are durable, and looked through.

What was found damaged is put aside whole; what only may pass (a full disk, say) is an error of the moment.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from contract.messages import AnyBody
from edge.affect.sessions.schema import SCHEMA, VERSION
from edge.core.clock import Stamp
from edge.core.errors import StoreError
from edge.core.files import DAMAGED

_CHECK_LIMIT_BYTES: Final = 64 << 20
"""A larger file is looked through at the opening only if it showed damage before."""
encode: Final = msgspec.json.encode


class BookFile:
    """One connection. Methods block and may be called from one thread at a time; every one may raise `StoreError`."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raise `StoreError` if it is damaged or of newer software."""
        self._path = path
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._link = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._link.text_factory = _text
            try:
                self._prepare()
            except BaseException:
                self._link.close()
                raise

    @classmethod
    def open(cls, path: Path, wall_ms: int) -> tuple[Self, Path | None]:
        """The book at `path`; a damaged one is put aside, whereto is told, and a fresh one begun."""
        try:
            return cls(path), None
        except StoreError as error:
            if not isinstance(error.__cause__, sqlite3.DatabaseError) or _may_pass(error.__cause__):
                raise
        aside = path.with_name(f"{path.name}.damaged-{wall_ms}")
        with _told(path):
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
            _suspect_mark(path).unlink(missing_ok=True)
        return cls(path), aside

    def close(self) -> None:
        """Let go of the file."""
        self._link.close()

    def _prepare(self) -> None:
        suspect = _suspect_mark(self._path)
        if suspect.exists() or self._path.stat().st_size <= _CHECK_LIMIT_BYTES:
            found = self._link.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise _Damaged(found)
            suspect.unlink(missing_ok=True)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            self._link.execute(f"PRAGMA {pragma}")
        version = int(self._link.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise StoreError(f"{self._path}: schema {version} is newer than this software: install a newer one")
        if version == 0:
            self._link.executescript(f"BEGIN IMMEDIATE;\n{SCHEMA}\nPRAGMA user_version = {VERSION};\nCOMMIT;")

    def _tell(self, participant: str, body: AnyBody, at: Stamp) -> None:
        self._link.execute(
            "INSERT INTO untold (participant, wall_ms, mono_ns, trusted, body) VALUES (?, ?, ?, ?, ?)",
            (participant, at.wall_ms, at.mono_ns, int(at.trusted), encode(body)),
        )

    def _number(self, session_id: str) -> int:
        row = self._link.execute("SELECT n FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
        if row is None:
            raise StoreError(f"session {session_id!r:.80} is not kept any more")
        return int(row[0])

    def _used_bytes(self) -> int:
        """A page once freed is used again."""
        pages, free, size = (
            int(self._read(f"PRAGMA {name}")[0][0]) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _empty_journal(self) -> None:
        """Erased bytes stay in the journal until it is cut; and from a damaged file nothing can be erased."""
        with _told(self._path):
            self._link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            for aside in self._path.parent.glob(f"{self._path.name}.damaged-*"):
                aside.unlink()

    def _read(self, sql: str, *parameters: object) -> list[Any]:
        with _told(self._path):
            return self._link.execute(sql, parameters).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with _told(self._path):
            self._link.execute("BEGIN IMMEDIATE")
            try:
                yield self._link
                self._link.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._link.execute("ROLLBACK")
                raise


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, *DAMAGED) as error:
        if isinstance(error, sqlite3.DatabaseError) and not _may_pass(error):
            with suppress(OSError):
                _suspect_mark(path).touch()
        raise StoreError(f"{path.name}: {error}: check the disk's free space and the folder's rights") from error


class _Damaged(sqlite3.DatabaseError):
    """What the look through the file found."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _suspect_mark(path: Path) -> Path:
    """The empty file that has the next start look through a large file of sessions."""
    return path.with_name(f"{path.name}.suspect")


def _may_pass(error: sqlite3.DatabaseError) -> bool:
    """Whether it is the disk, for now, and not the file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)  # what Python itself raises has none
    return code & 0xFF not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _text(raw: bytes) -> str:
    """A damaged file may hold text that is none."""
    return raw.decode(errors="replace")
