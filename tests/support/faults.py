"""A TCP proxy in front of a real server that does to what goes through it what networks do.

It cuts, resets, stalls, delays, caps, swallows, and breaks off after so many bytes.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

from tests.support.ports import free_port

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)
_TICK_S: Final = 0.05
Tap = Callable[[int, bytes], None]
"""Called in the link's thread with the number of a connection and what its client said."""


class FaultyLink:
    """Clients connect to `port`; what they say goes to `target`. Runs in a thread of its own, so it suits any test.

    Faults hold until `mend`; several may hold at a time.
    """

    def __init__(self, target: int, tap: Tap | None = None) -> None:
        self.port = free_port()
        self.connections = 0
        self._target = target
        self._tap = tap
        self._up = True
        self._swallowing = False
        self._delay_s = 0.0
        self._cap_bytes_per_s: int | None = None
        self._bytes_left: int | None = None
        self._truncating = False
        self._flowing: asyncio.Event
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faulty-link")

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        assert self._ready.wait(30)

    def close(self) -> None:
        """Cut everything and end the thread."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(30)

    def cut(self) -> None:
        """Close every connection; new ones are closed at once until `mend`."""
        self._call(partial(self._cut, reset=False))

    def reset(self) -> None:
        """Reset every connection (RST), as a router does that lost its table; new ones go through."""
        self._call(partial(self._cut, reset=True))

    def stall(self) -> None:
        """Keep every connection and let nothing through, until `mend`."""
        self._call(self._stall)

    def delay(self, seconds: float) -> None:
        """Let everything come so much later, each way."""
        self._call(partial(setattr, self, "_delay_s", seconds))

    def cap(self, bytes_per_s: int) -> None:
        """Let no more than this through, on each connection and way."""
        self._call(partial(setattr, self, "_cap_bytes_per_s", bytes_per_s))

    def reset_after(self, size_bytes: int) -> None:
        """Reset every connection once so many bytes more have gone either way, and each new one at once."""
        self._call(partial(self._break_after, size_bytes, truncate=False))

    def truncate_after(self, size_bytes: int) -> None:
        """The same with an end in good order, as if the server had nothing more to say."""
        self._call(partial(self._break_after, size_bytes, truncate=True))

    def black_hole(self) -> None:
        """Accept connections and bytes, answer nothing, deliver nothing; what it took is gone for good.

        `mend` resets what was open: its stream has a hole.
        """
        self._call(partial(setattr, self, "_swallowing", True))

    def mend(self) -> None:
        """Let everything through again."""
        self._call(self._mend)

    def _call(self, work: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(30)

    def _cut(self, *, reset: bool) -> None:
        self._up = reset
        for writer in list(self._open):
            if reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def _stall(self) -> None:
        self._flowing.clear()

    def _break_after(self, size_bytes: int, *, truncate: bool) -> None:
        self._bytes_left, self._truncating = size_bytes, truncate

    def _mend(self) -> None:
        if self._swallowing:
            self._cut(reset=True)
        self._up, self._swallowing = True, False
        self._delay_s, self._cap_bytes_per_s, self._bytes_left = 0.0, None, None
        self._flowing.set()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self) -> None:
        self._flowing, self._done = asyncio.Event(), asyncio.Event()
        self._flowing.set()
        self._handlers: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self._ready.set()
        await self._done.wait()
        server.close()
        self._cut(reset=False)
        for handler in self._handlers:
            handler.cancel()
        if self._handlers:
            await asyncio.wait(self._handlers)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        self.connections += 1
        self._open.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            if self._up and self._swallowing:
                await self._swallow(reader)
            elif self._up:
                await self._join(reader, writer, self.connections)
        self._open.discard(writer)
        writer.transport.abort()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(_CHUNK):
            pass

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._open.add(far_writer)
        tap = partial(self._tap, number) if self._tap else None
        ways = [
            asyncio.create_task(self._pump(reader, far_writer, tap)),
            asyncio.create_task(self._pump(far_reader, writer, None)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tap: Callable[[bytes], None] | None
    ) -> None:
        """One way of one connection. Delayed pieces follow each other; the reader does not wait for them."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(pieces, writer))
        loop = asyncio.get_running_loop()
        try:
            while data := await reader.read(_CHUNK):
                if tap:
                    tap(data)
                pieces.put_nowait((loop.time() + self._delay_s, data))
                await self._flowing.wait()
                if delivering.done():
                    return
            pieces.put_nowait((loop.time() + self._delay_s, b""))
            await delivering
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    async def _deliver(self, pieces: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s, data = await pieces.get()
            if not data:
                return
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await self._flowing.wait()
            if not self._swallowing and not await self._write(data, writer):
                return

    async def _write(self, data: bytes, writer: asyncio.StreamWriter) -> bool:
        """Deliver, as fast as is allowed; False if the connection was broken off."""
        while data:
            size = len(data) if self._cap_bytes_per_s is None else max(1, int(self._cap_bytes_per_s * _TICK_S))
            piece, data = data[:size], data[size:]
            allowed = len(piece) if self._bytes_left is None else min(len(piece), self._bytes_left)
            writer.write(piece[:allowed])
            await writer.drain()
            if self._bytes_left is not None:
                self._bytes_left -= allowed
            if allowed < len(piece):
                self._break_off(writer)
                return False
            if self._cap_bytes_per_s is not None:
                await asyncio.sleep(len(piece) / self._cap_bytes_per_s)
        return True

    def _break_off(self, writer: asyncio.StreamWriter) -> None:
        if self._truncating:
            writer.close()
        else:
            self._cut(reset=True)


@contextmanager
def faulty_link(target: int, tap: Tap | None = None) -> Iterator[FaultyLink]:
    """A link to `target` that ends with the block."""
    link = FaultyLink(target, tap)
    link.start()
    try:
        yield link
    finally:
        link.close()
