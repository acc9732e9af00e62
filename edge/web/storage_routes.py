"""How full the disk is, how long that lasts, and what gave way."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edge.core.storage_view import StorageView
from edge.web.endpoint import Endpoint, answer, owner_get
from edge.web.problem import ProblemError
from edge.web.storage_port import StoragePort

_PATH: Final = "/v1/storage"


class StorageRoutes:
    """`/v1/storage`. `storage` is None where nothing is kept."""

    def __init__(self, storage: StoragePort | None) -> None:
        self._storage = storage

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [owner_get(_PATH, "How full the disk is, how long it lasts, and what gave way", self.view, StorageView)]

    async def view(self, _request: Request) -> Response:
        """The disk now."""
        if self._storage is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "This appliance keeps nothing on a disk")
        return answer(self._storage.view())
