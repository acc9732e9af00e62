"""Takes every record of a participant out of the store, and the bytes of them out of its file.

What the cloud has acknowledged is deleted. What it has not becomes a `Loss` under the same sequence number, so that no
number stays unexplained. Each stands for itself alone: some of those records may be under way, or in the cloud already
under their own meaning, and a range that hangs on one of them would be acknowledged away with it. The cloud blanks what
it has when it reads the `Erasure` that follows. Of their files it may never have heard, so what is in object storage of
them is noted to be thrown away from here too.
"""

from collections.abc import Sequence
from typing import Final

import aiosqlite

from contract.codec import decode
from contract.messages import AnyBody, Consent, File, Label, Loss, Marker, Prediction, Record, Recording, Session
from edge.core.clock import Clock
from edge.outbox.boots import Boots
from edge.outbox.rows import TOMBSTONE, make_row
from edge.outbox.upload_rows import ADD_STRAY, WHOLE
from edge.outbox.uploads import Uploads
from edge.outbox.writer import Writer

REASON: Final = "erased on request"
_CHUNK: Final = 500
_FIND: Final = "SELECT r.row, r.payload, o.row IS NOT NULL FROM records r LEFT JOIN outbox o USING (row)"
_FIND_SAID: Final = (
    f"{_FIND} WHERE r.subject = ? AND r.kind IN ('prediction', 'session', 'label', 'marker', 'consent') AND r.row > ?"
    " ORDER BY r.row LIMIT ?"
)
_FIND_FILES: Final = f"{_FIND} WHERE r.kind = ? AND r.row > ? ORDER BY r.row LIMIT ?"
"""Files go by an id of their own: each has to be looked at for whose it is."""


class Eraser:
    """Works chunk by chunk through the writer, so that other records never wait long for it."""

    def __init__(
        self, writer: Writer, boots: Boots, clock: Clock, *, uploads: Uploads, participant: str, sessions: Sequence[str]
    ) -> None:
        self._writer = writer
        self._uploads = uploads
        self._boots = boots
        self._clock = clock
        self._participant = participant
        self._sessions = frozenset(sessions)
        self._after = 0
        self._seen = 0
        self.erased = 0

    async def run(self) -> None:
        """Erase everything; raise `StoreError` if the disk does not take that."""
        await self._uploads.forget_all(self._is_theirs)
        for subject in sorted({self._participant, *self._sessions}):
            await self._erase_found(_FIND_SAID, subject)
        for kind in ("recording", "file"):
            await self._erase_found(_FIND_FILES, kind)

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
            for row, payload, waits in rows:
                last, seen = int(row), seen + 1
                record = decode(payload, Record)
                if self._is_theirs(body := record.body):
                    erased += 1
                    if isinstance(body, Recording | File):
                        await connection.execute(ADD_STRAY, (body.key, WHOLE))
                    await self._remove(connection, last, record, size=len(payload) if waits else None)

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

    async def _remove(self, connection: aiosqlite.Connection, row: int, record: Record, *, size: int | None) -> None:
        """Delete it, or, where it still waits for the cloud with so many bytes, say so in its place."""
        if size is None:
            await connection.execute("DELETE FROM records WHERE row = ?", (row,))
            return
        loss = Loss(what="records", reason=REASON, count=1, size_bytes=size, boot=record.boot)
        at = self._boots.in_place_of(record, self._clock.now())
        new = make_row(row, boot=record.boot, seq=record.seq, at=at, body=loss)
        await connection.execute(
            "UPDATE records SET kind = 'loss', subject = NULL, t_ms = ?, payload = ? WHERE row = ?",
            (new.t_ms, new.payload, row),
        )
        await connection.execute("UPDATE outbox SET leaf = 'ledger', rank = ? WHERE row = ?", (TOMBSTONE, row))
