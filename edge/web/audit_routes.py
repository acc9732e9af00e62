"""The audit log, for admins: newest first, by pages, with filters."""

from http import HTTPStatus
from typing import Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from edge.core.audit import AuditEntry, AuditFilter, AuditLog
from edge.web.access import Access
from edge.web.account_views import AuditLine, AuditPage
from edge.web.endpoint import Endpoint, Query, answer, integer_of
from edge.web.problem import ProblemError

_BEFORE: Final = Query(name="before", about="Only lines before this place", kind=int)
_LIMIT: Final = Query(name="limit", about="At most so many", kind=int, default=100, least=1, most=500)
_FILTERS: Final = tuple(
    Query(name=name, about=f"Only lines with this in their {name}") for name in ("actor", "action", "target", "outcome")
)
_LONGEST_FILTER: Final = 100


class AuditRoutes:
    """`/v1/audit`."""

    def __init__(self, audit: AuditLog | None) -> None:
        self._audit = audit

    def endpoints(self) -> list[Endpoint]:
        """The one route."""
        return [
            Endpoint(
                path="/v1/audit",
                access=Access.ADMIN,
                summary="Who did what, newest first",
                handler=self.page,
                answer=AuditPage,
                queries=(_BEFORE, _LIMIT, *_FILTERS),
            )
        ]

    async def page(self, request: Request) -> Response:
        """A page of it."""
        limit = integer_of(request, _LIMIT) or 0
        wanted = AuditFilter(
            **{query.name: request.query_params.get(query.name, "")[:_LONGEST_FILTER] for query in _FILTERS}
        )
        found = await self._read(integer_of(request, _BEFORE), limit, wanted)
        lines = [AuditLine(place=place, entry=entry) for place, entry in found]
        return answer(AuditPage(lines=lines, next=lines[-1].place if len(lines) == limit else None))

    async def _read(self, before: int | None, limit: int, wanted: AuditFilter) -> list[tuple[int, AuditEntry]]:
        audit = self._audit
        if audit is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "This appliance keeps no audit log")
        try:
            return await to_thread.run_sync(lambda: audit.newest(before=before, limit=limit, wanted=wanted))
        except OSError as error:
            detail = f"The audit log cannot be read: {error.strerror or error}"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail) from error
