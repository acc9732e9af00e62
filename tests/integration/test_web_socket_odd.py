"""Every WebSocket asked oddly, over real sockets: a clear no or a clear close, and those beside it lose nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from contract.sessions import SessionView
from tests.support.session_stage import FakeSessions
from tests.support.web import Web, make_web, serving

_SUBSCRIBE: Final = {"action": "subscribe", "video_id": 2, "user_id": "user1"}
_ENTRIES: Final = {
    "/v1/events/ws": ("after", "topics"),
    "/ws/live": ("camera", "overlay"),
    "/predictions": ("video_id", "user_id"),
    "/socket.io/": ("EIO", "transport", "sid", "j", "t", "b64"),
}
_ODD: Final = ("", "-1", "9" * 40, "1e3", "%00", "%FF", "%ED%A0%80", "%F0%9F%98%80", "..%2F", "x" * 4000, "a&b", "[]")
_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    2**63,
    10**30,
    1e308,
    "",
    "\ud800",
    "user1\x00",
    "u" * 60_000,
    [[]],
    {"a": {}},
)
_TEXTS: Final = (
    "",
    "\x00",
    "[" * 50_000,
    '{"video_id":2,"user_id":"\\ud800\\ud800"}',
    '{"video_id":1e999,"user_id":"user1"}',
    '{"video_id":"\\u0662","user_id":"user1"}',
    "[" + "1," * 30_000 + "1]",
)
_PACKETS: Final = (
    *("", "4", "40", "41", "42", "9", "2probe", "5", "42[", "42{}", "42null", "42[]", "42[1]", "42[[]]", "42[null,1]"),
    *('42["subscribe"]', '42["connect",{}]', '42["disconnect"]', '42["\\ud800"]', "42999999999999[1]", "43[]"),
    *('451-["subscribe",{"_placeholder":true,"num":0}]', '459999999999-["subscribe"]', "46-1[]", "44", "40/chat,"),
    *("42" + "[" * 50_000, '42/none,["subscribe"]', '40{"token":"\\ud800"}', '40{"token":[1]}', "x" * 60_000),
)


class Desk:
    """A served appliance where a viewing goes on."""

    def __init__(self, web: Web, sessions: FakeSessions, view: SessionView) -> None:
        self.web, self._sessions, self._view = web, sessions, view
        self._headers: dict[str, str] = {}

    async def sign_in(self) -> None:
        self._headers = await self.web.signed_in()

    def to(self, path: str) -> Any:
        return websockets.connect(
            f"{self.web.base.replace('http', 'ws')}{path}", additional_headers=self._headers, proxy=None, max_size=None
        )

    def close_segment(self) -> None:
        self.web.deps.hub.publish_record(*self.web.history.add(self._sessions.predict(self._view.session_id, "HH")))


@asynccontextmanager
async def desk_in(tmp_path: Path) -> AsyncIterator[Desk]:
    sessions = FakeSessions()
    sessions.show("calm", number=2)
    async with serving(make_web(tmp_path, sessions=sessions, hub=sessions.hub)) as web:
        made = Desk(web, sessions, await sessions.start("user1", video_id=2, session_id="user1_2_1", external=True))
        await made.sign_in()
        yield made


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Any:
    """What strangers send is nothing for the journal, and nothing fell over."""
    yield
    assert not [one.getMessage() for one in caplog.records if one.levelname in {"ERROR", "WARNING"}]


@pytest.mark.parametrize("path", _ENTRIES)
async def test_odd_parameters_are_taken_or_refused_in_words(tmp_path: Path, path: str) -> None:
    """S0.19, S0.20, S1.13: never a 500, and a socket that was let in can be left as usual"""
    async with desk_in(tmp_path) as desk:
        queries = ["?", "?&&=", "?%", *(f"?{name}={odd}" for name in (*_ENTRIES[path], "zz") for odd in _ODD)]
        queries += [f"?{name}=1&{name}=x" for name in _ENTRIES[path]]
        for query in queries:
            try:
                async with asyncio.timeout(30), desk.to(path + query) as socket:
                    await socket.close()
            except websockets.InvalidStatus as refused:
                assert refused.response.status_code in {400, 404, 422}, query[:60]
                assert refused.response.body, query[:60]


async def test_odd_subscriptions_are_closed_with_a_reason_and_others_hear_on(tmp_path: Path) -> None:
    """S0.19"""
    wrong = [json.dumps({**_SUBSCRIBE, name: value}) for name in ("action", "video_id") for value in _VALUES]
    binary: list[str | bytes] = [b"\xff", *(text.encode() for text in _TEXTS)]
    maybe = [json.dumps({**_SUBSCRIBE, name: value}) for name in ("user_id", "token", "zz") for value in _VALUES]
    async with desk_in(tmp_path) as desk, desk.to("/predictions") as beside:
        await beside.send(json.dumps(_SUBSCRIBE))
        for words in (*wrong, *_TEXTS, *binary):
            async with asyncio.timeout(30), desk.to("/predictions") as socket:
                await socket.send(words)
                await socket.wait_closed()
                assert (socket.close_code, bool(socket.close_reason)) == (1008, True), words[:60]
        for words in maybe:
            async with asyncio.timeout(30), desk.to("/predictions") as socket:
                await socket.send(words)
                await _left(socket)
                assert socket.close_code in {1000, 1008}, words[:60]
        await _hears(desk, beside, 3)


async def test_odd_packets_of_socket_io_cost_nobody_else_anything(tmp_path: Path) -> None:
    """S0.20: text and binary, by themselves and after a subscription"""
    async with desk_in(tmp_path) as desk:
        odd = [{**_SUBSCRIBE, name: value} for name in (*_SUBSCRIBE, "token") for value in _VALUES]
        packets: list[str | bytes] = [*_PACKETS, *(f"421{json.dumps(['subscribe', one])}" for one in odd)]
        packets += [b"", b"\x00", b"\xff" * 1000, b"42[1]"]
        async with desk.to("/predictions") as beside:
            await beside.send(json.dumps(_SUBSCRIBE))
            for packet in packets:
                async with asyncio.timeout(30), desk.to("/socket.io/?EIO=4&transport=websocket") as socket:
                    assert str(await socket.recv()).startswith("0{")
                    await socket.send("40")
                    assert str(await socket.recv()).startswith("40{")
                    await socket.send(packet)
                    await _left(socket)
                    assert socket.close_code in {1000, 1005, 1006}, packet[:60]
            await _hears(desk, beside, 3)


async def test_an_odd_subscription_by_socket_io_is_answered_and_the_client_stays(tmp_path: Path) -> None:
    """S0.20: who asked wrongly hears why, and is told segments all the same"""
    wrong: tuple[Any, ...] = ("\ud800", "\ud800" * 5, [], {}, -1, None, 10**30, "x" * 5000)
    async with desk_in(tmp_path) as desk, welcomed(desk) as socket:
        for value in wrong:
            told = await _answer(socket, json.dumps({**_SUBSCRIBE, "video_id": value}))
            assert told["success"] is False
            assert told["error"]
        assert await _answer(socket, json.dumps(_SUBSCRIBE)) == {"success": True, "room": "user1_2"}
        desk.close_segment()
        assert "new_prediction" in str(await socket.recv())


async def test_no_word_makes_a_socket_fall_over(tmp_path: Path) -> None:
    """S0.19, S0.20, by chance"""
    said: list[str] = []
    values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=5)
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(("action", "video_id", "user_id", "token"), values))

    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(known)
    def collect(one: dict[str, Any]) -> None:
        said.append(json.dumps(one))

    collect()
    async with desk_in(tmp_path) as desk, welcomed(desk) as socket:
        for words in said:
            told = await _answer(socket, words)
            assert told["success"] or told["error"]


@asynccontextmanager
async def welcomed(desk: Desk) -> AsyncIterator[ClientConnection]:
    """A client of Socket.IO by hand, which is in."""
    async with asyncio.timeout(30), desk.to("/socket.io/?EIO=4&transport=websocket") as socket:
        assert str(await socket.recv()).startswith("0{")
        await socket.send("40")
        assert str(await socket.recv()).startswith("40{")
        yield socket


async def _answer(socket: ClientConnection, wish: str) -> dict[str, Any]:
    await socket.send(f'421["subscribe",{wish}]')
    [told] = json.loads(str(await socket.recv()).removeprefix("431"))
    found: dict[str, Any] = told
    return found


async def _left(socket: ClientConnection) -> None:
    """Leave, unless the other side has; what it said last is read."""
    await socket.close()
    await socket.wait_closed()


async def _hears(desk: Desk, beside: ClientConnection, count: int) -> None:
    """Who was there all the while is told each segment, in order."""
    for _ in range(count):
        desk.close_segment()
    places = [json.loads(await asyncio.wait_for(beside.recv(), 30))["segment_index"] for _ in range(count)]
    assert places == list(range(count))
