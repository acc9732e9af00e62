"""All between the outbox and the network that is no network: what goes next, what is under way, what an ack means."""

from typing import Final, Protocol

from contract.messages import Ack
from edge.core.clock import Clock
from edge.core.errors import StoreDelayedError
from edge.outbox.rows import ALARM, Pending
from edge.sync.lanes import Lanes, Waiting
from edge.sync.proof import LARGEST, Range, missing_of, proven_above, up_to
from edge.sync.window import Lane, Window

_BOOTS: Final = 256
"""Runs of which something is remembered; more than an outbox ever holds at a time."""

_GAPS_AT_A_TIME: Final = 20


class Queue(Waiting, Protocol):
    """The outbox, as far as traffic changes it; `edge.outbox.store.Outbox` is the real one, and says what each does."""

    @property
    def boot(self) -> str: ...
    async def acknowledge(self, boot: str, seq: int, also: list[Range]) -> int: ...
    async def forget_rows(self, rows: list[int]) -> int: ...
    async def pending_rows(self, rows: list[int]) -> list[Pending]: ...
    async def recall(self, boot: str, first_seq: int, last_seq: int) -> list[int]: ...
    def rows_of(self, boot: str, first_seq: int, last_seq: int) -> range: ...


class Traffic:
    """Belongs to the event loop. What reads or changes the outbox raises `StoreError`, but for what only waits for a
    disk that takes nothing: that is forgotten later, and meanwhile the rest goes on its way.
    """

    def __init__(self, outbox: Queue, clock: Clock, *, window_records: int, stale_after_s: float) -> None:
        self.window = Window(window_records)
        self.lanes = Lanes(outbox, self.window)
        self._outbox = outbox
        self._clock = clock
        self._stale_ns = int(stale_after_s * 1e9)
        self._proven: dict[str, tuple[int, frozenset[Range]]] = {}
        self._recalled_ns: dict[str, int] = {}
        self._sent_to = 0

    def begin(self) -> None:
        """A connection begins."""
        self._proven.clear()
        self.lanes.open()

    async def next(self, room: int) -> list[tuple[Lane, Pending]]:
        """What to send now, in this order; each must be told to `sent`."""
        return await self.lanes.next(min(room, self.window.room)) if room > 0 else []

    def sent(self, lane: Lane, record: Pending, mid: int) -> None:
        """A record was handed to the network as packet `mid`."""
        if record.boot == self._outbox.boot:
            self._sent_to = max(self._sent_to, record.seq)
        self.window.add(record, mid, self._clock.mono_ns(), lane)

    async def broker_has(self) -> bool:
        """Forget what the broker has confirmed; return whether there was any."""
        rows = self.window.take_out()
        try:
            return bool(rows) and await self._outbox.forget_rows(rows) > 0
        except StoreDelayedError:
            return True

    async def acknowledged(self, ack: Ack) -> bool:
        """Forget what the cloud has by this ack; return whether there was any.

        Of this run it can have nothing that was never sent; what an ack says of that is not believed.
        """
        seq, proven = ack.seq, proven_above(ack)
        if ack.boot == self._outbox.boot:
            seq, proven = min(seq, self._sent_to), up_to(self._sent_to, proven)
        gone = self.window.acknowledged(ack.boot, seq, proven)
        if len(self._proven) >= _BOOTS:
            self._proven.clear()
        before, known = self._proven.get(ack.boot, (0, frozenset[Range]()))
        self._proven[ack.boot] = seq, frozenset(proven)
        news = [one for one in proven if one not in known]
        if seq == before and not news:
            return gone > 0
        try:
            return await self._outbox.acknowledge(ack.boot, seq, news) > 0 or gone > 0
        except StoreDelayedError:
            return True

    async def asked_for(self, ack: Ack) -> list[tuple[Lane, Pending]]:
        """What to send again, because the cloud misses it and it is not still to come or under way.

        What the outbox no longer has of it comes back from the history, or is told to be lost.
        """
        missing = [gap for gap in missing_of(ack) if gap[1] < LARGEST]
        now_ns = self._clock.mono_ns()
        rows = self.window.lost(ack.boot, missing, now_ns - self._stale_ns)
        if missing and now_ns - self._recalled_ns.get(ack.boot, -self._stale_ns) >= self._stale_ns:
            if len(self._recalled_ns) >= _BOOTS:
                self._recalled_ns.clear()
            self._recalled_ns[ack.boot] = now_ns
            for gap in missing[:_GAPS_AT_A_TIME]:
                rows += await self._recall(ack.boot, *gap)
        return [(self._lane(record), record) for record in await self._outbox.pending_rows(rows[: self.window.limit])]

    async def _recall(self, boot: str, first: int, last: int) -> list[int]:
        """The rows of one gap that nothing else will carry. Only what had its turn is looked at."""
        rows = self._outbox.rows_of(boot, first, last)
        if rows:
            last = min(last, first + self.lanes.had_turn_up_to(rows[0]) - rows[0])
        found = await self._outbox.recall(boot, first, last) if first <= last else []
        idle = [row for row in found if not self.window.holds(row)]
        waiting = await self._outbox.pending_rows(idle[: self.window.limit])
        return [one.row for one in waiting if self.lanes.had_turn(one.row, alarm=one.rank == ALARM)]

    def _lane(self, record: Pending) -> Lane:
        return Lane.ALARMS if record.rank == ALARM else self.lanes.lane_of(record.row)
