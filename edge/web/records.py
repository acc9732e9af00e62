"""The durable records of the device, page by page."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, get_args

from starlette.requests import Request
from starlette.responses import Response

from contract.messages import AnyBody, Record
from edge.core.errors import StoreError
from edge.web.deps import History
from edge.web.endpoint import Endpoint, Handler, Query, answer, integer_of, owner_get
from edge.web.problem import ProblemError
from edge.web.views import RecordPage, RecordView

_AFTER: Final = Query(name="after", kind=int, about="Only rows larger than this, oldest first")
_BEFORE: Final = Query(name="before", kind=int, about="Only rows smaller than this, newest first")
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many", default=100, least=1, most=1000)
_PAGING: Final = (_AFTER, _BEFORE, _LIMIT)
_KINDS: Final = tuple(str(body.__struct_config__.tag) for body in get_args(AnyBody))
_KIND: Final = Query(name="kind", about=f"Only records of this kind: {', '.join(_KINDS)}")
_NAMES: Final = (("predictions", "prediction"), ("recordings", "recording"))


class RecordRoutes:
    """`/v1/records`, and the two kinds that people ask for by a path of their own. Events have routes of their own."""

    def __init__(self, history: History) -> None:
        self._history = history

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            owner_get("/v1/records", "Durable records of any kind", self._reader(None), RecordPage, (_KIND, *_PAGING)),
            *(
                owner_get(f"/v1/{name}", f"Durable records: {name}", self._reader(kind), RecordPage, _PAGING)
                for name, kind in _NAMES
            ),
        ]

    async def newest(self, kind: str, limit: int) -> list[RecordView]:
        """The newest records of a kind; none while the store cannot be read, which its health says."""
        try:
            return views_of(await self._history.history(kind, limit=limit))
        except StoreError:
            return []

    async def newest_row(self) -> int:
        """The newest row; 0 while the store cannot be read."""
        try:
            return await self._history.newest_row()
        except StoreError:
            return 0

    def _reader(self, only: str | None) -> Handler:
        async def read(request: Request) -> Response:
            kind = only or _kind_of(request)
            after, before = integer_of(request, _AFTER), integer_of(request, _BEFORE)
            limit = integer_of(request, _LIMIT) or 0
            if after is not None and before is not None:
                raise ProblemError(HTTPStatus.BAD_REQUEST, "Give after or before, not both", field="before")
            try:
                rows = await self._history.history(kind, after=after, before=before, limit=limit)
            except StoreError as error:
                raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
            return answer(RecordPage(records=views_of(rows), next=rows[-1][0] if len(rows) == limit else None))

        return read


def views_of(rows: Sequence[tuple[int, Record]]) -> list[RecordView]:
    """Rows of the history as they are shown."""
    return [RecordView(row=row, record=record) for row, record in rows]


def _kind_of(request: Request) -> str | None:
    kind = request.query_params.get("kind") or None
    if kind is not None and kind not in _KINDS:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"{kind!r:.40} is no kind of record",
            field="kind",
            remedy=f"use {', '.join(_KINDS)}",
        )
    return kind
