"""httpx with a bound on each request that no dripping answer gets around."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore
import httpx

from edge.core.pace import UNSENT, Pace

_WRITE_BYTES: Final = 16_384


class PacedClient(httpx.Client):
    """httpx's own client, also by way of the environment's proxies; each request keeps `pace`."""

    def __init__(self, pace: Pace, **how: Any) -> None:
        self._pace = pace
        super().__init__(**how)

    def _init_transport(self, *_none: Any, transport: Any = None, **how: Any) -> httpx.BaseTransport:
        return transport or PacedTransport(self._pace, **how)

    def _init_proxy_transport(self, *proxy: Any, **how: Any) -> httpx.BaseTransport:
        return PacedTransport(self._pace, proxy=proxy[0], **how)


class PacedTransport(httpx.HTTPTransport):
    """httpx's own, over connections that keep a pace."""

    def __init__(self, pace: Pace, **how: Any) -> None:
        super().__init__(**how, socket_options=[UNSENT])
        self._pace = pace
        self._pool._network_backend = _Backend(pace)  # noqa: SLF001 - httpx takes none

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request, whose time begins now."""
        self._pace.begin()
        return super().handle_request(request)


class _Backend(httpcore.SyncBackend):
    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection that keeps the pace."""
        stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._pace)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, pace: Pace) -> None:
        self._stream = stream
        self._pace = pace

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _as_httpcore():
            with self._pace.waiting() as left_s:
                data = self._stream.read(max_bytes, _least(timeout, left_s))
            self._pace.received(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            piece = buffer[start : start + _WRITE_BYTES]
            with _as_httpcore(), self._pace.waiting() as left_s:
                self._stream.write(piece, _least(timeout, left_s))
            self._pace.sent(len(piece))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._pace)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextmanager
def _as_httpcore() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise httpcore.NetworkError(str(error)) from error


def _least(timeout: float | None, left_s: float) -> float:
    return left_s if timeout is None else min(timeout, left_s)
