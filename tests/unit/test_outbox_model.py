"""The outbox against a model: whatever the order of appending, sending, acknowledging and dying, nothing is lost,
doubled or out of order."""

import asyncio
import shutil
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contract.codec import decode
from contract.messages import Prediction, Record
from edge.outbox.store import Outbox
from tests.support.outboxes import open_outbox, prediction


class OutboxMachine(RuleBasedStateMachine):
    """`waiting` is what the cloud lacks and `told` all there ever was, each as `(boot, seq, index)` in order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-model-"))
        self.generation = 0
        self.waiting: list[tuple[str, int, int]] = []
        self.told: list[tuple[str, int, int]] = []
        self.index = 0
        self.opened: AbstractAsyncContextManager[Outbox]
        self.outbox: Outbox
        self.start()

    def start(self) -> None:
        """Begin a run of the daemon."""
        self.opened = open_outbox(self.folder)
        self.outbox = self.do(self.opened.__aenter__())

    def do(self, work: Any) -> Any:
        """Run to the end."""
        return self.loop.run_until_complete(work)

    @rule(count=st.integers(1, 7))
    def append(self, count: int) -> None:
        """Several at once, as the rooms do."""

        async def work() -> list[Record]:
            bodies = [prediction(self.index + offset) for offset in range(count)]
            return list(await asyncio.gather(*(self.outbox.append(body) for body in bodies)))

        for offset, record in enumerate(self.do(work())):
            entry = record.boot, record.seq, self.index + offset
            self.waiting.append(entry)
            self.told.append(entry)
        self.index += count

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        """Up to some record, or beyond, of some run."""
        boot, seq, _ = data.draw(st.sampled_from(self.waiting))
        seq += data.draw(st.integers(0, 3))
        self.do(self.outbox.acknowledge(boot, seq))
        self.waiting = [entry for entry in self.waiting if entry[0] != boot or entry[1] > seq]

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def acknowledge_again(self, data: st.DataObject) -> None:
        """An old acknowledgement comes late, and changes nothing but what it says."""
        boot, seq, _ = data.draw(st.sampled_from(self.told))
        self.do(self.outbox.acknowledge(boot, seq))
        self.waiting = [entry for entry in self.waiting if entry[0] != boot or entry[1] > seq]

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

    @rule()
    def tidy(self) -> None:
        """Within the bounds nothing goes."""
        self.do(self.outbox.tidy())

    @invariant()
    def what_waits_is_what_should(self) -> None:
        """In order, once each, with the content that was given."""
        found = self.do(self.outbox.pending(limit=10_000))
        bodies = [decode(one.payload, Record).body for one in found]
        indexes = [body.segment_index for body in bodies if isinstance(body, Prediction)]
        assert [(one.boot, one.seq) for one in found] == [entry[:2] for entry in self.waiting]
        assert indexes == [entry[2] for entry in self.waiting]
        assert [one.row for one in found] == sorted({one.row for one in found})
        assert self.outbox.outbox_records == len(self.waiting)

    @invariant()
    def history_is_what_was_told(self) -> None:
        """Without holes in any run."""
        rows = self.do(self.outbox.history(after=0, limit=10_000))
        assert [(record.boot, record.seq) for _, record in rows] == [entry[:2] for entry in self.told]
        for boot in {entry[0] for entry in self.told}:
            seqs = [entry[1] for entry in self.told if entry[0] == boot]
            assert seqs == list(range(1, len(seqs) + 1))

    def teardown(self) -> None:
        """Close and clean up."""
        self.do(self.opened.__aexit__(None, None, None))
        self.loop.close()
        shutil.rmtree(self.folder)


OutboxMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestOutbox = OutboxMachine.TestCase
