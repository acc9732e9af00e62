"""Which records go next: alarms first, then live ones and the backlog side by side (docs/decisions/0012)."""

from typing import Final, Protocol

from edge.outbox.queue import Which
from edge.outbox.rows import Pending
from edge.sync.window import Lane, Window

_ALARMS_SPARE: Final = 4
"""One part in so many of the window is not for alarms: those that nobody acknowledges hold nothing else up."""
_KEPT_FREE: Final = 8
"""One part in so many of the window is for alarms alone."""


class Waiting(Protocol):
    """The outbox, as far as lanes read it; `edge.outbox.store.Outbox` is the real one."""

    @property
    def last_row(self) -> int:
        """The largest committed row."""
        ...

    @property
    def last_alarm(self) -> int:
        """The largest row of an alarm that may wait."""
        ...

    async def pending_in(self, which: Which, first: int, last: int, limit: int) -> list[Pending]:
        """Up to `limit` of the alarms or of the others that wait, of rows from `first` to `last`, in order."""
        ...


class Lanes:
    """Reads what waits, each row once until `rewind` or `open`, and each lane in ascending order."""

    def __init__(self, waiting: Waiting, window: Window) -> None:
        self._waiting = waiting
        self._window = window
        self._boundary = 0
        self._looked_at = dict.fromkeys(Lane, 0)
        self._turn = Lane.LIVE
        self.seen = 0
        """The newest row that there was at the last `next`."""

    def open(self) -> None:
        """A connection begins: what is there by now is backlog, what comes is live."""
        self._boundary = self._waiting.last_row
        self.rewind()

    def rewind(self) -> None:
        """Everything that waits goes again, each lane from its lowest."""
        self._window.rewind()
        self._looked_at = {Lane.ALARMS: 0, Lane.LIVE: self._boundary, Lane.BACKLOG: 0}
        self.seen = self._boundary

    def lane_of(self, row: int) -> Lane:
        """The lane of a row that is no alarm."""
        return Lane.BACKLOG if row <= self._boundary else Lane.LIVE

    def had_turn(self, row: int, *, alarm: bool = False) -> bool:
        """Whether a row was looked at since the connection began, so that it is on its way, or arrived, or is gone."""
        return row <= self._looked_at[Lane.ALARMS if alarm else self.lane_of(row)]

    def had_turn_up_to(self, row: int) -> int:
        """The largest row of the lane of `row`, which is no alarm, that had its turn."""
        return self._looked_at[self.lane_of(row)]

    async def next(self, room: int) -> list[tuple[Lane, Pending]]:
        """Up to `room` records to send now, in this order; none if none waits or each lane has its share under way."""
        self.seen = self._waiting.last_row
        found = await self._read(Lane.ALARMS, min(room, self._alarms_allowed()))
        room = min(room - len(found), self._others_allowed())
        for lane, share in self._shares(room).items():
            found += await self._read(lane, share)
        return found

    def _alarms_allowed(self) -> int:
        limit = self._window.limit
        return limit - limit // _ALARMS_SPARE - self._window.in_lane(Lane.ALARMS)

    def _others_allowed(self) -> int:
        limit = self._window.limit
        return limit - limit // _KEPT_FREE - self._window.in_lane(Lane.LIVE, Lane.BACKLOG)

    def _shares(self, room: int) -> dict[Lane, int]:
        """How `room` is shared: by halves, the odd one by turns; where one lane is empty, the other takes it all."""
        waiting = [lane for lane in (Lane.LIVE, Lane.BACKLOG) if not self._is_empty(lane)]
        if room <= 0 or not waiting:
            return {}
        if len(waiting) == 1:
            return {waiting[0]: room}
        self._turn, first = _other(self._turn), self._turn
        allowed = {lane: max(0, max(1, self._window.limit // 2) - self._window.in_lane(lane)) for lane in waiting}
        share = min(allowed[first], (room + 1) // 2)
        rest = min(allowed[_other(first)], room - share)
        shares = {first: min(allowed[first], room - rest), _other(first): rest}
        return {lane: shares[lane] for lane in waiting}

    def _is_empty(self, lane: Lane) -> bool:
        return self._looked_at[lane] >= self._end(lane)

    def _end(self, lane: Lane) -> int:
        return {Lane.ALARMS: self._waiting.last_alarm, Lane.LIVE: self.seen, Lane.BACKLOG: self._boundary}[lane]

    async def _read(self, lane: Lane, limit: int) -> list[tuple[Lane, Pending]]:
        end = self._end(lane)
        if limit <= 0 or self._looked_at[lane] >= end:
            return []
        which: Which = "alarms" if lane is Lane.ALARMS else "others"
        rows = await self._waiting.pending_in(which, self._looked_at[lane] + 1, end, limit)
        self._looked_at[lane] = rows[-1].row if len(rows) == limit else end
        return [(lane, record) for record in rows]


def _other(lane: Lane) -> Lane:
    return Lane.BACKLOG if lane is Lane.LIVE else Lane.LIVE
