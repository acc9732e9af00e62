"""The event stream against a real server: everything live, and every record exactly once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.core.health import State
from tests.support.web import VISION, WITHIN_S, Web, eventually, make_web, serving

URL = "/v1/events/stream"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving(make_web(tmp_path, event_keepalive_s=1.0, max_event_streams=2)) as served:
        yield served


class Events:
    """The parsed stream; comments are kept as events of topic `:`."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[str, int | None, Any]:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and "data" in fields:
                row = int(fields["id"]) if "id" in fields else None
                return fields["event"], row, json.loads(fields["data"])
            if not line:
                if "" in fields:
                    return ":", None, fields[""]
                continue
            name, _, value = line.partition(": ") if not line.startswith(":") else ("", "", line)
            fields[name] = value
        raise EOFError

    async def rows(self, count: int) -> list[int]:
        """The rows of the next `count` records."""
        found: list[int] = []
        while len(found) < count:
            topic, row, data = await self.next()
            if topic == "record" and row is not None:
                assert data["seq"] == row
                found.append(row)
        return found


@asynccontextmanager
async def listening(web: Web, after: int | None = None, query: str = "") -> AsyncIterator[Events]:
    headers = await web.signed_in()
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    async with web.client() as client, client.stream("GET", URL + query, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Events(response.aiter_lines())


def commit(web: Web) -> None:
    """What the outbox does: first the history, then the hub."""
    web.deps.hub.publish_record(*web.history.add())


async def test_the_newest_of_each_kind_first_then_what_happens(web: Web) -> None:
    commit(web)
    web.deps.hub.publish("vision", VISION, key="front")
    web.deps.hub.publish("samples", {"sensor": "wrist", "rows": []})
    async with listening(web) as events:
        topic, row, hello = await events.next()
        assert (topic, row, hello["device"], hello["keepalive_s"]) == ("hello", 1, "gate-1", 1.0)
        assert (await events.next())[::2] == ("vision", VISION)
        web.deps.hub.publish("camera", {"camera": "front"}, key="front")
        commit(web)
        web.deps.health.set("store", State.OK)
        assert (await events.next())[0] == "camera"
        topic, row, record = await events.next()
        assert (topic, row, record["body"]["kind"]) == ("record", 2, "prediction")


async def test_what_was_missed_comes_without_loss_or_double_at_the_seam(web: Web) -> None:
    for _ in range(450):
        commit(web)

    async def go_on() -> None:
        for _ in range(300):
            commit(web)
            await asyncio.sleep(0)

    async with listening(web, after=100) as events, asyncio.TaskGroup() as group:
        group.create_task(go_on())
        assert await events.rows(650) == list(range(101, 751))


async def test_a_client_that_lost_live_messages_gets_the_records_from_the_history(web: Web) -> None:
    async with listening(web) as events:
        await events.next()
        for _ in range(1500):
            commit(web)
        assert web.deps.hub.dropped > 1000
        assert await events.rows(1500) == list(range(1, 1501))


async def test_coming_back_again_and_again_gets_each_once(web: Web) -> None:
    found: list[int] = []
    for _ in range(5):
        for _ in range(20):
            commit(web)
        async with listening(web, after=found[-1] if found else 0) as events:
            found += await events.rows(15)
    assert found == list(range(1, 76))


async def test_rows_that_retention_took_away_are_skipped(web: Web) -> None:
    for _ in range(10):
        web.history.add()
    web.history.rows = [row for row in web.history.rows if row[0] not in {3, 4, 9}]
    async with listening(web, after=1) as events:
        assert await events.rows(6) == [2, 5, 6, 7, 8, 10]


async def test_an_id_of_another_store_starts_from_the_beginning(web: Web) -> None:
    commit(web)
    async with listening(web, after=5000) as events:
        assert await events.rows(1) == [1]


async def test_a_quiet_stream_says_that_it_is_still_there(web: Web) -> None:
    async with listening(web) as events:
        assert (await events.next())[0] == "hello"
        assert (await events.next())[0] == ":"


async def test_only_the_topics_asked_for(web: Web) -> None:
    async with listening(web, query="?topics=record,sync") as events:
        await events.next()
        web.deps.hub.publish("vision", VISION, key="front")
        web.deps.hub.publish("sync", {"broker": "ok"}, key="all")
        commit(web)
        assert (await events.next())[0] == "sync"
        assert await events.rows(1) == [1]


async def test_refusals(web: Web) -> None:
    async with web.client(headers=await web.signed_in()) as client:
        wrong = await client.get(URL, headers={"Last-Event-ID": "x"})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "Last-Event-ID")
        web.history.broken = True
        assert (await client.get(URL)).status_code == 503
        web.history.broken = False
        assert (await client.head(URL)).status_code == 200
        async with listening(web) as one, listening(web) as two:
            await one.next()
            await two.next()
            assert (await client.get(URL)).status_code == 503
    async with web.client() as client:
        assert (await client.get(URL)).status_code == 401


async def test_a_store_that_fails_ends_the_stream_so_that_the_client_comes_back(web: Web) -> None:
    async with listening(web, after=0) as events:
        await events.next()
        web.history.add()
        web.history.broken = True
        commit(web)
        with pytest.raises(EOFError):
            await asyncio.wait_for(events.next(), WITHIN_S)
    web.history.broken = False
    async with listening(web, after=0) as events:
        assert await events.rows(2) == [1, 2]


async def test_a_client_that_leaves_is_forgotten(web: Web) -> None:
    for _ in range(10):
        async with listening(web) as events:
            await events.next()
    await eventually(lambda: web.deps.hub.watchers == 0)
