"""Uploads: seen, held back, gone on with and tried again."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.web.access import Access
from edge.web.endpoint import Endpoint, Handler, Query, answer, integer_of, owner_get
from edge.web.port_problems import checked_id, reading, told
from edge.web.problem import ProblemError
from edge.web.upload_port import UploadPort, UploadsView

_ALL: Final = "/v1/uploads"
_ONE: Final = f"{_ALL}/{{upload_id}}"
_Work = Callable[[UploadPort, str | None], Awaitable[None]]
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many", default=100, least=1, most=500)


class UploadRoutes:
    """`/v1/uploads`. Without a port nothing is uploaded from this appliance."""

    def __init__(self, port: UploadPort | None) -> None:
        self._uploads = port

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            owner_get(
                _ALL, "Files on their way to object storage, failed ones first", self.listing, UploadsView, (_LIMIT,)
            ),
            _post(
                f"{_ALL}/pause",
                "Hold all uploads back, also those to come",
                self._doing(lambda port, one: port.pause(one)),
            ),
            _post(
                f"{_ALL}/resume",
                "Go on with all but those that are held back by themselves",
                self._doing(lambda port, one: port.resume(one)),
            ),
            _post(f"{_ALL}/retry", "Try all that failed again", self._doing(lambda port, one: port.retry(one))),
            _post(f"{_ONE}/pause", "Hold one upload back", self._doing(lambda port, one: port.pause(one))),
            _post(f"{_ONE}/resume", "Go on with it", self._doing(lambda port, one: port.resume(one))),
            _post(
                f"{_ONE}/retry", "Try one that failed again, at once", self._doing(lambda port, one: port.retry(one))
            ),
        ]

    async def listing(self, request: Request) -> Response:
        """What waits, in the order of its turn, and what arrived of late."""
        limit = integer_of(request, _LIMIT) or 0
        with reading():
            return _shown(await self._port.uploads(limit))

    def _doing(self, work: _Work) -> Handler:
        async def handler(request: Request) -> Response:
            raw = request.path_params.get("upload_id")
            upload_id = checked_id(raw, "upload_id") if raw is not None else None
            with told("upload_id" if raw is not None else None):
                await work(self._port, upload_id)
            return Response(status_code=HTTPStatus.NO_CONTENT)

        return handler

    @property
    def _port(self) -> UploadPort:
        if self._uploads is None:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Nothing is uploaded from this appliance",
                remedy="add an [objects] section to the configuration and restart",
            )
        return self._uploads


def _shown(uploads: object) -> Response:
    return answer(msgspec.convert(uploads, UploadsView))


def _post(path: str, summary: str, handler: Handler) -> Endpoint:
    return Endpoint(
        path=path,
        access=Access.SIGNED_IN,
        summary=summary,
        method="POST",
        handler=handler,
        status=HTTPStatus.NO_CONTENT,
    )
