"""Takes every record of a participant out of the store, and the bytes of them out of its file.

What the cloud has acknowledged is deleted. What it has not becomes a `Loss` under the same sequence number, so that no
number stays unexplained. Each stands for itself alone: some of those records may be under way, or in the cloud already
under their own meaning, and a range that hangs on one of them would be acknowledged away with it. The cloud blanks what
it has when it reads the `Erasure` that follows.
"""

from collections.abc import Sequence
from typing import Final

import aiosqlite
import msgspec

from contract.codec import decode
from contract.messages import AnyBody, Consent, File, Label, Loss, Marker, Prediction, Record, Recording, Session
from edge.core.clock import Clock
from edge.outbox.boots import Boots
from edge.outbox.rows import TOMBSTONE, make_row
from edge.outbox.writer import Writer

REASON: Final = "erased on request"
_CHUNK: Final = 500
_FIND: Final = "SELECT r.row, r.boot, r.payload, o.row IS NOT NULL FROM records r LEFT JOIN outbox o USING (row)"
_FIND_SAID: Final = (
    f"{_FIND} WHERE r.subject = ? AND r.kind IN ('prediction', 'session', 'label', 'marker', 'consent') AND r.row > ?"
    " ORDER BY r.row LIMIT ?"
)
_FIND_FILES: Final = f"{_FIND} WHERE r.kind = ? AND r.row > ? ORDER BY r.row LIMIT ?"
"""Files go by an id of their own: each has to be looked at for whose it is."""
_STRAY: Final = "INSERT OR IGNORE INTO strays SELECT key, upload_id FROM uploads WHERE id = ? AND upload_id IS NOT NULL"


class Eraser:
    """Works chunk by chunk through the writer, so that other records never wait long for it."""

    def __init__(
        self, writer: Writer, boots: Boots, clock: Clock, *, participant: str, sessions: Sequence[str]
    ) -> None:
        self._writer = writer
        self._boots = boots
        self._clock = clock
        self._participant = participant
        self._sessions = frozenset(sessions)
        self._after = 0
        self._seen = 0
        self.erased = 0

    async def run(self) -> None:
        """Erase everything; raise `StoreError` if the disk does not take that."""
        await self._writer.execute(self._send_no_more)
        for subject in sorted({self._participant, *self._sessions}):
            await self._erase_found(_FIND_SAID, subject)
        for kind in ("recording", "file"):
            await self._erase_found(_FIND_FILES, kind)

    async def _send_no_more(self, connection: aiosqlite.Connection) -> None:
        """Take their files out of the uploads; what was begun of one is thrown away at the target."""
        rows = await connection.execute_fetchall("SELECT id, body FROM uploads WHERE body IS NOT NULL")
        for upload_id, body in rows:
            if self._is_theirs(msgspec.json.decode(body, type=Recording | File)):
                await connection.execute(_STRAY, (upload_id,))
                await connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

    async def _erase_found(self, find: str, what: str) -> None:
        self._after, self._seen = 0, _CHUNK
        while self._seen == _CHUNK:
            await self._erase_some(find, what)

    async def _erase_some(self, find: str, what: str) -> None:
        erased, last, seen = 0, self._after, 0

        async def work(connection: aiosqlite.Connection) -> None:
            nonlocal erased, last, seen
            rows = await connection.execute_fetchall(find, (what, self._after, _CHUNK))
            erased, seen = 0, 0
            for row, boot, payload, waits in rows:
                last, seen = int(row), seen + 1
                if self._is_theirs(decode(payload, Record).body):
                    erased += 1
                    await self._replace(connection, last, int(boot), size=len(payload), waits=bool(waits))

        await self._writer.execute(work)
        self._after, self._seen = last, seen
        self.erased += erased

    def _is_theirs(self, body: AnyBody) -> bool:
        """A subject alone does not tell: one person's session may be called as another person is."""
        match body:
            case Prediction():
                return body.user_id == self._participant
            case Session() | Label() | Consent():
                return body.participant == self._participant
            case Marker():
                return body.session_id in self._sessions
            case Recording() | File():
                return body.participant == self._participant or body.session_id in self._sessions
            case _:
                return False

    async def _replace(
        self, connection: aiosqlite.Connection, row: int, number: int, *, size: int, waits: bool
    ) -> None:
        if not waits:
            await connection.execute("DELETE FROM records WHERE row = ?", (row,))
            return
        boot, seq = self._boots.identity(number, row)
        loss = Loss(what="records", reason=REASON, count=1, size_bytes=size, boot=boot)
        new = make_row(row, boot=boot, seq=seq, at=self._clock.now(), body=loss)
        await connection.execute(
            "UPDATE records SET kind = 'loss', subject = NULL, t_ms = ?, payload = ? WHERE row = ?",
            (new.t_ms, new.payload, row),
        )
        await connection.execute("UPDATE outbox SET leaf = 'ledger', rank = ? WHERE row = ?", (TOMBSTONE, row))
