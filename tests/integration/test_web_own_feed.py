"""The live feed of a participant: their own session and questions, over both carriers, and while their link works."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from contract.sessions import SignalView
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.web import VISION, Web, make_web, serving


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    desk = FakeSessions()
    sensors = FakeSensors(hub=desk.hub)
    async with serving(make_web(tmp_path, sessions=desk, sensors=sensors, hub=desk.hub)) as served:
        yield served


def desk_of(web: Web) -> FakeSessions:
    assert isinstance(web.deps.sessions, FakeSessions)
    return web.deps.sessions


async def begin(web: Web, participant: str) -> str:
    desk_of(web).welcome(participant)
    return (await desk_of(web).start(participant, overrule=True)).session_id


async def link(web: Web) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await web.deps.auth.link('p-01', 1.0)).token}"}


@asynccontextmanager
async def joined(web: Web, headers: dict[str, str], query: str = "") -> AsyncIterator[ClientConnection]:
    address = f"{web.base.replace('http', 'ws')}/v1/events/ws{query}"
    async with websockets.connect(address, additional_headers=headers, proxy=None) as socket:
        yield socket


async def told(socket: ClientConnection) -> dict[str, Any]:
    message = await asyncio.wait_for(socket.recv(), 30)
    assert isinstance(message, str)
    found: dict[str, Any] = json.loads(message)
    return found


def say_everything_else(web: Web, other: str) -> None:
    """What a participant must not hear."""
    web.deps.hub.publish("vision", VISION, key="front")
    web.deps.hub.publish_record(*web.history.add())
    assert isinstance(web.deps.sensors, FakeSensors)
    web.deps.sensors.signal(SignalView(sensor="wrist", t_ms=1, hr_bpm=70.0))
    desk_of(web).predict(other)
    desk_of(web).ask(other)
    desk_of(web).unask(other)


async def test_a_participant_hears_of_their_own_sessions_and_questions_alone(web: Web) -> None:
    """S0.36, X.6"""
    mine, other = await begin(web, "p-01"), await begin(web, "p-02")
    say_everything_else(web, other)
    async with joined(web, await link(web)) as socket:
        assert (await told(socket))["topic"] == "hello"
        first = await told(socket)
        assert (first["topic"], first["data"]["session_id"]) == ("session", mine)
        say_everything_else(web, other)
        asked = desk_of(web).ask(mine)
        say_everything_else(web, other)
        desk_of(web).unask(mine)
        await desk_of(web).stop(mine)
        question, over, end = await told(socket), await told(socket), await told(socket)
        assert (question["topic"], question["data"]["ask_id"]) == ("ask", asked.ask_id)
        assert over["data"] == {"session_id": mine, "ask": None}
        assert (end["topic"], end["data"]["reason"]) == ("session", "stopped")


async def test_the_administrator_hears_all_of_it(web: Web) -> None:
    other = await begin(web, "p-02")
    async with joined(web, await web.signed_in(), "?topics=signals,session,ask") as socket:
        assert [(await told(socket))["topic"] for _ in range(2)] == ["hello", "session"]
        say_everything_else(web, other)
        assert [(await told(socket))["topic"] for _ in range(4)] == ["signals", "session", "ask", "ask"]


async def test_other_topics_are_refused_and_server_sent_events_are_the_same(web: Web) -> None:
    mine, other = await begin(web, "p-01"), await begin(web, "p-02")
    header = await link(web)
    for query in ("?topics=record", "?topics=session,signals"):
        with pytest.raises(websockets.InvalidStatus, match="403"):
            async with joined(web, header, query):
                pass
    async with web.client(headers=header) as client, client.stream("GET", "/v1/events/stream?after=0") as stream:
        lines = stream.aiter_lines()
        say_everything_else(web, other)
        desk_of(web).ask(mine)
        seen = [line async for line in _until(lines, "event: ask")]
    assert [line for line in seen if line.startswith("event:")] == ["event: hello", "event: session", "event: ask"]


async def _until(lines: AsyncIterator[str], last: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line == last:
            return


async def test_a_feed_ends_with_the_link(web: Web) -> None:
    mine = await begin(web, "p-01")
    async with joined(web, await link(web)) as socket:
        assert [(await told(socket))["topic"] for _ in range(2)] == ["hello", "session"]
        await web.deps.auth.revoke("p-01")
        desk_of(web).ask(mine)
        with pytest.raises(websockets.ConnectionClosed):
            await told(socket)
