"""Notes in the audit whatever a caller asked to be changed, done or refused.

Handlers whose store notes the deed in the same transaction say so, and are left out while it was done. What is refused,
sign-ins, and whatever those may who change nothing of the fleet, is sampled: nobody pushes others out of the log.
"""

import logging
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.store.audit import Audit, Deed
from cloud.store.clock import Clock
from cloud.store.errors import StoreUnavailableError
from cloud.store.roles import reaches
from cloud.web.guard import caller_of
from cloud.web.sampling import Sampling

_log = logging.getLogger(__name__)
_HANDLED: Final = "afferent.noted"
_STRANGER: Final = "afferent.stranger"
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_REFUSED: Final = 400
_BROKEN: Final = 500


class Noting:
    """Stands behind the guard, which knows who calls."""

    def __init__(self, app: ASGIApp, *, audit: Audit, clock: Clock) -> None:
        self._app = app
        self._audit = audit
        self._clock = clock
        self._sampling = Sampling(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note what came of it before the caller hears."""
        if scope["type"] != "http" or scope["method"] in _SAFE:
            await self._app(scope, receive, send)
            return

        noted = False

        async def send_noted(message: Message) -> None:
            nonlocal noted
            if message["type"] == "http.response.start":
                noted = True
                await self._note(Request(scope), int(message["status"]))
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except Exception:  # a hole in the program: whoever found it is noted, and it goes on to where it is told
            if not noted:
                await self._note(Request(scope), _BROKEN)
            raise

    async def _note(self, request: Request, status: int) -> None:
        refused = status >= _REFUSED
        if request.scope.get(_HANDLED) and not refused:
            return
        deed = _deed_of(request, status)
        if deed is None:
            return
        passed_over = 0 if _is_kept_whole(request, refused=refused) else self._sampling.ask(deed.actor + deed.address)
        if passed_over is None:
            return
        more = f", {passed_over} more not noted" if passed_over else ""
        try:
            await self._audit.note(deed._replace(detail=f"{status}{more}"), self._clock.now_ms())
        except StoreUnavailableError as error:
            _log.warning("the audit is away: %s by %s: %s", deed.action, deed.actor, error)


def leave_to_handler(request: Request) -> None:
    """What this request does is noted where it is done."""
    request.scope[_HANDLED] = True


def note_stranger(request: Request, target: str) -> None:
    """Somebody whom nobody knows tried what is to be noted: a wrong password of the account `target`, or of none."""
    request.scope[_STRANGER] = target


def _deed_of(request: Request, status: int) -> Deed | None:
    caller, target = caller_of(request), request.scope.get(_STRANGER)
    if caller is None and target is None:
        return None
    named = request.path_params.get("device", request.path_params.get("account", ""))
    return Deed(
        actor=caller.user if caller and target is None else "-",
        action=f"{request.method} {request.url.path}",
        target=str(target or named),
        outcome="refused" if status >= _REFUSED else "done",
        address=request.client.host if request.client else "",
    )


def _is_kept_whole(request: Request, *, refused: bool) -> bool:
    caller = caller_of(request)
    is_session = request.url.path == "/v1/session"
    return caller is not None and not refused and not is_session and reaches(caller.role, "operator")
