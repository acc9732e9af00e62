"""Every request that changes something goes into the audit log, with how it ended, before its client hears of that.

What is refused, and what those without an account fail at, is noted too, but sampled, and so is what one participant
does: whoever knocks all day fills neither the disk nor the pages of the log.
"""

from http import HTTPStatus
from typing import Final

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.core.audit import AuditLog
from edge.core.clock import Clock
from edge.web.callers import Caller, caller_of
from edge.web.deed import Deed, open_deed

_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_PERSONAL: Final = {"participant", "session_id"}
"""What of a path tells of a participant: noted by an alias."""
_REFUSED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_WINDOW_S: Final = 3600.0
_OF_ONE: Final = 10
_OF_ALL: Final = 60
_OF_PARTICIPANT: Final = 200
_OF_PARTICIPANTS: Final = 1000


class AuditTrail:
    """Middleware: notes what requests do."""

    def __init__(self, app: ASGIApp, *, audit: AuditLog, clock: Clock) -> None:
        self._app = app
        self._audit = audit
        self._sampling = Sampling(clock)
        self._taking_part = Sampling(clock, of_one=_OF_PARTICIPANT, of_all=_OF_PARTICIPANTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; note what was done when its answer begins, or that there was none."""
        if scope["type"] != "http" or scope["method"] in _SAFE:
            await self._app(scope, receive, send)
            return
        deed, noted = open_deed(scope), False

        async def outward(message: Message) -> None:
            nonlocal noted
            if message["type"] == "http.response.start" and not noted:
                noted = True
                await self._note(scope, deed, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, outward)
        finally:
            if not noted:
                await self._note(scope, deed, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _note(self, scope: Scope, deed: Deed, status: int) -> None:
        if not deed.action:
            return
        caller, outcome = caller_of(scope), outcome_of(status)
        passed_over = self._passed_over(caller, outcome)
        if passed_over is None:
            return
        outcome += f", {passed_over} more not noted" if passed_over else ""
        await to_thread.run_sync(self._write, dict(scope.get("path_params", {})), deed, caller, outcome)

    def _passed_over(self, caller: Caller, outcome: str) -> int | None:
        """How many like this one were passed over before it; None to pass it over too."""
        if caller.participant is not None:
            return self._taking_part.ask(caller.participant)
        if outcome == "done" or (caller.user is not None and outcome.startswith("failed")):
            return 0
        return self._sampling.ask(caller.address)

    def _write(self, params: dict[str, str], deed: Deed, caller: Caller, outcome: str) -> None:
        actor = deed.actor or caller.user or "-"
        if caller.participant is not None:
            actor = f"participant:{self._audit.alias(caller.participant)}"
        self._audit.note(actor, caller.address, deed.action, deed.target or self._target(params), outcome)

    def _target(self, params: dict[str, str]) -> str:
        named = ((name, self._audit.alias(said) if name in _PERSONAL else said) for name, said in params.items())
        return " ".join(f"{name}={said}" for name, said in named)


class Sampling:
    """How many are noted: so many of one, and of all, within an hour. So its table is bounded."""

    def __init__(self, clock: Clock, *, of_one: int = _OF_ONE, of_all: int = _OF_ALL) -> None:
        self._clock = clock
        self._of_one = of_one
        self._of_all = of_all
        self._began_s = -_WINDOW_S
        self._of: dict[str, int] = {}
        self._all = 0
        self._passed_over = 0

    def ask(self, who: str) -> int | None:
        """How many were passed over before this one, which is to be noted; None to pass it over too."""
        now_s = self._clock.mono_ns() / 1e9
        if now_s - self._began_s >= _WINDOW_S:
            self._began_s, self._all = now_s, 0
            self._of.clear()
        count = self._of.get(who, 0)
        if count >= self._of_one or self._all >= self._of_all:
            self._passed_over += 1
            return None
        self._of[who] = count + 1
        self._all += 1
        passed_over, self._passed_over = self._passed_over, 0
        return passed_over


def outcome_of(status: int) -> str:
    """How a request ended, in the words of the log."""
    if status < HTTPStatus.BAD_REQUEST:
        return "done"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "limited"
    return f"{'refused' if status in _REFUSED else 'failed'}: {status}"
