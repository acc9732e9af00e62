"""Closes what a former run of the daemon left open: killed, it could not say that its events were over.

The store itself is asked what is open there, and nothing else is kept about it: so an event whose opening was never
made durable is not closed, and one whose end was is not closed twice, whatever was killed in between.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final, Protocol

from msgspec.structs import replace

from contract.messages import Event, Record
from contract.times import from_wire
from edge.core.clock import Clock
from edge.core.errors import StoreDelayedError, StoreError
from edge.core.records import RecordSink
from edge.vision.events.book import Kept

REASON: Final = "the daemon ended while this went on; when it was really over is not known"
_LONGEST_MS: Final = 2 * 3600 * 1000
"""No event goes on for so long: it is closed and begun anew after an hour at most (`longest_event_s`), a minute later
where its type is at its limit."""
_PAGE: Final = 500
_MOST: Final = 50_000
_log = logging.getLogger(__name__)


class EventHistory(Protocol):
    """Reads durable records; the outbox is the real one."""

    async def history(
        self, kind: str | None = None, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[tuple[int, Record]]:
        """Up to `limit` committed `(row, record)`, newest first, of a row smaller than `before`."""
        ...


async def close_left_open(
    history: EventHistory,
    sink: RecordSink,
    clock: Clock,
    *,
    kept: Kept | None = None,
) -> list[Event]:
    """Close the events that former runs left open in the store, and return the records that say so.

    To be called once, before this run makes events. `kept` is asked about each, in a worker thread: it may look at the
    disk. What the store refuses is logged and done at the next start. Raise `StoreError` if the store cannot be read.
    """
    left = await _left_open(history)
    closed = await asyncio.to_thread(lambda: [_closed(last, at_ms, kept or Kept()) for last, at_ms in left])
    for number, event in enumerate(closed):
        try:
            with suppress(StoreDelayedError):  # it stands in line
                await sink.append(event, clock.now())
        except StoreError as error:
            _log.warning("%d events of a former run stay open until the next: %s", len(closed) - number, error)
            return closed[:number]
    return closed


async def _left_open(history: EventHistory) -> list[tuple[Event, int]]:
    """The last record of each event that is open in the store and when it was made (ms), the oldest first."""
    ended: set[str] = set()
    left: dict[str, tuple[Event, int]] = {}
    async for record, event in _newest_first(history):
        if event.phase == "close":
            ended.add(event.event_id)
        elif event.event_id not in ended and event.event_id not in left:
            left[event.event_id] = event, from_wire(record.t)
    return list(reversed(left.values()))


async def _newest_first(history: EventHistory) -> AsyncIterator[tuple[Record, Event]]:
    """The events of the store from the newest on, as far back as one may have begun that is open still.

    A run that lasted longer than any event has closed what runs before it left.
    """
    newest_ms: dict[str, int] = {}
    before: int | None = None
    for _ in range(_MOST // _PAGE):
        page = await history.history("event", before=before, limit=_PAGE)
        for _row, record in page:
            if newest_ms.setdefault(record.boot, record.mono_ms) - record.mono_ms > _LONGEST_MS:
                return
            if isinstance(record.body, Event):
                yield record, record.body
        if len(page) < _PAGE:
            return
        before = page[-1][0]
    _log.warning("looked for open events of former runs in the last %d records only", _MOST)


def _closed(last: Event, at_ms: int, kept: Kept) -> Event:
    return replace(
        last,
        phase="close",
        end_ms=max(at_ms, last.start_ms),
        reasoning=[*last.reasoning, REASON],
        picture=kept.picture(last.event_id),
        recording_id=last.recording_id or kept.recording(last.event_id),
    )
