"""How long a request over the network may take: as long as its bytes go on moving, and no longer.

A timeout of a socket begins anew with each byte, so an answer that drips would hold its thread for hours.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SLOWEST_BYTES_PER_S: Final = 512
"""Slower than any line that files go over: four kilobits a second, a modem of 9600 shared by two."""
LONGEST_ANSWER_BYTES: Final = 16 << 20
"""Of a server that has words to say, and no file to hand out."""
UNSENT: Final = (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 65_536)
"""An option of a socket: how much the system holds back unsent. It would take megabytes, and the time in which they
leave over a slow line would look like a server's silence."""
_MOST_ENDS: Final = 16
"""How often the end of an answer may be read: who still looks for the end of a line there would do so for ever."""


class TooSlowError(TimeoutError):
    """Its words say how much moved and in what time."""


class Pace(threading.local):
    """The bound of the request that a thread makes: at most `patience_s` to wait at a time, won back as bytes move.

    Only the time that is spent in waiting for the other side counts, so a rate that is kept on purpose costs nothing.
    What was sent buys no time for the answer, and what came fast none for what drips.
    Each thread has a request of its own. An answer of more than `longest_bytes` is one without end.
    """

    def __init__(
        self, now_ns: Callable[[], int], patience_s: float, *, longest_bytes: int = LONGEST_ANSWER_BYTES
    ) -> None:
        self._now_ns = now_ns
        self._patience_s = patience_s
        self._longest_bytes = longest_bytes
        self.begin()

    def begin(self) -> None:
        """Another request, of which nothing moved yet."""
        self.fault = ""
        self._received = self._ends = 0
        self._turn(receiving=False)

    @contextmanager
    def waiting(self) -> Iterator[float]:
        """For how many seconds the other side may be waited for now. Raise `TooSlowError` if it was too long already.

        `fault` tells in words, also where a timeout of somebody else's was raised meanwhile.
        """
        if not self._in_time():
            raise TooSlowError(self.fault)
        began_ns = self._now_ns()
        try:
            yield self._left_s
        finally:
            spent_s = (self._now_ns() - began_ns) / 1e9
            self._spent_s += spent_s
            self._left_s -= spent_s
            self._in_time()

    def sent(self, n_bytes: int) -> None:
        """So many were taken."""
        self._count(n_bytes, receiving=False)

    def received(self, n_bytes: int) -> None:
        """So many came; none is the end. Raise `ConnectionError` at an answer without end."""
        self._count(n_bytes, receiving=True)
        self._received += n_bytes
        self._ends += not n_bytes
        if self._received > self._longest_bytes or self._ends > _MOST_ENDS:
            self.fault = "answers without end"
            raise ConnectionAbortedError(self.fault)

    def _turn(self, *, receiving: bool) -> None:
        self._receiving = receiving
        self._left_s, self._spent_s, self._moved = self._patience_s, 0.0, 0

    def _count(self, n_bytes: int, *, receiving: bool) -> None:
        if receiving is not self._receiving:
            self._turn(receiving=receiving)
        self.fault = ""
        self._moved += n_bytes
        self._left_s = min(self._patience_s, self._left_s + n_bytes / SLOWEST_BYTES_PER_S)

    def _in_time(self) -> bool:
        if self._left_s > 0:
            return True
        self.fault = f"is too slow: {self._moved} bytes in {self._spent_s:.0f} s"
        return False
