"""Puts the times of records right that were made while the clock was not trusted, in the history and on their way out.

A record is put right by the first fix of its run that was made after it: it was made at
`wall_ms - at_mono_ms + mono_ms`, and the times in its body move by as much as it does. The cloud does the same with
what it has. Keys and names stay as they are, whatever date they were made from.
"""

from collections.abc import Sequence
from typing import Any, Final

import aiosqlite
import msgspec

from contract.codec import decode, encode
from contract.messages import AnyBody, ClockFix, Label, Record
from contract.times import from_wire, to_wire
from edge.outbox import database
from edge.outbox.boots import Boot, Boots
from edge.outbox.writer import Writer

_TIMES: Final = ("start_ms", "end_ms", "at_ms", "asked_ms")
"""Fields of bodies that a wall clock made."""
UNTRUSTED: Final = "instr(payload, X'22636C6F636B223A22756E7472757374656422') > 0"
"""As the index `records_untrusted` has it; a body may say so of something else."""
_FIND: Final = f"SELECT row, payload FROM records WHERE boot = ? AND {UNTRUSTED} AND row > ? ORDER BY row LIMIT ?"  # noqa: S608
_CHUNK: Final = 500


class Restamper:
    """Works chunk by chunk through the writer. All methods raise `StoreError`."""

    def __init__(self, reader: aiosqlite.Connection, writer: Writer, boots: Boots) -> None:
        self._reader = reader
        self._writer = writer
        self._boots = boots
        self.restamped_total = 0

    async def doubted_runs(self) -> list[Boot]:
        """The runs of which the store has records with an untrusted clock, oldest first."""
        sql = f"SELECT DISTINCT boot FROM records WHERE {UNTRUSTED} ORDER BY boot"  # noqa: S608
        numbers = {int(number) for (number,) in await database.rows(self._reader, sql)}
        return [run for run in self._boots.known if run.number in numbers]

    def shares_clock(self, run: Boot) -> bool:
        """Whether a moment of that run is known by the monotonic clock of this one."""
        return run in self._boots.sharing_a_clock()

    async def mend(self, run: Boot, now: ClockFix | None = None) -> int:
        """Put right what the fixes of a run can; return how many records that were.

        `now` is one more fix, which is told in the same commit as the first chunk of what it mends. A kill in between
        leaves what the next call goes on with, for the fix is kept in the store.
        """
        fixes = [*await self._fixes(run), *([now] if now else [])]
        mended, after, told = 0, 0, now is None
        while fixes or not told:
            chunk = _Chunk(run.number, fixes, after)
            if told:
                await self._writer.execute(chunk.run)
            elif now:
                await self._writer.append(now, work=chunk.run)
                told = True
            mended += chunk.mended
            self.restamped_total += chunk.mended
            if chunk.seen < _CHUNK:
                break
            after = chunk.last
        return mended

    async def is_mendable(self, run: Boot) -> bool:
        """Whether there are records of a run that no fix so far can put right."""
        fixes, after = await self._fixes(run), 0
        while found := await database.rows(self._reader, _FIND, run.number, after, _CHUNK):
            after = int(found[-1][0])
            for record in await database.records(self._reader, (payload for _, payload in found)):
                if record.clock == "untrusted" and _fix_for(record, fixes) is None:
                    return True
        return False

    async def _fixes(self, run: Boot) -> list[ClockFix]:
        """What is kept of the fixes of a run, in the order of their moments."""
        sql = "SELECT payload FROM records WHERE kind = 'clock' ORDER BY row"
        rows = await database.rows(self._reader, sql)
        records = await database.records(self._reader, (payload for (payload,) in rows))
        found = [
            body
            for body in (record.body for record in records)
            if isinstance(body, ClockFix) and body.of_boot == run.boot
        ]
        return sorted(found, key=lambda fix: fix.at_mono_ms)


class _Chunk:
    """Some records of one run, in one transaction; may run again after a failure."""

    def __init__(self, number: int, fixes: Sequence[ClockFix], after: int) -> None:
        self._number = number
        self._fixes = fixes
        self._after = after
        self.mended = self.seen = self.last = 0

    async def run(self, connection: aiosqlite.Connection) -> None:
        found = list(await connection.execute_fetchall(_FIND, (self._number, self._after, _CHUNK)))
        mended = [new for row, payload in found if (new := _mended(int(row), payload, self._fixes))]
        await connection.executemany("UPDATE records SET t_ms = ?, payload = ? WHERE row = ?", mended)
        self.mended, self.seen = len(mended), len(found)
        self.last = int(found[-1][0]) if found else self._after


def restamped(record: Record, fix: ClockFix) -> Record:
    """The record as it would have been with the right clock, marked `corrected`."""
    t_ms = fix.wall_ms - fix.at_mono_ms + record.mono_ms
    body = _moved(record.body, t_ms - from_wire(record.t))
    return msgspec.structs.replace(record, t=to_wire(t_ms), clock="corrected", body=body)


def _mended(row: int, payload: bytes, fixes: Sequence[ClockFix]) -> tuple[int, bytes, int] | None:
    record = decode(payload, Record)
    fix = _fix_for(record, fixes)
    if record.clock != "untrusted" or fix is None:
        return None
    new = restamped(record, fix)
    return from_wire(new.t), encode(new), row


def _fix_for(record: Record, fixes: Sequence[ClockFix]) -> ClockFix | None:
    return next((fix for fix in fixes if fix.at_mono_ms >= record.mono_ms), None)


def _moved(body: AnyBody, by_ms: int) -> AnyBody:
    changes: dict[str, Any] = {
        name: max(0, value + by_ms) for name in _TIMES if isinstance(value := getattr(body, name, None), int)
    }
    if isinstance(body, Label) and body.trace:
        changes["trace"] = [(max(0, at_ms + by_ms), *rest) for at_ms, *rest in body.trace]
    return msgspec.structs.replace(body, **changes) if changes else body
