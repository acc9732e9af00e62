"""A record sink that keeps what it is given in memory, and refuses on demand."""

import asyncio

from contract.ids import record_id
from contract.messages import AnyBody, Event, Record
from contract.times import to_wire
from edge.core.clock import Clock, Stamp
from edge.core.errors import StoreError

BOOT = "00000001-0000abcd"


class MemorySink:
    """Numbers records from 1 without holes. While `full`, it refuses; while `held`, it does not answer."""

    def __init__(self, clock: Clock) -> None:
        self.records: list[Record] = []
        self.full = False
        self.refused = 0
        self.asked = 0
        self.held = asyncio.Event()
        self.held.set()
        self._clock = clock

    @property
    def events(self) -> list[Event]:
        """The events among the records, in order."""
        return [record.body for record in self.records if isinstance(record.body, Event)]

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep `body`; raise `StoreError` while full."""
        self.asked += 1
        await asyncio.sleep(0)
        await self.held.wait()
        if self.full:
            self.refused += 1
            raise StoreError("the disk is full")
        at = at or self._clock.now()
        seq = len(self.records) + 1
        record = Record(
            id=record_id(BOOT, seq),
            seq=seq,
            boot=BOOT,
            t=to_wire(at.wall_ms),
            mono_ms=at.mono_ns // 1_000_000,
            clock="trusted" if at.trusted else "untrusted",
            body=body,
        )
        self.records.append(record)
        return record
