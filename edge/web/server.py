"""uvicorn as one of the daemon's services: it never ends the daemon, and it ends with it."""

import asyncio
import random
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvicorn
from anyio import to_thread
from starlette.types import ASGIApp

from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.web.denial import QuietProtocol
from edge.web.listening import GuestServer, listen
from edge.web.live_tls import live_tls
from edge.web.patience import PatientProtocol
from edge.web.redirect import Redirector
from edge.web.settings import WebSettings
from edge.web.tls import CertificateError

PART: Final = "web"
_BEAT_EVERY_S: Final = 5
_LONGEST_WAIT_S: Final = 8.0
_LARGEST_MESSAGE: Final = 64 * 1024
"""Bytes of a WebSocket message that a client may send: none of ours has anything to say."""
_OTHERS: Final = 128
"""Connections beside live pictures and event streams; beyond them uvicorn answers 503, so that memory is bounded."""


class WebServer:
    """Serves `app` until cancelled. A port in use or a bad certificate is reported as health `web` and tried again.

    Open-ended responses (live pictures, event streams) end themselves once `closing` is set, and then the server stops,
    so that it does so while recordings are closed; cancelling it sets `closing` too. A certificate of our own is kept
    in the folder `certificates`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: WebSettings,
        health: Health,
        clock: Clock,
        rng: random.Random,
        closing: asyncio.Event,
        certificates: Path | None = None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._health = health
        self._clock = clock
        self._closing = closing
        self._backoff = Backoff(rng, limit_s=_LONGEST_WAIT_S)
        self._pulse = Pulse(clock)
        self._tls = live_tls(settings, certificates, clock)
        self._redirector = Redirector(settings, clock=clock, rng=rng) if self._tls and settings.redirect_port else None

    @property
    def name(self) -> str:
        """`web`."""
        return PART

    @property
    def pulse(self) -> Pulse:
        """Beats while the server's own loop turns, and between tries."""
        return self._pulse

    def leave(self) -> None:
        """Stop serving for good, within `shutdown_wait_s`; `run` still waits to be cancelled."""
        self._closing.set()

    async def run(self) -> None:
        """Serve until cancelled; then end the open responses within `shutdown_wait_s`."""
        self._health.set(PART, State.STARTING)
        async with AsyncExitStack() as stack:
            stack.callback(self._health.set, PART, State.STOPPED)
            if self._redirector:
                redirecting = asyncio.create_task(self._redirector.run(), name="web.redirect")
                stack.push_async_callback(asyncio.wait, {redirecting})
                stack.callback(redirecting.cancel)
            while True:
                await self._serve_or_report()
                self._pulse.beat()
                if self._closing.is_set():
                    await asyncio.Event().wait()  # until it is cancelled
                await self._clock.sleep(self._backoff.next())
                self._pulse.beat()

    async def _serve_or_report(self) -> None:
        settings = self._settings
        try:
            server = GuestServer(self._config())
            listener = listen(settings)
        except (OSError, UnicodeError) as error:  # the latter for a host that no resolver takes
            where = f"port {settings.port} of {settings.host}"
            self._health.set(PART, State.FAILED, f"cannot listen on {where}: {getattr(error, 'strerror', '') or error}")
        except CertificateError as error:
            self._health.set(PART, State.FAILED, str(error))
        else:
            self._backoff.reset()
            await self._serve(server, listener)

    async def _serve(self, server: GuestServer, listener: socket.socket) -> None:
        await self._tell_health()
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn")
        leaving = asyncio.create_task(self._leave(server), name="uvicorn.leaving")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self._closing.set()
            server.should_exit = True
            await serving
            raise
        finally:
            leaving.cancel()
            await asyncio.wait({leaving})
            listener.close()

    async def _leave(self, server: GuestServer) -> None:
        await self._closing.wait()
        server.should_exit = True

    async def _tell_health(self) -> None:
        self._pulse.beat()
        warning = await self._tls_warning()
        self._health.set(PART, State.DEGRADED if warning else State.OK, warning)

    async def _tls_warning(self) -> str:
        if self._tls is None:
            return ""
        await to_thread.run_sync(self._tls.refresh)
        return self._tls.warning() or (self._redirector.problem if self._redirector else "")

    def _config(self) -> uvicorn.Config:
        settings = self._settings
        config = uvicorn.Config(
            self._app,
            loop="none",
            http=PatientProtocol,
            ws=QuietProtocol,
            ws_max_size=_LARGEST_MESSAGE,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=settings.max_viewers + settings.max_event_streams + _OTHERS,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=settings.shutdown_wait_s,
            callback_notify=self._tell_health,
            timeout_notify=_BEAT_EVERY_S,
        )
        config.load()
        if self._tls:
            config.ssl = self._tls.context()
        return config
