"""A TCP proxy in front of a real server that cuts, stalls or resets what goes through it."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.ports import free_port

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)


class FaultyLink:
    """Clients connect to `port`; what they say goes to `target`. Runs in a thread of its own, so it suits any test."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.connections = 0
        self._target = target
        self._up = True
        self._flowing: asyncio.Event
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faulty-link")

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        assert self._ready.wait(5)

    def close(self) -> None:
        """Cut everything and end the thread."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(5)

    def cut(self) -> None:
        """Close every connection; new ones are closed at once until `mend`."""
        self._call(self._cut, reset=False)

    def reset(self) -> None:
        """Reset every connection (RST), as a router does that lost its table; new ones go through."""
        self._call(self._cut, reset=True)

    def stall(self) -> None:
        """Keep every connection and let nothing through, until `mend`."""
        self._call(self._stall)

    def mend(self) -> None:
        """Let everything through again."""
        self._call(self._mend)

    def _call(self, work: "object", **arguments: bool) -> None:
        done = threading.Event()

        def run() -> None:
            work(**arguments)  # type: ignore[operator]
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(5)

    def _cut(self, *, reset: bool) -> None:
        self._up = reset
        for writer in list(self._open):
            if reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def _stall(self) -> None:
        self._flowing.clear()

    def _mend(self) -> None:
        self._up = True
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
            if self._up:
                await self._join(reader, writer)
        self._open.discard(writer)
        writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._open.add(far_writer)
        ways = [asyncio.create_task(self._pump(*way)) for way in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()


@contextmanager
def faulty_link(target: int) -> Iterator[FaultyLink]:
    """A link to `target` that ends with the block."""
    link = FaultyLink(target)
    link.start()
    try:
        yield link
    finally:
        link.close()
