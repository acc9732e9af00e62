"""A video on its way to a real server: in one piece, in a thousand, and when its sender leaves or falls silent."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import edge.web.stimulus_routes
from tests.support.session_stage import FakeSessions
from tests.support.web import Web, make_web, serving

CONTENT = bytes(range(256)) * 8000


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    desk = FakeSessions(folder=tmp_path)
    desk.largest_video = 3_000_000
    desk.show("calm", number=2)
    async with serving(make_web(tmp_path / "web", sessions=desk)) as served:
        yield served


def kept(web: Web) -> bool:
    assert isinstance(web.deps.sessions, FakeSessions)
    return web.deps.sessions.watchable["calm"].size_bytes is not None


async def begin(web: Web, length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The head of an upload of `length` bytes, and a first piece."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(web.base.rpartition(":")[2]))
    head = f"PUT /v1/stimuli/calm/video HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
    writer.write(f"{head}Authorization: Bearer {await web.token()}\r\n\r\n".encode() + CONTENT[:1000])
    await writer.drain()
    return reader, writer


async def test_it_arrives_in_pieces_and_is_played_in_ranges(web: Web) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for first in range(0, len(CONTENT), 2000):
            yield CONTENT[first : first + 2000]

    async with web.client(headers=await web.signed_in()) as client:
        sent = await client.put("/v1/stimuli/calm/video", content=pieces())
        assert (sent.status_code, sent.json()["size_bytes"]) == (200, len(CONTENT))
        part = await client.get("/v1/stimuli/calm/video", headers={"Range": "bytes=-100"})
        assert (part.status_code, part.content) == (206, CONTENT[-100:])
        large = await client.put("/v1/stimuli/calm/video", content=CONTENT * 2)
        assert (large.status_code, large.json()["field"]) == (409, "stimulus")


async def test_who_leaves_in_the_middle_leaves_nothing_behind(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    _, writer = await begin(web, len(CONTENT))
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.1)
    assert not kept(web)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_who_falls_silent_is_told_so(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.web.stimulus_routes, "_CHUNK_WITHIN_S", 0.3)
    reader, writer = await begin(web, len(CONTENT))
    assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 408")
    writer.close()
    await writer.wait_closed()
    assert not kept(web)
