"""Plain HTTP beside HTTPS: whoever types the name alone is sent to where it is private."""

import asyncio
import random
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.web.gate import is_known_host, known_hosts
from edge.web.listening import GuestServer, listen
from edge.web.patience import PatientProtocol
from edge.web.problem import ProblemError, problem_response
from edge.web.settings import WebSettings

_MOST: Final = 32
_USUAL_PORT: Final = 443
_LONGEST_WAIT_S: Final = 60.0


class Redirector:
    """Listens on `web.redirect_port` until cancelled. `problem` says why it does not, if so."""

    def __init__(self, settings: WebSettings, *, clock: Clock, rng: random.Random) -> None:
        self._settings = settings
        self._clock = clock
        self._backoff = Backoff(rng, limit_s=_LONGEST_WAIT_S)
        self.problem = ""

    async def run(self) -> None:
        """Send everybody on; where the port cannot be had, try again for ever."""
        port = self._settings.redirect_port
        while True:
            try:
                listener = listen(self._settings, port)
            except OSError as error:
                self.problem = f"nothing redirects to HTTPS: port {port} cannot be had: {error.strerror or error}"
                await self._clock.sleep(self._backoff.next())
                continue
            self.problem = ""
            self._backoff.reset()
            server = GuestServer(self._config())
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn.redirect")
            try:
                await asyncio.shield(serving)
            finally:
                server.should_exit = True
                await serving
                listener.close()

    def _config(self) -> uvicorn.Config:
        config = uvicorn.Config(
            Redirect(known_hosts(self._settings), self._settings.port),
            loop="none",
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST,
            timeout_graceful_shutdown=1,
        )
        config.load()
        return config


class Redirect:
    """An application that sends those who look to HTTPS, and refuses what would change something: it was readable."""

    def __init__(self, hosts: set[str], port: int) -> None:
        self._hosts = hosts
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] == "http":
            await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        host = Headers(scope=scope).get("host", "")
        if not is_known_host(host, self._hosts):
            return problem_response(ProblemError(HTTPStatus.MISDIRECTED_REQUEST, "This appliance is not that host"))
        if scope["method"] not in {"GET", "HEAD"}:
            return problem_response(ProblemError(HTTPStatus.FORBIDDEN, "This appliance is spoken to by HTTPS alone"))
        return RedirectResponse(self._target(scope, host), HTTPStatus.TEMPORARY_REDIRECT)

    def _target(self, scope: Scope, host: str) -> str:
        name = urlsplit(f"//{host}").hostname or "localhost"
        shown = f"[{name}]" if ":" in name else name
        port = "" if self._port == _USUAL_PORT else f":{self._port}"
        raw = scope.get("raw_path", b"/").decode("latin-1")
        path = raw if raw.startswith("/") else "/"  # a proxy's request names a whole address there
        query = scope.get("query_string", b"").decode("latin-1")
        return f"https://{shown}{port}{path}{'?' if query else ''}{query}"
