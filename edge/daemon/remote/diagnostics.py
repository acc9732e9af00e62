"""A bundle that tells somebody far away how this device is, with nothing of participants and no secret in it.

Each part is bounded and stands for itself: one that cannot be made is replaced by the reason. Of the journal the lines
of those rooms are left out that speak of people.
"""

import gzip
import io
import logging
import re
import shutil
import sqlite3
import subprocess
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from edge.core.logs import FORMAT

MOST_PART_BYTES: Final = 2 << 20
MOST_BUNDLE_BYTES: Final = 16 << 20
_RING_LINES: Final = 2000
_LONGEST_LINE: Final = 2000
_JOURNAL_LINES: Final = 3000
_JOURNAL_S: Final = 15.0
_BEGINS: Final = re.compile(r"systemd\[1\]: | - [\w.]+ - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - ")
"""A line of systemd, or the first of what we log."""
_UNIT: Final = "afferent-edge.service"
PRIVATE_ROOMS: Final = ("edge.affect", "edge.collecting", "edge.core.audit", "edge.web")
"""Loggers whose lines may name people."""
Part = Callable[[], bytes]
"""Makes the content of one file of the bundle. May block, and may raise."""


class LogRing(logging.Handler):
    """The newest lines of the log, in memory, without those of `PRIVATE_ROOMS`."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(FORMAT))
        self._lines: deque[str] = deque(maxlen=_RING_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line. One that cannot be made is told on standard error, like those of other handlers."""
        try:
            if not record.name.startswith(PRIVATE_ROOMS):
                self._lines.append(self.format(record)[:_LONGEST_LINE])
        except Exception:  # noqa: BLE001 - whoever logs goes on, whatever is wrong with the words
            self.handleError(record)

    def text(self) -> bytes:
        """All of them, oldest first."""
        return "\n".join(list(self._lines)).encode()


def bundle(parts: Mapping[str, Part], *, made_s: int) -> bytes:
    """A tar.gz of these files, by name; `made_s` is their time in seconds since 1970. Blocks."""
    room = io.BytesIO()
    left = MOST_BUNDLE_BYTES
    with (
        gzip.GzipFile(fileobj=room, mode="wb", mtime=made_s) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, part in parts.items():
            content = _content(part)[: min(MOST_PART_BYTES, left)]
            left -= len(content)
            entry = tarfile.TarInfo(f"diagnostics/{name}")
            entry.size, entry.mtime, entry.mode = len(content), made_s, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return room.getvalue()


def as_json(value: Any) -> bytes:
    """Plain data, or structs, as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2)


def journal_text() -> bytes:
    """The last lines of the unit's journal, if this user may read them."""
    program = shutil.which("journalctl")
    if program is None:
        return b"there is no journal here"
    command = [program, "--unit", _UNIT, "--lines", str(_JOURNAL_LINES), "--no-pager", "--output", "short-iso"]
    done = subprocess.run(command, capture_output=True, timeout=_JOURNAL_S, check=False)  # noqa: S603 - fixed words
    lines = done.stdout.decode(errors="replace").splitlines()
    return "\n".join(without_people(lines)).encode() or done.stderr


def disk_text(state: Path) -> bytes:
    """How full the disk is, and what each folder of the state takes of it."""
    usage = shutil.disk_usage(state)
    folders = {entry.name: _size_of(entry) for entry in sorted(state.iterdir())}
    return as_json({"total": usage.total, "used": usage.used, "free": usage.free, "state_bytes": folders})


def store_text(path: Path) -> bytes:
    """Whether the store is sound, and how many rows its tables have. It is only read."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as store:
        check = [row[0] for row in store.execute("PRAGMA quick_check(20)")]
        names = [row[0] for row in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        counts = {name: store.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
        version = store.execute("PRAGMA user_version").fetchone()[0]
    return as_json({"schema": version, "quick_check": check, "rows": counts, "bytes": path.stat().st_size})


def host_text() -> bytes:
    """The kernel, the machine, how long it runs, its load and memory."""
    lines = []
    for name in ("version", "uptime", "loadavg", "meminfo", "cmdline"):
        lines.append(f"== /proc/{name}\n{Path('/proc', name).read_text(encoding='utf-8', errors='replace')}")
    return "\n".join(lines).encode()


def _content(part: Part) -> bytes:
    try:
        return part()
    except Exception as error:  # noqa: BLE001 - what cannot be told is a finding itself
        return f"cannot be told: {type(error).__name__}: {error}\n".encode()


def without_people(lines: Iterable[str]) -> list[str]:
    """What may leave the device of a journal. What follows a line without being one of its own, such as a traceback, is
    as private as that; so is what comes before the first."""
    private, hidden, kept = tuple(f" - {room}" for room in PRIVATE_ROOMS), True, []
    for line in lines:
        if _BEGINS.search(line):
            hidden = any(mark in line for mark in private)
        if not hidden:
            kept.append(line[:_LONGEST_LINE])
    return kept


def _size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_symlink():
        return 0
    if not path.is_dir():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file() and not one.is_symlink())
