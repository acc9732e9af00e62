"""Segments pushed over real sockets: the raw one of S0.19, and Socket.IO with its own client (S0.20)."""

import asyncio
import gc
import json
import statistics
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from contract.sessions import SessionView
from edge.web.segment_push import Listener, Room
from tests.support.session_stage import FakeSessions
from tests.support.web import WITHIN_S, Web, make_web, serving

START = 1_732_178_316_000
PAGE = "http://localhost:5173"
SUBSCRIBE = {"action": "subscribe", "video_id": 2, "user_id": "user1"}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what a thread or a socket does."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - threads and sockets tell nobody
            await asyncio.sleep(0.005)


@dataclass
class Push:
    """A served appliance where segments close when the test says so."""

    web: Web
    desk: FakeSessions
    sessions: dict[str, SessionView] = field(default_factory=dict)
    heard: list[object] = field(default_factory=list)

    async def hears(self, socket: ClientConnection, *wishes: dict[str, Any]) -> None:
        """Send wishes, and wait until they hold or are refused: nobody answers them on `/predictions`."""
        before = len(self.heard)
        for wish in wishes:
            await socket.send(json.dumps(wish))
        await until(lambda: len(self.heard) >= before + len(wishes))

    @property
    def socket_url(self) -> str:
        return f"{self.web.base.replace('http', 'ws')}/predictions"

    async def begin(self, user: str, video: int = 2) -> str:
        view = await self.desk.start(user, video_id=video, session_id=f"{user}_{video}_{START}", external=True)
        return view.session_id

    def close_segment(self, session_id: str, probe: str | None = "HH") -> None:
        """The next segment of a session is durable."""
        self.web.deps.hub.publish_record(*self.web.history.add(self.desk.predict(session_id, probe)))

    async def link(self, user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {(await self.web.deps.auth.link(user, 1.0)).token}"}

    async def watched(self, count: int = 1) -> None:
        """Wait until so many watch the hub."""
        await until(lambda: self.web.deps.hub.watchers == count)


@asynccontextmanager
async def pushing(folder: Path, **options: Any) -> AsyncIterator[Push]:
    desk = FakeSessions()
    desk.show("calm", number=2)
    desk.show("storm", number=3)
    async with serving(make_web(folder, sessions=desk, hub=desk.hub, **options)) as web:
        push, hear = Push(web, desk), Listener.hear

        def noted(listener: Listener, wish: object) -> Room:
            try:
                return hear(listener, wish)
            finally:
                push.heard.append(wish)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Listener, "hear", noted)
            yield push


@pytest.fixture
async def push(tmp_path: Path) -> AsyncIterator[Push]:
    async with pushing(tmp_path) as made:
        yield made


@asynccontextmanager
async def joined(push: Push, *wishes: dict[str, Any], **options: Any) -> AsyncIterator[ClientConnection]:
    async with websockets.connect(push.socket_url, proxy=None, **options) as socket:
        await push.hears(socket, *wishes)
        yield socket


async def told(socket: ClientConnection) -> dict[str, Any]:
    message = await asyncio.wait_for(socket.recv(), WITHIN_S)
    assert isinstance(message, str)
    found: dict[str, Any] = json.loads(message)
    return found


async def refusal_of(socket: ClientConnection) -> tuple[int, str]:
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), WITHIN_S)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


class JoinedIo:
    """The Socket.IO library's own client, in threads of its own as programs use it."""

    def __init__(self) -> None:
        self.client: Any = socketio.Client(reconnection=False, handle_sigint=False)
        self.heard: list[dict[str, Any]] = []
        self.took_ns: list[int] = []
        self.gone = False
        self.client.on("new_prediction", self._hear)
        self.client.on("disconnect", self._lose)

    def _hear(self, segment: dict[str, Any]) -> None:
        self.took_ns.append(time.perf_counter_ns())
        self.heard.append(segment)

    def _lose(self, *_: Any) -> None:
        self.gone = True

    async def connect(self, push: Push, transports: list[str], **options: Any) -> None:
        await asyncio.to_thread(self.client.connect, push.web.base, transports=transports, wait_timeout=30, **options)

    async def say(self, event: str, data: Any) -> Any:
        return await asyncio.to_thread(self.client.call, event, data, timeout=30)

    def close(self) -> None:
        """Leave."""
        if self.client is not None:
            self.client.disconnect()

    def forget(self) -> None:
        """Let the garbage collector close what the library leaves to it."""
        self.client = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    async def until(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count)

    async def lost(self) -> None:
        await until(lambda: self.gone)


@asynccontextmanager
async def io_client() -> AsyncIterator[JoinedIo]:
    """A client that is gone afterwards; its threads need the loop for that."""
    made = JoinedIo()
    try:
        yield made
    finally:
        await asyncio.to_thread(made.close)
        made.forget()


async def test_a_subscriber_gets_one_segment_a_message_and_no_other_word(push: Push) -> None:
    """S0.19, X.11"""
    mine, other = await push.begin("user1"), await push.begin("user2")
    push.close_segment(mine)
    async with joined(push, SUBSCRIBE) as socket:
        push.close_segment(other)
        push.close_segment(mine, "LL")
        push.close_segment(mine, None)
        assert await told(socket) == {
            "segment_index": 1,
            "timestamp": START_OF(push, mine) + 5000,
            "probe": "LL",
            "emotion": "Sad",
            "color": "#879af0",
            "cluster_id": 0,
        }
        abstention = await told(socket)
        assert (abstention["segment_index"], abstention["probe"], abstention["color"]) == (2, "", "#999999")
        other_user = {"action": "subscribe", "video_id": "2", "user_id": "user2"}
        await push.hears(socket, {**SUBSCRIBE, "action": "unsubscribe"}, other_user)
        push.close_segment(mine)
        push.close_segment(other)
        assert (await told(socket))["timestamp"] == START_OF(push, other) + 5000


def START_OF(push: Push, session_id: str) -> int:
    return push.desk.known[session_id].start_ms


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("{", "That is no JSON"),
        (b"\xff\x00", "That is no JSON"),
        ("[]", "Expected `object`, got `array`"),
        ('{"action": "listen", "video_id": 2, "user_id": "user1"}', "Invalid enum value"),
        ('{"action": "subscribe", "user_id": "user1"}', "missing required field `video_id`"),
        ('{"action": "subscribe", "video_id": 2}', "Invalid user ID"),
        ('{"action": "subscribe", "video_id": -1, "user_id": "user1"}', "Invalid video ID"),
        ('{"action": "subscribe", "video_id": 2, "user_id": "user1", "token": "nonsense"}', "Invalid token"),
    ],
)
async def test_a_subscription_that_is_none_closes_the_socket_with_the_reason(
    push: Push, said: str | bytes, reason: str
) -> None:
    async with joined(push) as socket:
        await socket.send(said)
        code, why = await refusal_of(socket)
        assert code == 1008
        assert reason in why


async def test_no_message_makes_the_socket_fall_over(push: Push, caplog: pytest.LogCaptureFixture) -> None:
    text = st.text(max_size=50) | st.binary(max_size=50)
    known = st.fixed_dictionaries({}, optional={name: st.integers() | text for name in SUBSCRIBE})
    examples: list[str | bytes] = []

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(text | known.map(lambda one: json.dumps(one, default=repr)))
    def collect(said: str | bytes) -> None:
        examples.append(said)

    collect()
    for said in examples:
        async with websockets.connect(push.socket_url, proxy=None) as socket:
            await socket.send(said)
            await socket.close()
            assert socket.close_code in {1000, 1008}
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "WARNING"}]


async def test_a_client_is_in_16_rooms_at_most(push: Push) -> None:
    wishes = [{**SUBSCRIBE, "video_id": number} for number in range(17)]
    async with joined(push, *wishes) as socket:
        assert await refusal_of(socket) == (1008, "A client may be in 16 rooms at most")


async def test_a_participant_hears_only_what_is_their_own_and_while_they_may(push: Push) -> None:
    """S0.36, X.6"""
    mine = await push.begin("user1")
    header = await push.link("user1")
    async with joined(push, {**SUBSCRIBE, "user_id": "user2"}, additional_headers=header) as socket:
        assert await refusal_of(socket) == (1008, "This token is of another user")
    token = header["Authorization"].removeprefix("Bearer ")
    async with joined(push, SUBSCRIBE | {"token": token}, SUBSCRIBE | {"user_id": "user2"}) as socket:
        assert await refusal_of(socket) == (1008, "This token is of another user")
    cookie = {"Cookie": f"afferent_participant={token}"}
    async with joined(push, {"video_id": 2}, additional_headers=cookie) as socket:
        push.close_segment(mine)
        assert (await told(socket))["segment_index"] == 0
        await push.web.deps.auth.revoke("user1")
        push.close_segment(mine)
        assert await refusal_of(socket) == (1008, "Token expired")


async def test_foreign_pages_and_strangers_are_refused(tmp_path: Path) -> None:
    """X.6, S0.41"""
    async with pushing(tmp_path / "a") as push:
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await websockets.connect(push.socket_url, origin=websockets.Origin("http://evil.example"), proxy=None)
        async with joined(push, SUBSCRIBE, origin=websockets.Origin(PAGE)) as socket:
            push.close_segment(await push.begin("user1"))
            assert (await told(socket))["segment_index"] == 0
    async with pushing(tmp_path / "b", open_networks=()) as push, push.web.client() as client:
        with pytest.raises(websockets.InvalidStatus, match="401"):
            await websockets.connect(push.socket_url, proxy=None)
        polled = await client.get("/socket.io/", params={"EIO": "4", "transport": "polling"})
        assert polled.status_code == 401
        async with io_client() as io:
            # This client repeats no header when it polls, and each request has to say who makes it.
            await io.connect(push, ["websocket"], headers=await push.link("user1"))
            assert (await io.say("subscribe", {"video_id": 2, "user_id": "user1"}))["success"]


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids=str)
async def test_socket_io_clients_join_rooms_by_both_transports(tmp_path: Path, transports: list[str]) -> None:
    """S0.20, X.11"""
    async with pushing(tmp_path) as push, io_client() as io:
        mine, other = await push.begin("user1"), await push.begin("user2")
        await io.connect(push, transports)
        answer = await io.say("subscribe", {"video_id": 2, "user_id": "user1"})
        assert answer == {"success": True, "room": "user1_2"}
        push.close_segment(other)
        push.close_segment(mine, "LH")
        await io.until(1)
        assert io.heard == [
            {
                "segment_index": 0,
                "timestamp": START_OF(push, mine),
                "probe": "LH",
                "emotion": "Angry",
                "color": "#f4978e",
                "cluster_id": 0,
            }
        ]
        assert (await io.say("unsubscribe", {"action": "unsubscribe", "video_id": 2, "user_id": "user1"}))["success"]
        push.close_segment(mine)
        assert not (await io.say("subscribe", {"video_id": "x", "user_id": "user1"}))["success"]
        assert not (await io.say("subscribe", None))["success"]
        assert len(io.heard) == 1
        await asyncio.to_thread(io.close)
        await push.watched(0)


async def test_socket_io_tokens_bind_too(tmp_path: Path) -> None:
    """S0.36, X.6"""
    async with pushing(tmp_path) as push, io_client() as io:
        mine = await push.begin("user1")
        token = (await push.link("user1"))["Authorization"].removeprefix("Bearer ")
        async with io_client() as stranger:
            with pytest.raises(socketio.exceptions.ConnectionError):
                await stranger.connect(push, ["websocket"], auth={"token": "nonsense"})
        await io.connect(push, ["websocket"], auth={"token": token})
        refused = await io.say("subscribe", {"video_id": 2, "user_id": "user2"})
        assert refused == {"success": False, "error": "This token is of another user"}
        assert (await io.say("subscribe", {"video_id": 2}))["room"] == "user1_2"
        push.close_segment(mine)
        await io.until(1)
        await push.web.deps.auth.revoke("user1")
        push.close_segment(mine)
        await io.lost()
        assert len(io.heard) == 1


async def test_socket_io_obeys_the_gate_and_its_bound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """S0.41; strangers cannot fill the journal"""
    params = {"EIO": "4", "transport": "polling"}
    async with pushing(tmp_path, max_event_streams=2) as push, push.web.client() as client:
        page = await client.get("/socket.io/", params=params, headers={"Origin": PAGE})
        assert page.headers["access-control-allow-origin"] == PAGE
        foreign = await client.get("/socket.io/", params=params, headers={"Origin": "http://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers
        assert (await client.get("/socket.io/", params=params)).status_code == 503
        assert (await client.get("/socket.io/", params=params | {"j": "0"})).status_code == 400
        sid = json.loads(page.text[1:])["sid"]
        evil = {"Origin": "http://evil.example"}
        assert (await client.post("/socket.io/", params=params | {"sid": sid}, headers=evil)).status_code == 403
        for body in (b"\xff", b"9", b"4", b"42[", b'42["subscribe"', b"451-", b"40/none,", b"x" * 70_000):
            await client.post("/socket.io/", params=params | {"sid": sid}, content=body)
        for wrong in ({}, {"EIO": "3"}, {"EIO": "4", "transport": "pigeon"}, params | {"sid": "none"}):
            assert (await client.get("/socket.io/", params=wrong)).status_code in {400, 503}
        assert (await client.get("/healthz")).status_code == 200
    assert not [record.getMessage() for record in caplog.records if record.levelname in {"ERROR", "WARNING"}]


async def test_socket_io_lets_who_hangs_up_while_polling_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """S0.20: a page that vanishes holds neither its place nor a request until it should have been pinged."""
    params = {"EIO": "4", "transport": "polling"}
    async with pushing(tmp_path, max_event_streams=1) as push, push.web.client() as client:
        for _ in range(3):
            welcome = await client.get("/socket.io/", params=params)
            assert welcome.status_code == 200
            mine = params | {"sid": json.loads(welcome.text[1:])["sid"]}
            await client.post("/socket.io/", params=mine, content=b"40")
            assert (await client.get("/socket.io/", params=mine)).text.startswith("40{")
            await push.watched(1)
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/socket.io/", params=mine, timeout=httpx.Timeout(WITHIN_S, read=0.3))
            await push.watched(0)
    assert not [record.getMessage() for record in caplog.records if record.levelname in {"ERROR", "WARNING"}]


async def test_socket_io_ends_with_the_appliance(tmp_path: Path) -> None:
    began = time.monotonic()
    async with io_client() as polling, io_client() as socket:
        async with pushing(tmp_path) as push:
            await polling.connect(push, ["polling"])
            await socket.connect(push, ["websocket"])
            await push.watched(1)
        await polling.lost()
        await socket.lost()
    assert time.monotonic() - began < 20


async def test_segments_are_there_within_100_ms(tmp_path: Path) -> None:
    """S0.20: from the committed record to the client, over both carriers at once"""
    sent_ns: list[int] = []
    raw_ns: list[int] = []
    raw_indexes: list[int] = []
    count = 200

    async def follow(socket: ClientConnection) -> None:
        for _ in range(count):
            raw_indexes.append((await told(socket))["segment_index"])
            raw_ns.append(time.perf_counter_ns())

    async with pushing(tmp_path) as push, io_client() as io:
        mine = await push.begin("user1")
        await io.connect(push, ["websocket"])
        await io.say("subscribe", {"video_id": 2, "user_id": "user1"})
        async with joined(push, SUBSCRIBE) as socket, asyncio.TaskGroup() as group:
            group.create_task(follow(socket))
            for _ in range(count):
                sent_ns.append(time.perf_counter_ns())
                push.close_segment(mine)
                await asyncio.sleep(0.01)
        await io.until(count)
    # The library hands each event to a thread of its own, so that its order here is that of threads.
    assert sorted(segment["segment_index"] for segment in io.heard) == raw_indexes == list(range(count))
    for name, got_ns in (("/predictions", raw_ns), ("Socket.IO", io.took_ns)):
        took = sorted((got - sent) / 1e6 for got, sent in zip(got_ns, sent_ns, strict=True))
        p99 = took[int(count * 0.99) - 1]
        print(f"segment to client by {name}: median {statistics.median(took):.2f} ms, p99 {p99:.2f} ms")  # noqa: T201
        assert statistics.median(took) < 100  # the last ones say how busy the machine is with something else


async def test_socket_io_tells_in_order_on_the_wire(tmp_path: Path) -> None:
    """S0.20: Engine.IO 4 by hand, for the library's client does not keep the order that it is told in."""
    async with pushing(tmp_path) as push:
        mine = await push.begin("user1")
        address = push.web.base.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        async with websockets.connect(address, proxy=None) as socket:
            assert str(await socket.recv()).startswith("0{")
            await socket.send("40")
            assert str(await socket.recv()).startswith("40{")
            await socket.send(f'420["subscribe",{json.dumps({"video_id": 2, "user_id": "user1"})}]')
            assert "user1_2" in str(await asyncio.wait_for(socket.recv(), WITHIN_S))
            for _ in range(40):
                push.close_segment(mine)
            told_io = [json.loads(str(await asyncio.wait_for(socket.recv(), WITHIN_S))[2:]) for _ in range(40)]
    assert [(event, segment["segment_index"]) for event, segment in told_io] == [
        ("new_prediction", index) for index in range(40)
    ]
