"""The recordings that lie on the device: to list, to play while they still grow, and to look through."""

import re
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.web.access import Access
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, Handler, Query, answer, integer_of, owner_get
from edge.web.growing_file import GrowingFile
from edge.web.problem import ProblemError
from edge.web.recording_port import RecordingPage, RecordingPort, RecordingView, Timelapses

_RECORDING: Final = "/v1/clips/{recording_id}"
_CAMERA: Final = Query(name="camera", about="Only of this camera")
_BEFORE: Final = Query(name="before", kind=int, about="Only recordings whose order is smaller than this")
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many", default=50, least=1, most=200)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?![\s\S])")
_MAY_CHANGE: Final = {"Cache-Control": "private, no-cache"}
_T = TypeVar("_T")


class RecordingRoutes:
    """`/v1/clips` and `/v1/timelapses`."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        queries = (_CAMERA, _BEFORE, _LIMIT)
        return [
            owner_get("/v1/clips", "Recordings on the device, newest first", self.everything, RecordingPage, queries),
            owner_get(_RECORDING, "One recording", self.one, RecordingView),
            _file(
                f"{_RECORDING}/video.mp4",
                "Its video; ranges are served, and it may still grow",
                self.video,
                "video/mp4",
            ),
            _file(f"{_RECORDING}/sheet.jpg", "Small pictures of it, side by side", self.sheet, "image/jpeg"),
            _file(f"{_RECORDING}/sheet.vtt", "Which small picture is for when, as WebVTT", self.sheet_vtt, "text/vtt"),
            _file(f"{_RECORDING}/thumbnail.jpg", "The first small picture", self.thumbnail, "image/jpeg"),
            owner_get("/v1/timelapses", "A video of each day and camera, newest first", self.timelapses, Timelapses),
            _file("/v1/timelapses/{camera}/{date}.mp4", "One of them; ranges are served", self.timelapse, "video/mp4"),
        ]

    async def everything(self, request: Request) -> Response:
        """A page of them."""
        port, camera = self._port, request.query_params.get("camera") or None
        before, limit = integer_of(request, _BEFORE), integer_of(request, _LIMIT) or 0
        return answer(await to_thread.run_sync(lambda: port.page(camera=camera, before=before, limit=limit)))

    async def one(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._found(request, self._port.one, "recording"))

    async def video(self, request: Request) -> Response:
        """Its file as far as it is written."""
        port, recording_id = self._port, _id_of(request, "recording_id")
        file = await to_thread.run_sync(_opened, lambda: port.video(recording_id))
        if file is None:
            raise _absent(recording_id, "video")
        return GrowingFile(file, media_type="video/mp4", headers=_MAY_CHANGE)

    async def sheet(self, request: Request) -> Response:
        """Its small pictures."""
        return Response(
            await self._found(request, self._port.sheet, "sheet"), media_type="image/jpeg", headers=_MAY_CHANGE
        )

    async def sheet_vtt(self, request: Request) -> Response:
        """When is which."""
        text = await self._found(request, lambda one: self._port.sheet_vtt(one, "sheet.jpg"), "sheet")
        return Response(text, media_type="text/vtt", headers=_MAY_CHANGE)

    async def thumbnail(self, request: Request) -> Response:
        """One small picture."""
        jpeg = await self._found(request, self._port.thumbnail, "thumbnail")
        return Response(jpeg, media_type="image/jpeg", headers=_MAY_CHANGE)

    async def timelapses(self, _request: Request) -> Response:
        """All of them."""
        return answer(Timelapses(timelapses=list(await to_thread.run_sync(self._port.timelapses))))

    async def timelapse(self, request: Request) -> Response:
        """One file."""
        port, camera, date = self._port, _id_of(request, "camera"), str(request.path_params["date"])
        found = _DATE.match(date)
        file = await to_thread.run_sync(_opened, lambda: port.timelapse(camera, date)) if found else None
        if file is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND,
                f"There is no timelapse of {camera} for {date!r:.40} on the device",
                field="date",
                remedy="see /v1/timelapses",
            )
        return GrowingFile(file, media_type="video/mp4", headers=_MAY_CHANGE)

    @property
    def _port(self) -> RecordingPort:
        if self._deps.recordings is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "This appliance records nothing")
        return self._deps.recordings

    async def _found(self, request: Request, look: Callable[[str], _T | None], what: str) -> _T:
        recording_id = _id_of(request, "recording_id")
        found = await to_thread.run_sync(look, recording_id)
        if found is None:
            raise _absent(recording_id, what)
        return found


def _file(path: str, summary: str, handler: Handler, media: str) -> Endpoint:
    return Endpoint(path=path, access=Access.SIGNED_IN, summary=summary, handler=handler, media=media)


def _opened(look: Callable[[], Path | None]) -> BinaryIO | None:
    """What is finished just now changes its name between two looks: the second finds it."""
    for _ in range(2):
        path = look()
        with suppress(FileNotFoundError):
            if path:
                return path.open("rb")
    return None


def _id_of(request: Request, field: str) -> str:
    raw = str(request.path_params[field])
    try:
        return check_id(raw, field)
    except InvalidIdError as error:
        raise ProblemError(
            HTTPStatus.NOT_FOUND, f"There is no {raw!r:.80}", field=field, remedy="see /v1/clips"
        ) from error


def _absent(recording_id: str, what: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_FOUND,
        f"There is no {what} of {recording_id} on the device"
        if what != "recording"
        else f"There is no recording {recording_id} on the device",
        field="recording_id",
        remedy="see /v1/clips",
    )
