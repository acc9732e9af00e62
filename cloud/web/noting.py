"""Notes in the audit whatever a signed-in caller asked to be changed, done or refused.

Handlers whose store notes the deed in the same transaction say so, and are left out while it was done.
"""

import logging
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.store.audit import Audit, Deed
from cloud.store.clock import Clock
from cloud.store.errors import StoreUnavailableError
from cloud.web.guard import caller_of

_log = logging.getLogger(__name__)
_HANDLED: Final = "afferent.noted"
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_REFUSED: Final = 400


class Noting:
    """Stands behind the guard, which knows who calls."""

    def __init__(self, app: ASGIApp, *, audit: Audit, clock: Clock) -> None:
        self._app = app
        self._audit = audit
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note what came of it before the caller hears."""
        if scope["type"] != "http" or scope["method"] in _SAFE:
            await self._app(scope, receive, send)
            return

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(Request(scope), int(message["status"]))
            await send(message)

        await self._app(scope, receive, send_noted)

    async def _note(self, request: Request, status: int) -> None:
        caller = caller_of(request)
        refused = status >= _REFUSED
        if caller is None or (request.scope.get(_HANDLED) and not refused):
            return
        deed = Deed(
            actor=caller.user,
            action=f"{request.method} {request.url.path}",
            target=str(request.path_params.get("device", "")),
            outcome="refused" if refused else "done",
            detail=str(status),
            address=request.client.host if request.client else "",
        )
        try:
            await self._audit.note(deed, self._clock.now_ms())
        except StoreUnavailableError as error:
            _log.warning("the audit is away: %s by %s: %s", deed.action, deed.actor, error)


def leave_to_handler(request: Request) -> None:
    """What this request does is noted where it is done."""
    request.scope[_HANDLED] = True
