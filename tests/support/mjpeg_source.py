"""A network camera over real HTTP: JPEG after JPEG, with the manners and the faults that cameras have."""

import base64
import contextlib
import hashlib
import itertools
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.jpegs import jpeg
from tests.support.ports import free_port

REALM = "camera"
NONCE = "f00dfeed"


class MjpegSource:
    """Serves `/stream` on loopback (over `tls` if given), and keeps its port when it is killed and started again.

    `stated_length`: whether parts have a Content-Length; `sign_in`: (scheme, user, password) with `basic` or `digest`.
    Other paths: `/page` (HTML), `/snapshot` (one JPEG), `/once` (three pictures, then the end).
    """

    def __init__(
        self,
        *,
        fps: float = 50.0,
        stated_length: bool = True,
        sign_in: tuple[str, str, str] | None = None,
        pictures: tuple[bytes, ...] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = free_port()
        self.fps = fps
        self.stated_length = stated_length
        self.sign_in = sign_in
        self.tls = tls
        self.pictures = pictures or tuple(jpeg(level, width=160, height=120) for level in range(40, 220, 20))
        self.silent = threading.Event()
        self.asked: list[str] = []
        self._stopped = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address of the stream."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/stream"

    def start(self) -> None:
        """Listen."""
        self._stopped.clear()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="mjpeg-source")
        self._thread.start()

    def kill(self) -> None:
        """Stop listening and cut every connection."""
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        self._stopped.set()
        server.shutdown()
        server.cut()
        server.server_close()
        self._thread.join()

    @property
    def viewers(self) -> int:
        """Connections that are open now."""
        return len(self._server.connections) if self._server else 0

    def stream(self) -> Iterator[bytes]:
        """What one connection gets, picture after picture."""
        return itertools.cycle(self.pictures)

    def wait_step(self) -> bool:
        """Wait for the next picture's time; False when the server is stopped."""
        return not self._stopped.wait(1 / self.fps)

    @property
    def stopped(self) -> bool:
        """Whether it was killed."""
        return self._stopped.is_set()


@contextlib.contextmanager
def mjpeg_source(
    *,
    fps: float = 50.0,
    stated_length: bool = True,
    sign_in: tuple[str, str, str] | None = None,
    pictures: tuple[bytes, ...] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[MjpegSource]:
    """A running source for the time of a test."""
    source = MjpegSource(fps=fps, stated_length=stated_length, sign_in=sign_in, pictures=pictures, tls=tls)
    source.start()
    try:
        yield source
    finally:
        source.kill()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, source: MjpegSource) -> None:
        self.source = source
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", source.port), _Handler)
        if source.tls:
            self.socket = source.tls.wrap_socket(self.socket, server_side=True)

    def cut(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        source, sign_in = self.server.source, self.headers.get("Authorization", "")
        source.asked.append(sign_in)
        answers: dict[str, Callable[[], None]] = {
            "/stream": self._stream,
            "/page": lambda: self._body("text/html; charset=utf-8", b"<p>A camera</p>"),
            "/snapshot": lambda: self._body("image/jpeg", source.pictures[0]),
            "/once": lambda: self._stream(3),
        }
        if _signed_in(source.sign_in, sign_in, self.path):
            answers.get(self.path.partition("?")[0], lambda: self.send_error(404))()
        else:
            self._refuse()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _refuse(self) -> None:
        scheme = self.server.source.sign_in[0] if self.server.source.sign_in else "basic"
        digest = f'Digest realm="{REALM}", nonce="{NONCE}", qop="auth"'
        self.send_response(401)
        self.send_header("WWW-Authenticate", digest if scheme == "digest" else f'Basic realm="{REALM}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, limit: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        source = self.server.source
        for picture in itertools.islice(source.stream(), limit):
            length = f"Content-Length: {len(picture)}\r\n" if source.stated_length else ""
            head = f"--frame\r\nContent-Type: image/jpeg\r\n{length}\r\n"
            while source.silent.is_set() and source.wait_step():
                pass
            if source.stopped:
                return
            try:
                self.wfile.write(head.encode() + picture + b"\r\n")
            except OSError:
                return
            source.wait_step()


def _signed_in(sign_in: tuple[str, str, str] | None, header: str, path: str) -> bool:
    if sign_in is None:
        return True
    scheme, user, password = sign_in
    if scheme == "basic":
        return header == "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    fields = dict(re.findall(r'(\w+)="?([^",]*)"?', header.removeprefix("Digest ")))
    if not header.startswith("Digest ") or fields.get("nonce") != NONCE:
        return False
    first, second = _md5(f"{user}:{REALM}:{password}"), _md5(f"GET:{path}")
    expected: str = _md5(f"{first}:{NONCE}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{second}")
    return str(fields["response"]) == expected


def _md5(text: str) -> str:
    # RFC 7616 still has to be spoken with cameras that know nothing newer.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
