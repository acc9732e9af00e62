"""What is on its way: sent in order, not yet acknowledged, and what the broker said of each."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.outbox.rows import Pending


@dataclass(slots=True)
class Sent:
    """One record on its way. `taken`: the broker has it; `mid` is the packet that carries it now."""

    row: int
    boot: str
    seq: int
    mid: int
    sent_ns: int
    taken: bool = False


class Window:
    """The records on their way, by row; at most `limit`. `cursor` is the largest row that was sent."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.cursor = 0
        self._sent: dict[int, Sent] = {}
        self._by_mid: dict[int, Sent] = {}

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

    def add(self, record: Pending, mid: int, now_ns: int) -> None:
        """A record was handed to the network as packet `mid`, for the first time or again."""
        before = self._sent.get(record.row)
        if before:
            self._by_mid.pop(before.mid, None)
        sent = Sent(record.row, record.boot, record.seq, mid, now_ns)
        self._sent[record.row] = self._by_mid[mid] = sent
        self.cursor = max(self.cursor, record.row)

    def taken(self, mid: int) -> None:
        """The broker has the record that packet `mid` carried."""
        sent = self._by_mid.pop(mid, None)
        if sent:
            sent.taken = True

    def acknowledged(self, boot: str, seq: int) -> int:
        """The cloud has all of `boot` up to `seq`; return how many left the window."""
        gone = [sent for sent in self._sent.values() if sent.boot == boot and sent.seq <= seq]
        for sent in gone:
            del self._sent[sent.row]
            self._by_mid.pop(sent.mid, None)
        return len(gone)

    def taken_in_order(self) -> dict[str, int]:
        """For each boot the largest `seq` such that the broker has it and everything sent before it."""
        reached: dict[str, int] = {}
        for row in sorted(self._sent):
            sent = self._sent[row]
            if not sent.taken:
                break
            reached[sent.boot] = sent.seq
        return reached

    def stale(self, records: Iterable[Pending], before_ns: int) -> list[Pending]:
        """Those of `records` that were last sent before `before_ns`."""
        return [record for record in records if (s := self._sent.get(record.row)) and s.sent_ns < before_ns]

    def rewind(self) -> None:
        """Forget what was sent: everything unacknowledged goes again, from the lowest."""
        self.cursor = 0
        self._sent.clear()
        self._by_mid.clear()
