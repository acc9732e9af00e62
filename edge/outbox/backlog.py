"""What the cloud does not have yet, as whoever sends records sees it."""

from collections.abc import Sequence

import aiosqlite

from edge.outbox.boots import Boots
from edge.outbox.history import History
from edge.outbox.queue import Queue, Range, Which
from edge.outbox.recall import Recall
from edge.outbox.rows import Pending
from edge.outbox.writer import Writer


class Backlog(History):
    """The publisher's queue, beside the history. Methods belong to the event loop; all raise `StoreError`."""

    def __init__(self, reader: aiosqlite.Connection, writer: Writer, boots: Boots) -> None:
        super().__init__(reader)
        self._boots = boots
        self.queue = Queue(reader, writer, boots)
        self._recall = Recall(reader, writer, boots, self.queue)

    @property
    def boot(self) -> str:
        """The name of this run, as it stands in its records."""
        return self._boots.current.boot

    @property
    def outbox_records(self) -> int:
        """How many records the cloud has not acknowledged."""
        return self.queue.records

    @property
    def last_alarm(self) -> int:
        """The largest row of an alarm that waits, or did in this run; 0 for none."""
        return self.queue.last_alarm

    @property
    def acknowledged_total(self) -> int:
        """How many records the cloud acknowledged in this run."""
        return self.queue.acknowledged_total

    async def pending(self, after_row: int = 0, limit: int = 500) -> list[Pending]:
        """Up to `limit` records that the cloud has not acknowledged, of rows after `after_row`, in order."""
        return await self.queue.pending(after_row + 1, limit=limit)

    async def pending_range(self, boot: str, first_seq: int, last_seq: int, limit: int = 500) -> list[Pending]:
        """Those of one run and these sequence numbers, inclusive, that are still unacknowledged, in order."""
        return await self.queue.pending_range(boot, first_seq, last_seq, limit)

    async def pending_rows(self, rows: Sequence[int]) -> list[Pending]:
        """Those of these rows that are still unacknowledged, in order."""
        return await self.queue.pending_rows(rows)

    async def pending_in(self, which: Which, first: int, last: int, limit: int) -> list[Pending]:
        """Up to `limit` of the alarms or of the others that the cloud has not acknowledged, of these rows, in order."""
        return await self.queue.pending(first, last, limit=limit, which=which)

    async def acknowledge(self, boot: str, seq: int, also: Sequence[Range] = ()) -> int:
        """The cloud has everything of `boot` up to and with `seq`, and these closed ranges above it: take that out of
        the outbox; return how many rows. What lies above `seq` stays in the history at least until `seq` reaches it.
        """
        return await self.queue.acknowledge(boot, [(1, seq), *also])

    async def forget_rows(self, rows: Sequence[int]) -> int:
        """Take these rows out of the outbox; return how many were in it."""
        return await self.queue.forget_rows(rows)

    def rows_of(self, boot: str, first_seq: int, last_seq: int) -> range:
        """The rows of these numbers of a run, inclusive; none for a run that this store never had."""
        return self._boots.rows_of(boot, first_seq, last_seq)

    async def recall(self, boot: str, first_seq: int, last_seq: int) -> list[int]:
        """The cloud misses these numbers of `boot`, inclusive: have them wait again; return their rows.

        What the store no longer has is told by a `Loss` that names the range, once, so that nobody waits for it.
        """
        return await self._recall.run(boot, first_seq, last_seq)
