"""The sessions in the desk's book: as they are now, found by who, what and when, and forgotten when too many."""

from collections.abc import Sequence

from contract.messages import AnyBody
from edge.affect.sessions.book_file import BookFile, encode
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.rows import SESSIONS, session_of
from edge.core.clock import Stamp


class SessionPages(BookFile):
    """Sessions. Every method may raise `StoreError`."""

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
                        encode(one),
                    ),
                )
                if told:
                    self._tell(one.participant, told, at)

    def session(self, session_id: str) -> KeptSession | None:
        """One session; None if it is not there."""
        rows = self._read(SESSIONS + " WHERE session_id = ?", session_id)
        return session_of(rows[0]) if rows else None

    def sessions(self, participant: str | None, limit: int) -> list[KeptSession]:
        """The newest, newest first."""
        sql = SESSIONS + " WHERE ?1 IS NULL OR participant = ?1 ORDER BY n DESC LIMIT ?2"
        return [session_of(row) for row in self._read(sql, participant, limit)]

    def ids(self) -> list[str]:
        """The ids of all sessions."""
        return [row[0] for row in self._read("SELECT session_id FROM sessions")]

    def of_video(
        self, video_id: int, user_id: str | None, session_id: str | None, since_ms: int | None
    ) -> list[KeptSession]:
        """The sessions of a video, newest first, that every filter lets pass; `since_ms`: that ended after it."""
        sql = SESSIONS + (
            " WHERE video_id = ?1 AND (?2 IS NULL OR participant = ?2)"
            " AND (?3 IS NULL OR session_id = ?3) AND (?4 IS NULL OR end_ms IS NULL OR end_ms > ?4) ORDER BY n DESC"
        )
        rows = self._read(sql, video_id, user_id, session_id, since_ms)
        return [session_of(row) for row in rows]

    def left_running(self) -> list[tuple[KeptSession, int]]:
        """The sessions that have not ended, oldest first, and when each was last known to run."""
        sql = (
            "SELECT session_id, participant, stimulus, video_id, end_ms, seen_ms, body,"
            " MAX(seen_ms, COALESCE((SELECT MAX(at_ms) FROM labels WHERE session = s.n), 0))"
            " FROM sessions s WHERE end_ms IS NULL ORDER BY n"
        )
        return [(session_of(row), known_ms) for *row, known_ms in self._read(sql)]

    def saw(self, running: Sequence[tuple[KeptSession, int]]) -> None:
        """Write down that these sessions run, as they are now, and where in its own time each is."""
        with self._write() as link:
            link.executemany(
                "UPDATE sessions SET seen_ms = ?, body = ? WHERE session_id = ?",
                [(seen_ms, encode(one), one.session_id) for one, seen_ms in running],
            )

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
