"""An HTTP proxy in front of an object storage that answers as badly as a real one does on a bad day."""

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from tests.support.ports import free_port

Fault = Literal["500", "503", "slow", "reset", "truncated", "unanswered", "gone"]
"""`reset`: in the middle of the request. `truncated`: half of the answer to a request that was carried out.
`unanswered`: the same, and nothing of the answer. `gone`: nobody listens, as when the server was killed."""
_RESET: Final = struct.pack("ii", 1, 0)
_HEAD_LIMIT: Final = 1 << 16
_LARGEST: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its head as it came, and its body."""

    head: bytes
    body: bytes

    @property
    def method(self) -> str:
        """GET, PUT, ..."""
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def part(self) -> tuple[str, int] | None:
        """The path and the number of the part that it carries; None if it carries none."""
        url = urlsplit(self.head.split(b" ", 2)[1].decode("latin-1"))
        number = parse_qs(url.query).get("partNumber")
        return (url.path, int(number[0])) if self.method == "PUT" and number else None


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that was stored and whose answer went to the client, at `time.monotonic()`."""

    path: str
    number: int
    at_s: float


class FaultyBucket:
    """Clients speak to `port`; what they ask is asked of `target`. `fault` and `share` may be set at any moment.

    `share` is how many of the requests meet the fault, drawn from `rng`. `parts` are in the order of their coming.
    """

    def __init__(self, target: int, rng: random.Random | None = None, *, slow_s: float = 3.0) -> None:
        self.port = free_port()
        self.fault: Fault | None = None
        self.share = 1.0
        self.parts: list[SentPart] = []
        self.requests = 0
        self.faults = 0
        self._target = target
        self._rng = rng or random.Random(1)
        self._slow_s = slow_s
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._done: asyncio.Event
        self._handlers: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="faulty-bucket")

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        assert self._ready.wait(30)

    def close(self) -> None:
        """Cut everything and end the thread."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(30)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self) -> None:
        self._done = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=_HEAD_LIMIT)
        self._ready.set()
        await self._done.wait()
        server.close()
        for handler in self._handlers:
            handler.cancel()
        if self._handlers:
            await asyncio.wait(self._handlers)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
                await self._one(reader, writer)
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request per connection: the answer says so, and clients open another."""
        fault = self._draw()
        if fault == "gone":
            _reset(writer)
            return
        request = await _read_request(reader, writer, cut=fault == "reset")
        if request is None:
            _reset(writer)
            return
        await self._answer(request, fault, writer)

    async def _answer(self, request: Request, fault: Fault | None, writer: asyncio.StreamWriter) -> None:
        if fault in {"500", "503"}:
            writer.write(_refusal(request, fault))
            await writer.drain()
            return
        if fault == "slow":
            await asyncio.sleep(self._slow_s)
        answer = await self._ask(request)
        if fault == "unanswered":
            _reset(writer)
            return
        part = request.part
        if part and fault != "truncated" and answer.split(b" ", 2)[1] == b"200" and not writer.is_closing():
            self.parts.append(SentPart(*part, time.monotonic()))
        writer.write(answer[: len(answer) // 2] if fault == "truncated" else answer)
        await writer.drain()

    async def _ask(self, request: Request) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(_closing(request.head) + request.body)
            await writer.drain()
            return await reader.read(-1)
        finally:
            writer.close()

    def _draw(self) -> Fault | None:
        self.requests += 1
        fault = self.fault
        if fault is None or self._rng.random() >= self.share:
            return None
        self.faults += 1
        return fault


@contextmanager
def faulty_bucket(target: int, rng: random.Random | None = None, *, slow_s: float = 3.0) -> Iterator[FaultyBucket]:
    """A proxy to `target` that ends with the block."""
    bucket = FaultyBucket(target, rng, slow_s=slow_s)
    bucket.start()
    try:
        yield bucket
    finally:
        bucket.close()


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, cut: bool) -> Request | None:
    """The next request; None if it is cut in the middle of its body, or there is none."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = _fields(head)
    if fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return None if cut else Request(head, await _read_chunks(reader))
    size = int(fields.get("content-length", "0"))
    if cut:
        await reader.readexactly(min(size // 2, _LARGEST))
        return None
    return Request(head, await reader.readexactly(size))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body, as it stands on the wire."""
    found = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        found += line + await reader.readexactly(int(line.split(b";")[0], 16) + 2)
        if int(line.split(b";")[0], 16) == 0:
            return found


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def _closing(head: bytes) -> bytes:
    """The head with one connection for one request, and the body not waited for."""
    kept = [
        line
        for line in head.split(b"\r\n")
        if not line.lower().startswith((b"connection:", b"expect:", b"keep-alive:")) and line
    ]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


def _refusal(request: Request, status: str) -> bytes:
    code = "SlowDown" if status == "503" else "InternalError"
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>a bad day</Message></Error>".encode()
    head = f"HTTP/1.1 {status} Bad Day\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + (b"" if request.method == "HEAD" else body)


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
