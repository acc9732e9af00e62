"""The desk's own file: participants, stimuli, sessions, labels and markers in SQLite, each change durable when told.

What has to become a record as well is written down in the same commit (`untold`), so that a crash between this file and
the store loses nothing: at worst a record is told twice, and carries the id by which the second is known.
"""

from collections.abc import Sequence

from contract.messages import AnyBody
from edge.affect.sessions.book_file import encode
from edge.affect.sessions.book_labels import LabelPages
from edge.affect.sessions.book_people import PeoplePages
from edge.affect.sessions.book_sessions import SessionPages
from edge.affect.sessions.rows import ids_of, untold_of
from edge.core.clock import Stamp

Untold = tuple[int, AnyBody, Stamp]


class Book(PeoplePages, SessionPages, LabelPages):
    """All of its pages, what waits to be told, and who is being erased. Every method may raise `StoreError`."""

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

    def begin_erasing(self, participant: str) -> None:
        """Take everything of them out of here, in one commit, and remember that the store has to follow."""
        sessions = [row[0] for row in self._read("SELECT session_id FROM sessions WHERE participant = ?", participant)]
        with self._write() as link:
            rows = sum(
                link.execute(sql, (participant,)).rowcount
                for sql in (
                    "DELETE FROM sessions WHERE participant = ?",
                    "DELETE FROM participants WHERE id = ?",
                    "DELETE FROM untold WHERE participant = ?",
                )
            )
            before = [row for row in self.erasing() if row[0] == participant]
            sessions += [session for _, listed, _ in before for session in listed]
            link.execute(
                "INSERT OR REPLACE INTO erasing VALUES (?, ?, ?)",
                (participant, encode(sessions), rows + sum(row[2] for row in before)),
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
