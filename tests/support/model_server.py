"""A real web server with models, good and bad ones, and one that breaks off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve `files` by name on loopback; yields the address.

    `/cut/NAME` sends half of it and hangs up, `/endless` never stops and tells no length, `/vast` tells a great length,
    `/moved/NAME` leads to NAME, `/dribble/NAME` sends a byte at a time, `/drip/NAME` a head without end.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.files, server.ended = files, Event()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="model-server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    files: Mapping[str, bytes]
    ended: Event

    def handle_error(self, *_arguments: object) -> None:
        """A client that hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        way, _, name = self.path.strip("/").rpartition("/")
        if name in {"endless", "vast"}:
            self._pour(10**12 if name == "vast" else None)
        elif name not in self.server.files:
            self.send_error(404)
        elif way == "drip":
            self._drip()
        elif way == "moved":
            self._begin(302, 0, Location=f"/{name}")
        else:
            self._send(way, self.server.files[name])

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _begin(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, way: str, body: bytes) -> None:
        self._begin(200, len(body))
        if way == "cut":
            self.close_connection = True
            body = body[: len(body) // 2]
        step = 1 if way == "dribble" else max(len(body), 1)
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])

    def _drip(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.ended.wait(0.02):
            self.wfile.write(b"x")

    def _pour(self, length: int | None) -> None:
        self.close_connection = True
        self._begin(200, length)
        while length is None:
            self.wfile.write(bytes(65536))
