"""A transport for httpx over the standard library's connection, for responses without end.

httpx parses and copies a body several times over, which for a camera of 2 MB a second costs more than looking at its
pictures. Here the sign-in, the headers and the errors stay httpx's, and the body is read straight from the socket.
"""

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx

_READ_BYTES: Final = 65_536
"""At once: more would be asked of the system anew, page by page, for every read."""


class StreamTransport(httpx.BaseTransport):
    """One connection at a time, to the host of the request and nobody else. Belongs to one thread, but for `socket`."""

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float, tls: ssl.SSLContext | None) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None
        self.socket: socket.socket | None = None
        """The newest connection's; another thread may shut it down to end a read."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` over a new connection and read the head of the answer; see `httpx.BaseTransport`."""
        self.close()
        connection = self._connect(request)
        with _as_httpx(httpx.ReadTimeout, request):
            headers = {name: value for name, value in request.headers.items() if name != "connection"}
            connection.request(request.method, request.url.raw_path.decode("ascii"), headers=headers)
            answer = connection.getresponse()
        return httpx.Response(
            answer.status,
            headers=answer.getheaders(),
            stream=_Body(answer, request),
            extensions={"reason_phrase": answer.reason.encode("latin-1")},
            request=request,
        )

    def close(self) -> None:
        """Hang up."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self, request: httpx.Request) -> http.client.HTTPConnection:
        host, port = request.url.host, request.url.port
        if self._tls and request.url.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=self._connect_timeout_s, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._connect_timeout_s)
        self._connection = connection
        with _as_httpx(httpx.ConnectTimeout, request):
            connection.connect()
            self.socket = connection.sock
            connection.sock.settimeout(self._read_timeout_s)
        return connection


class _Body(httpx.SyncByteStream):
    """The body as it comes, in pieces of whatever has arrived."""

    def __init__(self, answer: http.client.HTTPResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx(httpx.ReadTimeout, self._request):
            while piece := self._answer.read1(_READ_BYTES):
                yield piece

    def close(self) -> None:
        """Let go of the answer."""
        self._answer.close()


@contextlib.contextmanager
def _as_httpx(timeout: type[httpx.TimeoutException], request: httpx.Request) -> Iterator[None]:
    """Errors of the standard library as those that users of httpx expect."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error), request=request) from error
    except http.client.HTTPException as error:
        raise httpx.RemoteProtocolError(f"{type(error).__name__}: {error}", request=request) from error
    except (OSError, ValueError) as error:
        failed = httpx.ConnectError if timeout is httpx.ConnectTimeout else httpx.ReadError
        raise failed(str(error), request=request) from error
