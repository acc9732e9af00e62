"""uvicorn inside our own task group: no signal handlers of its own, a port in use is waited for, an end in time."""

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from cloud.store.clock import Backoff, Clock
from cloud.web.patience import PatientProtocol
from cloud.web.settings import WebSettings

_log = logging.getLogger(__name__)


class WebServer:
    """Serves `app` until cancelled; `on_listening(url)` is called each time it begins to listen."""

    def __init__(
        self,
        app: ASGIApp,
        settings: WebSettings,
        *,
        clock: Clock,
        rng: random.Random,
        on_listening: Callable[[str], None],
    ) -> None:
        self._app = app
        self._settings = settings
        self._clock = clock
        self._backoff = Backoff(rng, first_s=0.5)
        self._on_listening = on_listening
        self._told = ""

    async def run(self) -> None:
        """Serve until cancelled; then give open requests `shutdown_wait_s` to end."""
        while True:
            try:
                server, listener = _Server(self._config()), self._listen()
            except OSError as error:  # ssl.SSLError is one too
                self._tell(f"cannot serve on {self._settings.host}:{self._settings.port}: {error}")
                await self._clock.sleep(self._backoff.next())
            else:
                await self._serve(server, listener)

    async def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        scheme = "https" if self._settings.tls_certificate else "http"
        host = self._settings.host
        shown = f"[{host}]" if ":" in host else host
        self._on_listening(f"{scheme}://{shown}:{listener.getsockname()[1]}/")
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise
        finally:
            listener.close()

    def _listen(self) -> socket.socket:
        settings = self._settings
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)

    def _config(self) -> uvicorn.Config:
        settings = self._settings
        config = uvicorn.Config(
            self._app,
            loop="none",
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=settings.shutdown_wait_s,
            limit_concurrency=500,
        )
        config.load()
        if settings.tls_certificate:
            config.ssl = _tls(settings)
        return config

    def _tell(self, words: str) -> None:
        if words != self._told:
            _log.error("%s", words)
        self._told = words


def _tls(settings: WebSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
    return context


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the process's own main."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
