"""Devices as things to look after: the list, one of them whole, and who asked for what."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud.store.clock import Clock
from cloud.store.queries import CursorError, Page, Queries, Slice
from cloud.store.remote import Remote
from cloud.web.asking import Woken, deed_of, device_of_path, number_of
from cloud.web.desired_routes import state_of
from cloud.web.fleet_shapes import AuditEntry, AuditPage, DeviceReport
from cloud.web.parameters import one_of_words, slice_of
from cloud.web.problems import ProblemError
from cloud.web.replies import reply
from cloud.web.shapes import Device, DevicePage, device_of
from contract.remote import Reported

_STATES: Final = ("online", "offline", "unknown")
_LARGEST: Final = 2**53
_ENTRIES: Final = 1000


def fleet_routes(queries: Queries, remote: Remote, clock: Clock, on_asked: Woken) -> list[Route]:
    """The routes; `on_asked` is called when something is to be sent."""
    handlers = _Handlers(queries, remote, clock, on_asked)
    return [
        Route("/v1/devices", handlers.devices),
        Route("/v1/devices/{device}", handlers.show, methods=["GET"]),
        Route("/v1/devices/{device}", handlers.remove, methods=["DELETE"]),
        Route("/v1/audit", handlers.audit),
    ]


class _Handlers:
    def __init__(self, queries: Queries, remote: Remote, clock: Clock, on_asked: Woken) -> None:
        self._queries = queries
        self._remote = remote
        self._clock = clock
        self._on_asked = on_asked

    async def devices(self, request: Request) -> Response:
        """`GET /v1/devices`: a page, of the devices of one state, of a name, or that need somebody where it says so."""
        wanted = self._wanted(request)
        page = await self._page(wanted)
        found, known = await self._queries.devices_counted(wanted)
        return reply(DevicePage(items=await self._whole(page.items), found=found, known=known, after=page.after))

    def _wanted(self, request: Request) -> Slice:
        query = request.query_params
        wanted = slice_of(query, also={"state", "name", "attention"})
        needs = one_of_words(query, "attention", ("true", "false")) == "true"
        return wanted._replace(
            state=one_of_words(query, "state", _STATES),
            name=query.get("name") or None,
            wanting_ms=self._clock.now_ms() if needs else None,
        )

    async def show(self, request: Request) -> Response:
        """`GET /v1/devices/{device}`: all that is known of one."""
        device = await device_of_path(request, self._remote.fleet)
        rows = (await self._queries.devices(Slice(device=device, limit=1))).items
        reported, telemetry = await self._remote.fleet.said(device)
        found = DeviceReport(
            device=(await self._whole(rows))[0],
            desired=state_of(await self._remote.desired.newest(device)),
            reported=msgspec.convert(reported, Reported) if reported else None,
            telemetry=telemetry,
        )
        return reply(found)

    async def remove(self, request: Request) -> Response:
        """`DELETE /v1/devices/{device}`: off the list. What it delivered stays, and its certificates too."""
        device = await device_of_path(request, self._remote.fleet)
        deed = deed_of(request, "device.remove", device)
        await self._remote.fleet.remove(device, deed, now_ms=self._clock.now_ms())
        self._on_asked()
        return Response(status_code=204)

    async def audit(self, request: Request) -> Response:
        """`GET /v1/audit`: who asked for what, newest first, of one `target` where it says so."""
        limit = number_of(request, "limit", 100, _ENTRIES) or 100
        before = number_of(request, "before", None, _LARGEST)
        target = (request.query_params.get("target") or "").replace("\0", "") or None
        rows = await self._remote.audit.page(limit=limit + 1, before=before, target=target)
        items = [AuditEntry(**row) for row in rows[:limit]]
        return reply(AuditPage(items=items, before=items[-1].id if len(rows) > limit else None))

    async def _page(self, wanted: Slice) -> Page:
        try:
            return await self._queries.devices(wanted)
        except CursorError as error:
            remedy = "give `after` as the page before had it, or leave it out to begin again"
            raise ProblemError(400, f"after: {error}", field="after", remedy=remedy) from error

    async def _whole(self, rows: list[dict[str, Any]]) -> list[Device]:
        known = await self._remote.fleet.about([row["device"] for row in rows])
        return [device_of({**row, **known.get(row["device"], {})}) for row in rows]
