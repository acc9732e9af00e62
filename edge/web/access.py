"""Who may use a route: everybody, a network, a participant, or an account of some role."""

from enum import StrEnum
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from edge.web.callers import Caller, caller_of
from edge.web.deed import begin_deed
from edge.web.problem import ProblemError
from edge.web.roles import AccountRole, reaches


class Access(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    """Everybody."""
    OPEN_NETWORKS = "open-networks"
    """Who signed in, and the networks of `open_networks`: the routes of existing clients, which know no sign-in."""
    OPEN_OR_OWN = "open-or-own"
    """The same and participants, who see and make only what is their own: the routes of S0."""
    OWN = "own"
    """Who signed in, and participants for what is their own."""
    METRICS = "metrics"
    """Who signed in, and the networks of `metrics_networks`."""
    SIGNED_IN = "signed-in"
    """Who signed in to an account: everybody to see, operators to change something."""
    ACCOUNT = "account"
    """Whoever signed in to an account, for what concerns themselves."""
    ADMIN = "admin"
    """Who may say who may do what."""


_FOR_PARTICIPANTS: Final = {Access.PUBLIC, Access.OPEN_OR_OWN, Access.OWN}


def least_role(access: Access, *, changes: bool) -> AccountRole:
    """What an account must be for a route of this access that changes something or not."""
    if access is Access.ADMIN:
        return "admin"
    return "operator" if changes and access not in {Access.PUBLIC, Access.ACCOUNT} else "viewer"


def allows(access: Access, caller: Caller, *, changes: bool = False) -> bool:
    """Whether this caller may use a route of this access, to see or to change something.

    Who is neither a participant nor signed in to an account is judged by the network alone.
    """
    if access is Access.PUBLIC:
        return True
    if caller.participant is not None:
        return access in _FOR_PARTICIPANTS
    if caller.user is not None:
        return reaches(caller.rank, least_role(access, changes=changes))
    return _by_network(access, caller)


def _by_network(access: Access, caller: Caller) -> bool:
    match access:
        case Access.OPEN_NETWORKS:
            return caller.open
        case Access.OPEN_OR_OWN:
            return caller.open and not caller.vain
        case Access.METRICS:
            return caller.scraper
        case _:
            return False


class Guarded:
    """An ASGI application behind an access check. `changes` says whether it changes something, and `action` how the
    audit log calls that, if at all."""

    def __init__(self, app: ASGIApp, access: Access, *, changes: bool = False, action: str = "") -> None:
        self._app = app
        self._access = access
        self._changes = changes
        self._action = action

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the caller through, or answer 401, and 403 to a participant and to an account that may do less."""
        caller = caller_of(scope)
        begin_deed(scope, self._action)
        if not allows(self._access, caller, changes=self._changes):
            raise _refusal_of(caller, least_role(self._access, changes=self._changes))
        await self._app(scope, receive, send)


def _refusal_of(caller: Caller, least: AccountRole) -> ProblemError:
    if caller.participant is not None:
        return ProblemError(
            HTTPStatus.FORBIDDEN, "A participant may not do this", remedy="ask whoever runs the session"
        )
    if caller.user is not None:
        detail = f"This needs the role {least}, and {caller.user} is {caller.rank}"
        return ProblemError(HTTPStatus.FORBIDDEN, detail, remedy="ask an admin of this appliance")
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "Sign in first",
        remedy="POST /v1/session with the password, then send its cookie, or its token as Bearer",
        headers={"WWW-Authenticate": 'Bearer realm="afferent"'},
    )
