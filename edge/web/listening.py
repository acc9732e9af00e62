"""Sockets that listen, and uvicorn on them: it never ends the daemon, and it ends with what runs it."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import uvicorn

from edge.web.settings import WebSettings

_HANDSHAKE_WITHIN_S: Final = 10.0
_GOODBYE_WITHIN_S: Final = 1.0


def listen(settings: WebSettings, port: int | None = None) -> socket.socket:
    """A listening TCP socket whose connections hold little in the kernel and end when nobody takes it.

    On `port`, where another than that of the settings is meant. Raise `OSError` if the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Only with the protocol named does asyncio switch Nagle's delay off: 40 ms an answer otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit what follows. The kernel doubles the size, to count its own overhead in.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer_kib * 512)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.drop_stalled_after_s * 1000)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, settings.drop_stalled_after_s)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((settings.host, settings.port if port is None else port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


class GuestServer(uvicorn.Server):
    """uvicorn without its signal handlers, for signals are the daemon's, and with less patience for handshakes."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. uvicorn cannot be told how long a handshake may take, and asyncio would wait a minute for each."""
        if self.config.ssl is None:
            await super().startup(sockets)
            return
        await super().startup([])
        protocol: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        make = partial(
            protocol,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                make,
                sock=listener,
                ssl=self.config.ssl,
                ssl_handshake_timeout=_HANDSHAKE_WITHIN_S,
                ssl_shutdown_timeout=_GOODBYE_WITHIN_S,
                backlog=self.config.backlog,
            )
            for listener in sockets or []
        ]
