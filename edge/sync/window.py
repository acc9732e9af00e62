"""What is on its way: sent, not yet acknowledged, and what the broker said of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from edge.outbox.rows import Pending
from edge.sync.proof import Range, within


class Lane(Enum):
    """Which way a record goes; see docs/decisions/0012."""

    ALARMS = "alarms"
    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(slots=True)
class Sent:
    """One record on its way. `taken`: the broker has it; `mid` is the packet that carries it now, the `ordinal`-th of
    all that were sent."""

    row: int
    boot: str
    seq: int
    lane: Lane
    mid: int
    sent_ns: int
    ordinal: int
    size_bytes: int
    taken: bool = False


class Window:
    """The records on their way, by row; at most `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._sent: dict[int, Sent] = {}
        self._by_mid: dict[int, Sent] = {}
        self._in_lane: Counter[Lane] = Counter()
        self._ordinal = 0
        self._newest_proven = 0

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def room(self) -> int:
        """How many more may be sent."""
        return self.limit - len(self._sent)

    @property
    def untaken(self) -> int:
        """How many the broker has not confirmed."""
        return len(self._by_mid)

    @property
    def largest_untaken_bytes(self) -> int:
        """The size of the largest record that the broker has not confirmed."""
        return max((sent.size_bytes for sent in self._by_mid.values()), default=0)

    def holds(self, row: int) -> bool:
        """Whether a row is on its way."""
        return row in self._sent

    def in_lane(self, *lanes: Lane) -> int:
        """How many of these lanes are on their way."""
        return sum(self._in_lane[lane] for lane in lanes)

    def add(self, record: Pending, mid: int, now_ns: int, lane: Lane = Lane.BACKLOG) -> None:
        """A record was handed to the network as packet `mid`, for the first time or again."""
        before = self._sent.get(record.row)
        if before:
            self._drop(before)
            lane = before.lane
        self._ordinal += 1
        size = len(record.payload)
        sent = Sent(record.row, record.boot, record.seq, lane, mid, now_ns, self._ordinal, size)
        self._sent[record.row] = self._by_mid[mid] = sent
        self._in_lane[lane] += 1

    def taken(self, mid: int) -> bool:
        """The broker has the record that packet `mid` carried; return whether there is such a one."""
        sent = self._by_mid.pop(mid, None)
        if sent:
            sent.taken = True
        return sent is not None

    def acknowledged(self, boot: str, seq: int, also: Sequence[Range] = ()) -> int:
        """The cloud has all of `boot` up to `seq`, and these ranges above; return how many left the window."""
        gone = [
            sent for sent in self._sent.values() if sent.boot == boot and (sent.seq <= seq or within(sent.seq, also))
        ]
        for sent in gone:
            self._newest_proven = max(self._newest_proven, sent.ordinal)
            self._drop(sent)
        return len(gone)

    def take_out(self) -> list[int]:
        """The rows that the broker has; they leave the window."""
        gone = [sent for sent in self._sent.values() if sent.taken]
        for sent in gone:
            self._drop(sent)
        return [sent.row for sent in gone]

    def lost(self, boot: str, missing: Sequence[Range], before_ns: int) -> list[int]:
        """The rows of `boot` among `missing` that were lost on their way, ascending.

        What was never sent is none of them. Nor is what may still be under way: sent since `before_ns`, or with
        nothing sent later that has arrived.
        """
        return sorted(
            sent.row
            for sent in self._sent.values()
            if sent.boot == boot
            and sent.sent_ns < before_ns
            and sent.ordinal < self._newest_proven
            and within(sent.seq, missing)
        )

    def rewind(self) -> None:
        """Forget what was sent: everything unacknowledged goes again."""
        self._sent.clear()
        self._by_mid.clear()
        self._in_lane.clear()

    def _drop(self, sent: Sent) -> None:
        del self._sent[sent.row]
        self._by_mid.pop(sent.mid, None)
        self._in_lane[sent.lane] -= 1
