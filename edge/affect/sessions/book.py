"""The desk's own file: participants, stimuli, sessions, labels and markers in SQLite, each change durable when told.

What has to become a record as well is written down in the same commit (`untold`), so that a crash between this file and
the store loses nothing: at worst a record is told twice, and carries the id by which the second is known.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import AnyBody, Probe
from contract.sessions import Participant, SessionLabel, SessionMarker, Stimulus
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.rows import (
    SESSION_COLUMNS,
    ids_of,
    marker_of,
    participant_of,
    session_of,
    stimulus_of,
    untold_of,
)
from edge.affect.sessions.schema import SCHEMA, VERSION
from edge.core.clock import Stamp
from edge.core.errors import StoreError

_LABEL: Final = "label_id, at_ms, stimulus_ms, source, probe, valence, arousal, ask_id, reason"
_MINE: Final = "session = (SELECT n FROM sessions WHERE session_id = ?1)"
_LABELS: Final = f"SELECT {_LABEL} FROM labels WHERE {_MINE} ORDER BY at_ms"  # noqa: S608 - columns of ours
_LABEL_PAGE: Final = (
    f"SELECT {_LABEL} FROM labels WHERE {_MINE} AND (at_ms, label_id) > (?2, ?3) ORDER BY at_ms, label_id LIMIT ?4"  # noqa: S608
)
_TRACE: Final = f"SELECT COUNT(*), MIN(at_ms), MAX(at_ms) FROM labels WHERE {_MINE} AND source = 'trace'"  # noqa: S608
_THINNED: Final = f"""
SELECT {_LABEL} FROM labels WHERE {_MINE} AND source <> 'trace' UNION ALL
SELECT {_LABEL.replace("at_ms", "MIN(at_ms) AS at_ms", 1)} FROM labels WHERE {_MINE} AND source = 'trace'
GROUP BY at_ms / ?2 ORDER BY at_ms
"""  # noqa: S608 - columns of ours; of a group, those of its first row
_SAID: Final = """
SELECT stimulus, participant, place, said, COUNT(*) FROM (
    SELECT s.stimulus AS stimulus, s.participant AS participant, l.stimulus_ms / ? AS place, COALESCE(l.probe, CASE
        WHEN l.valence > 0 AND l.arousal > 0 THEN 'HH' WHEN l.valence > 0 AND l.arousal < 0 THEN 'HL'
        WHEN l.valence < 0 AND l.arousal > 0 THEN 'LH' WHEN l.valence < 0 AND l.arousal < 0 THEN 'LL' END) AS said
    FROM labels l JOIN sessions s ON s.n = l.session WHERE s.stimulus IS NOT NULL AND l.stimulus_ms IS NOT NULL
) WHERE said IS NOT NULL GROUP BY stimulus, participant, place, said
"""
_CHECK_LIMIT_BYTES: Final = 64 << 20
"""A larger file is looked through at the opening only if it showed damage before."""
_encode: Final = msgspec.json.encode
Untold = tuple[int, AnyBody, Stamp]


class Book:
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
    def open(cls, path: Path, wall_ms: int) -> "tuple[Book, Path | None]":
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

    def participants(self) -> list[Participant]:
        """Everybody, with how many sessions they have."""
        counts = dict(self._read("SELECT participant, COUNT(*) FROM sessions GROUP BY participant"))
        found = [participant_of(*row) for row in self._read("SELECT id, body FROM participants ORDER BY id")]
        return [msgspec.structs.replace(one, sessions=counts.get(one.id, 0)) for one in found]

    def put_participant(self, one: Participant, told: AnyBody | None = None, at: Stamp | None = None) -> None:
        """Keep a participant, and what is to be told of that."""
        with self._write() as link:
            link.execute("INSERT OR REPLACE INTO participants VALUES (?, ?)", (one.id, _encode(one)))
            if told and at:
                self._tell(one.id, told, at)

    def stimuli(self) -> list[tuple[Stimulus, str | None]]:
        """Every stimulus with the name of its file."""
        rows = self._read("SELECT id, body, file FROM stimuli ORDER BY id")
        return [(stimulus_of(*row), row[2]) for row in rows]

    def put_stimulus(self, one: Stimulus, file: str | None) -> None:
        """Keep a stimulus."""
        with self._write() as link:
            link.execute("INSERT OR REPLACE INTO stimuli VALUES (?, ?, ?)", (one.id, _encode(one), file))

    def remove_stimulus(self, stimulus: str) -> None:
        """Forget it."""
        with self._write() as link:
            link.execute("DELETE FROM stimuli WHERE id = ?", (stimulus,))

    def seeded(self) -> set[int]:
        """The numbers of which a stimulus was made once."""
        return {number for (number,) in self._read("SELECT number FROM seeded")}

    def seed(self, number: int, one: Stimulus | None) -> None:
        """Make the stimulus of a number; none if another has it."""
        with self._write() as link:
            link.execute("INSERT INTO seeded VALUES (?)", (number,))
            if one:
                link.execute("INSERT OR IGNORE INTO stimuli VALUES (?, ?, NULL)", (one.id, _encode(one)))

    def put_sessions(self, kept: Sequence[tuple[KeptSession, AnyBody | None]], at: Stamp) -> None:
        """Keep sessions as they are now, in one commit, and what is to be told of each."""
        with self._write() as link:
            for one, told in kept:
                link.execute(
                    "INSERT INTO sessions (session_id, participant, stimulus, video_id, end_ms, seen_ms, body)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE"
                    " SET end_ms = excluded.end_ms, seen_ms = excluded.seen_ms, body = excluded.body",
                    (
                        one.session_id,
                        one.participant,
                        one.stimulus,
                        one.video_id,
                        one.end_ms,
                        at.wall_ms,
                        _encode(one),
                    ),
                )
                if told:
                    self._tell(one.participant, told, at)

    def session(self, session_id: str) -> KeptSession | None:
        """One session; None if it is not there."""
        rows = self._read(f"SELECT {SESSION_COLUMNS} FROM sessions WHERE session_id = ?", session_id)  # noqa: S608
        return session_of(rows[0]) if rows else None

    def sessions(self, participant: str | None, limit: int) -> list[KeptSession]:
        """The newest, newest first."""
        sql = (
            f"SELECT {SESSION_COLUMNS} FROM sessions WHERE ?1 IS NULL OR participant = ?1"  # noqa: S608 - columns of ours
            " ORDER BY n DESC LIMIT ?2"
        )
        return [session_of(row) for row in self._read(sql, participant, limit)]

    def of_video(
        self, video_id: int, user_id: str | None, session_id: str | None, since_ms: int | None
    ) -> list[KeptSession]:
        """The sessions of a video, newest first, that every filter lets pass; `since_ms`: that ended after it."""
        sql = (
            f"SELECT {SESSION_COLUMNS} FROM sessions WHERE video_id = ?1 AND (?2 IS NULL OR participant = ?2)"  # noqa: S608
            " AND (?3 IS NULL OR session_id = ?3) AND (?4 IS NULL OR end_ms IS NULL OR end_ms > ?4) ORDER BY n DESC"
        )
        rows = self._read(sql, video_id, user_id, session_id, since_ms)
        return [session_of(row) for row in rows]

    def left_running(self) -> list[tuple[KeptSession, int]]:
        """The sessions that have not ended, oldest first, and when each was last known to run."""
        sql = (
            f"SELECT {SESSION_COLUMNS},"  # noqa: S608 - columns of ours
            " MAX(seen_ms, COALESCE((SELECT MAX(at_ms) FROM labels WHERE session = s.n), 0))"
            " FROM sessions s WHERE end_ms IS NULL ORDER BY n"
        )
        return [(session_of(row), known_ms) for *row, known_ms in self._read(sql)]

    def saw(self, running: Sequence[tuple[KeptSession, int]]) -> None:
        """Write down that these sessions run, as they are now, and where in its own time each is."""
        with self._write() as link:
            link.executemany(
                "UPDATE sessions SET seen_ms = ?, body = ? WHERE session_id = ?",
                [(seen_ms, _encode(one), one.session_id) for one, seen_ms in running],
            )

    def labels(self, session_id: str, most_points: int) -> list[SessionLabel]:
        """What was said in a session, by moment; of traces at most so many points, spread over all of it."""
        count, first_ms, last_ms = self._read(_TRACE, session_id)[0]
        if count <= most_points:
            return [_label(row) for row in self._read(_LABELS, session_id)]
        apart_ms = (last_ms - first_ms) // max(1, most_points - 1) + 1
        return [_label(row) for row in self._read(_THINNED, session_id, apart_ms)]

    def label_page(self, session_id: str, after: tuple[int, str], limit: int) -> list[SessionLabel]:
        """Up to `limit` labels of a session, by moment and id, that follow that moment and id."""
        return [_label(row) for row in self._read(_LABEL_PAGE, session_id, *after, limit)]

    def said_of_stimuli(self, slice_ms: int) -> list[tuple[str, str, int, Probe, int]]:
        """`(stimulus, participant, slice of it, probe, how often)`: the labels by quadrant, as in `quadrant_of`."""
        return self._read(_SAID, slice_ms)

    def label_count(self, session_id: str, source: str | None = None) -> int:
        """How many labels a session has, of a source or of any."""
        sql = (
            "SELECT COUNT(*) FROM labels WHERE session = (SELECT n FROM sessions WHERE session_id = ?1)"
            " AND (?2 IS NULL OR source = ?2)"
        )
        return int(self._read(sql, session_id, source)[0][0])

    def known_labels(self, session_id: str, wanted: Sequence[str]) -> set[str]:
        """Which of these label ids a session has already."""
        sql = (
            "SELECT label_id FROM labels WHERE label_id = ? AND session = (SELECT n FROM sessions WHERE session_id = ?)"
        )
        return {row[0] for label_id in wanted for row in self._read(sql, label_id, session_id)}

    def add_labels(self, kept: KeptSession, new: Sequence[SessionLabel], told: Sequence[AnyBody], at: Stamp) -> None:
        """Keep labels, and what is to be told of them, in one commit."""
        with self._write() as link:
            n = self._number(kept.session_id)
            link.executemany(
                f"INSERT OR IGNORE INTO labels (session, {_LABEL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                [(n, *(getattr(label, name) for name in _LABEL.split(", "))) for label in new],
            )
            for body in told:
                self._tell(kept.participant, body, at)

    def markers(self, session_id: str) -> list[SessionMarker]:
        """The marked moments of a session, by moment."""
        sql = "SELECT body FROM markers WHERE session = (SELECT n FROM sessions WHERE session_id = ?) ORDER BY id"
        found = [marker for (body,) in self._read(sql, session_id) if (marker := marker_of(body))]
        return sorted(found, key=lambda one: one.at_ms)

    def marker_count(self, session_id: str) -> int:
        """How many markers a session has."""
        sql = "SELECT COUNT(*) FROM markers WHERE session = (SELECT n FROM sessions WHERE session_id = ?)"
        return int(self._read(sql, session_id)[0][0])

    def add_marker(self, kept: KeptSession, marker: SessionMarker, told: AnyBody, at: Stamp) -> None:
        """Keep a marker, and what is to be told of it."""
        with self._write() as link:
            row = (self._number(kept.session_id), _encode(marker))
            link.execute("INSERT INTO markers (session, body) VALUES (?, ?)", row)
            self._tell(kept.participant, told, at)

    def untold(self, after: int = 0, limit: int = 200) -> list[Untold]:
        """The oldest records that the store has not taken, of keys after `after`: `(key, body, when)`."""
        sql = "SELECT id, body, mono_ns, wall_ms, trusted FROM untold WHERE id > ? ORDER BY id LIMIT ?"
        return [
            (key, untold_of(body), Stamp(mono_ns, wall_ms, bool(trusted)))
            for key, body, mono_ns, wall_ms, trusted in self._read(sql, after, limit)
        ]

    def told(self, keys: Sequence[int]) -> None:
        """The store has taken these."""
        with self._write() as link:
            link.executemany("DELETE FROM untold WHERE id = ?", [(key,) for key in keys])

    def trim(self, most_sessions: int, most_bytes: int) -> list[str]:
        """Forget the oldest ended sessions that are too many, and one more if the file is too large; return whose."""
        over = self._read("SELECT COUNT(*) FROM sessions")[0][0] - most_sessions
        wanted = max(over, 1 if self._used_bytes() > most_bytes else 0, 0)
        sql = "SELECT n, participant FROM sessions WHERE end_ms IS NOT NULL ORDER BY n LIMIT ?"
        rows = self._read(sql, wanted)
        if rows:
            with self._write() as link:
                link.executemany("DELETE FROM sessions WHERE n = ?", [(n,) for n, _ in rows])
        return [participant for _, participant in rows]

    def begin_erasing(self, participant: str) -> None:
        """Take everything of them out of here, in one commit, and remember that the store has to follow."""
        sessions = [row[0] for row in self._read("SELECT session_id FROM sessions WHERE participant = ?", participant)]
        with self._write() as link:
            rows = sum(
                link.execute(f"DELETE FROM {table} WHERE {column} = ?", (participant,)).rowcount  # noqa: S608
                for table, column in (("sessions", "participant"), ("participants", "id"), ("untold", "participant"))
            )
            before = [row for row in self.erasing() if row[0] == participant]
            sessions += [session for _, listed, _ in before for session in listed]
            link.execute(
                "INSERT OR REPLACE INTO erasing VALUES (?, ?, ?)",
                (participant, _encode(sessions), rows + sum(row[2] for row in before)),
            )
        self._empty_journal()

    def erasing(self) -> list[tuple[str, list[str], int]]:
        """Who is being erased: `(participant, sessions, rows that went from here)`."""
        rows = self._read("SELECT participant, sessions, rows FROM erasing ORDER BY participant")
        return [(participant, ids_of(listed), count) for participant, listed, count in rows]

    def end_erasing(self, participant: str, told: Sequence[AnyBody], at: Stamp) -> None:
        """The store has followed: tell everybody else."""
        with self._write() as link:
            link.execute("DELETE FROM erasing WHERE participant = ?", (participant,))
            for body in told:
                self._tell("", body, at)  # of nobody any more: the next erasure of that name must not take it
        self._empty_journal()

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

    def _number(self, session_id: str) -> int:
        row = self._link.execute("SELECT n FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
        if row is None:
            raise StoreError(f"session {session_id!r:.80} is not kept any more")
        return int(row[0])

    def _tell(self, participant: str, body: AnyBody, at: Stamp) -> None:
        self._link.execute(
            "INSERT INTO untold (participant, wall_ms, mono_ns, trusted, body) VALUES (?, ?, ?, ?, ?)",
            (participant, at.wall_ms, at.mono_ns, int(at.trusted), _encode(body)),
        )

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
    except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
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


def _label(row: Sequence[Any]) -> SessionLabel:
    return SessionLabel(**dict(zip(_LABEL.split(", "), row, strict=True)))
