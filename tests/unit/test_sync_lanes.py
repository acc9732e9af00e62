"""Lanes against a model: whatever is appended, lost, repeated, acknowledged or killed, all of it arrives, alarms
overtake what waits, and each lane keeps its order (docs/decisions/0012)."""

import asyncio
import shutil
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud.ingest.acks import ack_of
from cloud.store.coverage import Coverage, cover
from contract.codec import decode
from contract.messages import Ack, AnyBody, Loss, Record, priority_of
from edge.outbox.rows import Pending
from edge.outbox.store import Outbox
from edge.sync.traffic import Traffic
from edge.sync.window import Lane
from tests.support.clock import FakeClock
from tests.support.outboxes import alarm, open_outbox, prediction, telemetry

STALE_S = 5.0


class Cloud:
    """What the cloud keeps: each record once, in the order of first arrival, and its coverage by run."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], AnyBody] = {}
        self.coverage: dict[str, Coverage] = {}

    def take(self, record: Record) -> bool:
        """Commit one record; return whether it is new."""
        key = record.boot, record.seq
        fresh = key not in self.kept
        self.kept.setdefault(key, record.body)
        ranges = [(record.seq, record.seq)]
        self.coverage[record.boot] = cover(self.coverage.get(record.boot, Coverage()), ranges)
        loss = self.kept[key]
        if isinstance(loss, Loss) and loss.boot and loss.first_seq and loss.last_seq:
            named = [(loss.first_seq, loss.last_seq)]
            self.coverage[loss.boot] = cover(self.coverage.get(loss.boot, Coverage()), named)
        return fresh

    def acks(self) -> list[Ack]:
        """The newest word about each run."""
        return [ack_of(boot, coverage) for boot, coverage in self.coverage.items()]


class LanesMachine(RuleBasedStateMachine):
    """A device with a real store, a network that may lose what it carries, and the cloud's own arithmetic."""

    window_records = 6

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="lanes-model-"))
        self.generation = self.index = self.mid = 0
        self.clock = FakeClock()
        self.cloud = Cloud()
        self.wire: list[tuple[Lane, Pending]] = []
        self.said: set[tuple[str, int]] = set()
        self.losses = False
        self.opened: AbstractAsyncContextManager[Outbox]
        self.outbox: Outbox
        self.traffic: Traffic
        self.start()

    def start(self) -> None:
        """Begin a run of the daemon, and a connection."""
        self.opened = open_outbox(self.folder, clock=self.clock)
        self.outbox = self.do(self.opened.__aenter__())
        self.connect()

    def connect(self) -> None:
        """A connection begins; what was on the wire may be lost, and here it is."""
        self.traffic = Traffic(self.outbox, self.clock, window_records=self.window_records, stale_after_s=STALE_S)
        self.outbox.under_way = self.traffic.window.holds
        self.wire.clear()
        self.traffic.begin()
        self.sent_rows: dict[Lane, int] = {}

    def do(self, work: Any) -> Any:
        """Run to the end."""
        return self.loop.run_until_complete(work)

    def carry(self, going: list[tuple[Lane, Pending]]) -> None:
        """Put records on the wire."""
        for lane, record in going:
            self.mid += 1
            self.traffic.sent(lane, record, self.mid)
            self.wire.append((lane, record))

    @rule(kinds=st.lists(st.sampled_from([alarm, prediction, telemetry]), min_size=1, max_size=8))
    def append(self, kinds: list[Any]) -> None:
        """Some of each kind."""
        for kind in kinds:
            record = self.do(self.outbox.append(kind()))
            self.said.add((record.boot, record.seq))

    @rule(room=st.integers(1, 6))
    def send(self, room: int) -> None:
        """Each lane ascends, alarms lead, and the window bounds."""
        going = self.do(self.traffic.next(room))
        assert len(going) <= room
        lanes = [lane for lane, _ in going]
        assert Lane.ALARMS not in lanes[lanes.count(Lane.ALARMS) :]
        for lane, record in going:
            assert record.row > self.sent_rows.get(lane, 0)
            assert (lane is Lane.ALARMS) == (priority_of(decode(record.payload, Record).body) == "alarm")
            self.sent_rows[lane] = record.row
        self.carry(going)
        assert len(self.traffic.window) <= self.window_records

    @precondition(lambda self: self.wire)
    @rule(count=st.integers(1, 6))
    def arrive(self, count: int) -> None:
        """The broker hands on what it has, in order."""
        for _, record in self.wire[:count]:
            self.cloud.take(decode(record.payload, Record))
        del self.wire[:count]

    @precondition(lambda self: self.wire)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """The broker drops a message that it had confirmed."""
        self.wire.pop(data.draw(st.integers(0, len(self.wire) - 1)))

    @rule(age_s=st.sampled_from([0.0, STALE_S * 2]))
    def acknowledge(self, age_s: float) -> None:
        """All acks come, at once or after a while."""
        self.clock.advance(age_s)
        for ack in self.cloud.acks():
            self.do(self.traffic.acknowledged(ack))
        for ack in self.cloud.acks():
            again = self.do(self.traffic.asked_for(ack))
            for _, record in again:
                assert (record.boot, record.seq) not in self.cloud.kept, "nobody misses it"
                assert self.traffic.window.holds(record.row) or age_s
            self.carry(again)

    @rule()
    def lose_the_link(self) -> None:
        """All that was on the wire is lost with it."""
        self.connect()

    @rule()
    def lose_patience(self) -> None:
        """Nothing was acknowledged for long: all goes again."""
        self.traffic.lanes.rewind()
        self.sent_rows.clear()

    @rule()
    def reopen(self) -> None:
        """Stop and start."""
        self.do(self.opened.__aexit__(None, None, None))
        self.start()

    @rule()
    def die(self) -> None:
        """What a killed process leaves is what is on the disk right now; go on from a copy of it."""
        self.generation += 1
        left = self.folder.with_name(f"{self.folder.name}-{self.generation}")
        shutil.copytree(self.folder, left)
        self.do(self.opened.__aexit__(None, None, None))
        shutil.rmtree(self.folder)
        self.folder = left
        self.start()

    @invariant()
    def nothing_is_forgotten_that_the_cloud_lacks(self) -> None:
        """The outbox keeps at least what the cloud has not got."""
        waiting = {(one.boot, one.seq) for one in self.do(self.outbox.pending(limit=10_000))}
        assert self.said <= waiting | set(self.cloud.kept)
        assert self.outbox.outbox_records == len(waiting)

    def teardown(self) -> None:
        """From any state, a network that works again empties the outbox, and the cloud has everything once."""
        for _ in range(400):
            if not self.outbox.outbox_records:
                break
            going = self.do(self.traffic.next(6))
            self.carry(going)
            self.arrive(len(self.wire)) if self.wire else self.lose_patience()
            self.acknowledge(STALE_S * 2)
        assert not self.outbox.outbox_records
        assert set(self.cloud.kept) == self.said, "nothing lost, nothing made up"
        assert not any(coverage.gaps for coverage in self.cloud.coverage.values())
        self.do(self.opened.__aexit__(None, None, None))
        self.loop.close()
        shutil.rmtree(self.folder)


class NarrowMachine(LanesMachine):
    """With one record on its way at a time nothing starves either."""

    window_records = 1


LanesMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
NarrowMachine.TestCase.settings = settings(max_examples=5, stateful_step_count=20, deadline=None)
TestLanes = LanesMachine.TestCase
TestNarrowLanes = NarrowMachine.TestCase
