"""urllib with a bound on each request that no dripping answer gets around. It needs nothing beside Python."""

import http.client
import ssl
import urllib.request
from typing import IO, Any

from edge.core.pace import Pace
from edge.core.paced_socket import PacedSocket, paced


def paced_opener(pace: Pace) -> urllib.request.OpenerDirector:
    """Of http and https alone, also after a redirect, and by way of the environment's proxies.

    `open` raises `urllib.error.HTTPError` for what is no success, `OSError`, `http.client.HTTPException` or
    `ValueError`; where an answer is too slow or without end, `pace.fault` says so.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(pace),
        _Https(pace),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirect(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _connection(pace: Pace) -> type[http.client.HTTPConnection]:
    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = PacedSocket(self.sock, pace)

    return Connection


def _tls_connection(pace: Pace) -> type[http.client.HTTPSConnection]:
    class Connection(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = PacedSocket(self.sock, pace)

        def _tunnel(self) -> None:
            with paced(self, pace):
                super()._tunnel()  # type: ignore[misc]  # what http.client asks of a proxy

    return Connection


class _Http(urllib.request.HTTPHandler):
    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        self._pace.begin()
        return self.do_open(_connection(self._pace), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        self._pace.begin()
        return self.do_open(_tls_connection(self._pace), req, context=ssl.create_default_context())


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Leaves the words beside an address unread: they would be held in memory, however many."""

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], *told: Any) -> urllib.request.Request | None:
        following = super().redirect_request(req, fp, *told)
        fp.close()
        return following
