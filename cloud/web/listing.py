"""The lists: gaps, predictions, events, recordings and the ledger, page by page."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from cloud.registry.catalogue import Catalogue
from cloud.store.queries import CursorError, Page, Queries, Slice
from cloud.web.guard import person_of
from cloud.web.parameters import slice_of
from cloud.web.problems import WHICH_DEVICES, ProblemError
from cloud.web.replies import reply
from cloud.web.shapes import (
    EventPage,
    FilePage,
    GapPage,
    LedgerPage,
    PredictionPage,
    RecordingPage,
    event_of,
    file_of,
    gap_of,
    ledger_entry_of,
    model_list_of,
    prediction_of,
    recording_of,
)
from contract.errors import InvalidIdError
from contract.ids import check_id

_OF_SESSIONS: Final = {"predictions", "recordings", "files"}


class Listing:
    """The handlers of the lists."""

    def __init__(self, queries: Queries, catalogue: Catalogue) -> None:
        self._queries = queries
        self._catalogue = catalogue

    async def gaps(self, request: Request) -> Response:
        """`GET /v1/devices/{device}/gaps`."""
        device = request.path_params["device"]
        try:
            check_id(device, "device")
        except InvalidIdError as error:
            raise ProblemError(404, str(error), field="device", remedy=WHICH_DEVICES) from error
        known = await self._queries.devices(Slice(device=device, limit=1))
        if not known.items:
            raise ProblemError(404, f"device {device!r} never spoke", field="device", remedy=WHICH_DEVICES)
        page = await _page(self._queries.gaps(device, slice_of(request.query_params)))
        return reply(GapPage(items=[gap_of(row) for row in page.items], after=page.after))

    async def predictions(self, request: Request) -> Response:
        """`GET /v1/predictions`."""
        return await self._list(request, "predictions", PredictionPage, prediction_of)

    async def events(self, request: Request) -> Response:
        """`GET /v1/events`."""
        return await self._list(request, "events", EventPage, event_of)

    async def recordings(self, request: Request) -> Response:
        """`GET /v1/recordings`."""
        return await self._list(request, "recordings", RecordingPage, recording_of)

    async def files(self, request: Request) -> Response:
        """`GET /v1/files`."""
        return await self._list(request, "files", FilePage, file_of)

    async def ledger(self, request: Request) -> Response:
        """`GET /v1/ledger`."""
        return await self._list(request, "ledger", LedgerPage, ledger_entry_of)

    async def models(self, _request: Request) -> Response:
        """`GET /v1/models`."""
        return reply(model_list_of(await asyncio.to_thread(self._catalogue.entries)))

    async def _list(
        self, request: Request, table: str, kind: Callable[..., Any], shape: Callable[[dict[str, Any]], Any]
    ) -> Response:
        wanted = slice_of(request.query_params, also={"session"} if table in _OF_SESSIONS else ())
        page = await _page(self._queries.page(table, wanted._replace(person=person_of(request))))
        return reply(kind(items=[shape(row) for row in page.items], after=page.after))


async def _page(asked: Any) -> Page:
    try:
        page: Page = await asked
    except CursorError as error:
        remedy = "give `after` as the page before had it, or leave it out to begin again"
        raise ProblemError(400, f"after: {error}", field="after", remedy=remedy) from error
    return page
