"""The viewers' half of the viewers' bench: many sockets of one process that read and count, one of which tells latency.

Usage: `python -m tests.bench.viewer_clients PORT VIEWERS STALLED WARM_UP_S SECONDS`. Prints `go` when the measured time
begins and a line of JSON at its end.
"""

import json
import select
import socket
import sys
import time
from typing import Final

from tests.bench.viewer_server import MARK

_REQUEST: Final = b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_STAMP_BYTES: Final = 20
_END: Final = b"\xff\xd9\r\n"


class Viewer:
    """One open live picture."""

    def __init__(self, port: int, *, timed: bool) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(_REQUEST)
        self.frames = 0
        self.latencies_ms: list[float] = []
        self._timed = timed
        self._rest = bytearray()
        self._tail = b""

    def read(self, room: memoryview) -> None:
        """Take what is there."""
        count = self.socket.recv_into(room)
        if count == 0:
            raise ConnectionError("the server ended the stream")
        if self._timed:
            self._time(room[:count], time.monotonic_ns())
        else:
            self._count(bytes(room[:count]))

    def _count(self, data: bytes) -> None:
        seen = self._tail + data
        self.frames += seen.count(MARK)
        self._tail = seen[-len(MARK) + 1 :]

    def _time(self, data: memoryview, now_ns: int) -> None:
        self._rest += data
        while (mark := self._rest.find(MARK)) >= 0 and (end := self._rest.find(_END, mark)) >= 0:
            start = mark + len(MARK)
            taken_ns = int(self._rest[start : start + _STAMP_BYTES])
            self.frames += 1
            self.latencies_ms.append((now_ns - taken_ns) / 1e6)
            del self._rest[:end]


def watch(viewers: list[Viewer], seconds: float) -> None:
    """Read everything that comes for so long."""
    poll = select.epoll()
    by_fd = {viewer.socket.fileno(): viewer for viewer in viewers}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    room = memoryview(bytearray(1 << 20))
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for fd, _ in poll.poll(min(left, 0.1)):
            by_fd[fd].read(room)
    poll.close()


def main(port: int, count: int, stalled: int, warm_up_s: float, seconds: float) -> None:
    """Connect, warm up, measure, tell."""
    idle = [Viewer(port, timed=False) for _ in range(stalled)]
    viewers = [Viewer(port, timed=place == 0) for place in range(count)]
    watch(viewers, warm_up_s)
    for viewer in viewers:
        viewer.frames = 0
        viewer.latencies_ms.clear()
    print("go", flush=True)
    watch(viewers, seconds)
    told = {"frames": [viewer.frames for viewer in viewers], "latencies_ms": viewers[0].latencies_ms}
    print(json.dumps(told), flush=True)
    for viewer in [*viewers, *idle]:
        viewer.socket.close()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]), int(given[1]), int(given[2]), float(given[3]), float(given[4]))
