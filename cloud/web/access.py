"""Who may use a route: each is wrapped by what the table of the API says of it, and one without a word is refused."""

from collections.abc import Iterable
from typing import Final

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud.store.roles import reaches
from cloud.store.sign_ins import Caller
from cloud.web.api import ACCESS, PAGES, Operation
from cloud.web.guard import caller_in
from cloud.web.problems import ProblemError

_SIGN_IN: Final = "sign in at / or send 'Authorization: Bearer TOKEN' with a token of `afferent cloud token add`"


class UnknownRouteError(LookupError):
    """A route of which the table does not say who may use it."""


def guarded(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The routes, each letting through whom the table names. Raise `UnknownRouteError`."""
    found = list(routes)
    for route in found:
        if isinstance(route, Route) and route.path not in PAGES:
            route.app = _Guarded(route.app, _operations_of(route))
        elif not isinstance(route, Route | Mount) or route.path not in PAGES:
            raise UnknownRouteError(f"nothing says who may use {route!r}")
    return found


def check_access(operation: Operation, caller: Caller | None) -> None:
    """Return if this caller may; raise `ProblemError` 401, or 403 that names the role that it takes."""
    if operation.access == "public":
        return
    if caller is None:
        raise sign_in_needed()
    if not reaches(caller.role, operation.access):
        detail = f"this needs the role {operation.access}, and {caller.user} is {caller.role}"
        raise ProblemError(403, detail, remedy="ask an admin of this cloud", needs=operation.access)
    if operation.in_person and caller.kind != "session":
        raise ProblemError(403, "only a signed-in person may do this", remedy="sign in with a password")


def sign_in_needed() -> ProblemError:
    """What a stranger is told."""
    return ProblemError(401, "this needs a sign-in", remedy=_SIGN_IN, headers={"www-authenticate": "Bearer"})


def _operations_of(route: Route) -> dict[str, Operation]:
    try:
        found = {method: ACCESS[method, route.path] for method in (route.methods or set()) - {"HEAD"}}
    except KeyError as error:
        raise UnknownRouteError(f"nothing says who may use {error.args[0]}") from error
    return found | ({"HEAD": found["GET"]} if "GET" in found else {})


class _Guarded:
    def __init__(self, app: ASGIApp, operations: dict[str, Operation]) -> None:
        self._app = app
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_access(self._operations[scope["method"]], caller_in(scope))
        await self._app(scope, receive, send)
