"""What went wrong with a request, in the form of RFC 9457, with the field it is about and what to do."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document: `type` names the kind, `field` the parameter, `remedy` what would help."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    remedy: str | None = None
    error: str | None = None
    """The same as `detail`, for the existing clients that look for it here (S1.3)."""
    version: int | None = None
    """Of what was to be changed: the version that is there now, where the change was made to another one."""


class ProblemError(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        field: str | None = None,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
        version: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(
            title=status.phrase,
            status=status.value,
            detail=detail,
            field=field,
            remedy=remedy,
            error=detail,
            version=version,
        )
        self.headers = headers


def problem_response(error: ProblemError) -> Response:
    """The response that says it."""
    return Response(
        msgspec.json.encode(error.problem),
        status_code=error.problem.status,
        headers={"Cache-Control": "no-store", **(error.headers or {})},
        media_type="application/problem+json",
    )


async def on_problem(_request: Request, error: Exception) -> Response:
    """Starlette's hook for `ProblemError`."""
    if not isinstance(error, ProblemError):
        raise error
    return problem_response(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Starlette's hook for what its router raises: unknown path, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return problem_response(_not_taken(request))
    status = HTTPStatus(error.status_code)
    remedy = "see /openapi.json for every route" if status == HTTPStatus.NOT_FOUND else None
    return problem_response(ProblemError(status, error.detail, remedy=remedy, headers=error.headers))


async def on_bug(_request: Request, _error: Exception) -> Response:
    """Starlette's hook for anything unexpected: the trace goes to the log, never to the client (S0.15)."""
    return problem_response(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error"))


def _not_taken(request: Request) -> ProblemError:
    """Starlette names the methods of the first route of a path alone."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    here = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = ", ".join(sorted({method for route in here for method in route.methods or ()}))
    detail = f"{request.method:.20} is not taken here"
    return ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, detail, remedy=f"use {methods}", headers={"Allow": methods})
