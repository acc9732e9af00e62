"""A web server that answers drop by drop, on a real socket."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

HEAD: Final = b"HTTP/1.1 200 OK\r\n"
DROP_S: Final = 0.05


class Dripping:
    """Answers the first request of each connection with `drops`, one at a time, until all are said or it ends."""

    def __init__(self, drops: Iterator[bytes], tls: ssl.SSLContext | None = None) -> None:
        self.ended = threading.Event()
        self._drops = drops
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="dripping")
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """End it, also in the middle of an answer."""
        self.ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)

    def _serve(self) -> None:
        with suppress(OSError):
            while not self.ended.is_set():
                client, _ = self._listener.accept()
                with client, suppress(OSError):
                    self._answer(self._tls.wrap_socket(client, server_side=True) if self._tls else client)

    def _answer(self, client: socket.socket) -> None:
        with client:
            client.recv(65_536)
            for drop in self._drops:
                client.sendall(drop)
                if self.ended.wait(DROP_S):
                    return


@contextmanager
def dripping(drops: Iterator[bytes], tls: ssl.SSLContext | None = None) -> Iterator[Dripping]:
    """One that runs."""
    server = Dripping(drops, tls)
    try:
        yield server
    finally:
        server.close()


def head_without_end() -> Iterator[bytes]:
    """The head of an answer that is never over."""
    yield HEAD
    yield b"X-Slow: "
    while True:
        yield b"x"
