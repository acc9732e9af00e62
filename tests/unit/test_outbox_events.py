"""The records of one event are found by its id, those of a store from before there was an index for it included."""

from pathlib import Path
from typing import Literal

from contract.messages import Event
from tests.support.old_store import old_store
from tests.support.outboxes import open_outbox, prediction


def event(event_id: str, phase: Literal["open", "update", "close"]) -> Event:
    return Event(event_id=event_id, phase=phase, camera="front", type="loitering", start_ms=5)


async def test_an_event_s_records_newest_first(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        for phase in ("open", "update", "close"):
            await outbox.append(event("evt-1", phase))
            await outbox.append(event("evt-2", phase))
            await outbox.append(prediction())
        found = await outbox.of_event("evt-1")
        assert [row for row, _ in found] == [7, 4, 1]
        assert [record.body.phase for _, record in found if isinstance(record.body, Event)] == [
            "close",
            "update",
            "open",
        ]
        assert [row for row, _ in await outbox.of_event("evt-2", limit=1)] == [8]
        assert await outbox.of_event("evt-3") == []


async def test_an_older_store_gets_the_index_when_it_is_opened(tmp_path: Path) -> None:
    old_store(tmp_path, 1, [event("evt-1", "open")])
    async with open_outbox(tmp_path) as outbox:
        assert [row for row, _ in await outbox.of_event("evt-1")] == [1]
