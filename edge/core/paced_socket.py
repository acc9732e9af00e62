"""A socket with a bound on what is waited for at it, for whoever speaks HTTP over http.client: urllib, urllib3."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from edge.core.pace import Pace

_WRITE_BYTES: Final = 16_384


class PacedSocket:
    """What http.client and urllib3 use of a socket: whatever waits for the other side keeps the pace.

    `TooSlowError` is raised where it does not, or the socket's own `TimeoutError`: then `pace.fault` says why.
    """

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock = sock
        self._pace = pace
        self._timeout_s = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, seconds: float | None) -> None:
        """How long each wait may take at most, however much time is left."""
        self._timeout_s = seconds
        self._sock.settimeout(seconds)

    def sendall(self, data: Any) -> None:
        """Send all of it, in pieces that each show that it gets on."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _WRITE_BYTES):
            piece = view[start : start + _WRITE_BYTES]
            with self._pace.waiting() as left_s:
                self.wait_at_most(left_s)
                self._sock.sendall(piece)
            self._pace.sent(len(piece))

    def makefile(self, _mode: str = "rb", buffering: int | None = None) -> io.RawIOBase | io.BufferedReader:
        """The answer, to be read."""
        raw = _PacedAnswer(self, self._sock.makefile("rb", 0), self._pace)
        return raw if buffering == 0 else io.BufferedReader(raw)

    def wait_at_most(self, seconds: float) -> None:
        """Let the next wait take no longer."""
        self._sock.settimeout(seconds if self._timeout_s is None else min(seconds, self._timeout_s))


@contextmanager
def paced(connection: Any, pace: Pace) -> Iterator[None]:
    """Let a connection's socket keep the pace for now: while a proxy says what it says, before TLS begins over it."""
    plain = connection.sock
    timeout_s = plain.gettimeout()
    connection.sock = PacedSocket(plain, pace)
    yield
    connection.sock = plain
    plain.settimeout(timeout_s)


class _PacedAnswer(io.RawIOBase):
    def __init__(self, sock: PacedSocket, raw: socket.SocketIO, pace: Pace) -> None:
        super().__init__()
        self._sock = sock
        self._raw = raw
        self._pace = pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        with self._pace.waiting() as left_s:
            self._sock.wait_at_most(left_s)
            count = self._raw.readinto(buffer)
        self._pace.received(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
