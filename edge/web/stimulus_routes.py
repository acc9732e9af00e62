"""Stimuli, and the video files of those that have one: streamed in, and out in ranges."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from contract.sessions import Stimulus
from edge.web.access import Access
from edge.web.callers import Caller, caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, answer, body_of, owner_get
from edge.web.growing_file import GrowingFile
from edge.web.port_problems import checked_id, reading, sessions_of, told
from edge.web.problem import ProblemError
from edge.web.session_port import SessionPort
from edge.web.session_views import Stimuli

_ONE: Final = "/v1/stimuli/{stimulus}"
_VIDEO: Final = f"{_ONE}/video"
_ANY_VIDEO: Final = "video/mp4"
_CHUNK_WITHIN_S: Final = 30.0
"""For the next piece of an upload to arrive."""


class StimulusRoutes:
    """`/v1/stimuli`. A participant may see what their own running session shows."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        owner = Access.SIGNED_IN
        return [
            owner_get("/v1/stimuli", "Everything that can be watched", self.everything, Stimuli),
            Endpoint(path=_ONE, access=Access.OWN, summary="One of them", handler=self.one, answer=Stimulus),
            Endpoint(
                path=_ONE,
                access=owner,
                summary="Make or change a stimulus; what was uploaded stays",
                method="PUT",
                handler=self.put,
                body=Stimulus,
                answer=Stimulus,
            ),
            Endpoint(
                path=_ONE,
                access=owner,
                summary="Forget a stimulus and its video, unless a session shows it",
                method="DELETE",
                handler=self.remove,
                status=HTTPStatus.NO_CONTENT,
            ),
            Endpoint(
                path=_VIDEO,
                access=Access.OWN,
                summary="Its video; ranges are served",
                handler=self.video,
                media=_ANY_VIDEO,
            ),
            Endpoint(
                path=_VIDEO,
                access=owner,
                summary="Keep its video: the bytes of the file",
                method="PUT",
                handler=self.upload,
                upload="application/octet-stream",
                answer=Stimulus,
            ),
        ]

    async def everything(self, _request: Request) -> Response:
        """All of them."""
        with reading():
            return answer(Stimuli(stimuli=list(self._port.stimuli())))

    async def one(self, request: Request) -> Response:
        """One of them."""
        stimulus = self._seen(request)
        with reading():
            found = next((known for known in self._port.stimuli() if known.id == stimulus), None)
        if found is None:
            raise _unknown(stimulus)
        return answer(found)

    async def put(self, request: Request) -> Response:
        """Make or change one."""
        stimulus = _named(request)
        wanted: Stimulus = await body_of(request, Stimulus)
        if wanted.id != stimulus:
            detail = f"The body is about {wanted.id}, the path about {stimulus}"
            raise ProblemError(HTTPStatus.BAD_REQUEST, detail, field="$.id", remedy="name the same in both")
        with told("$.number"):
            return answer(await self._port.put_stimulus(wanted))

    async def remove(self, request: Request) -> Response:
        """Forget one."""
        with told("stimulus"):
            await self._port.remove_stimulus(_named(request))
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})

    async def video(self, request: Request) -> Response:
        """The file, or a range of it."""
        stimulus = self._seen(request)
        with reading():
            path = self._port.video_of(stimulus)
        file = await to_thread.run_sync(_opened, path) if path else None
        if file is None or path is None:
            detail = f"There is no video of stimulus {stimulus} on the device"
            raise ProblemError(HTTPStatus.NOT_FOUND, detail, field="stimulus", remedy=f"PUT {request.url.path}")
        return GrowingFile(file, media_type=_media_of(path), headers={"Cache-Control": "private, no-cache"})

    async def upload(self, request: Request) -> Response:
        """Keep what comes, as it comes; how much there may be is the desk's to say."""
        stimulus, size = _named(request), _announced(request)
        try:
            with told("stimulus"):
                return answer(await self._port.put_video(stimulus, _chunks(request), size))
        except (TimeoutError, ClientDisconnect) as error:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT, "The video did not arrive as a whole", remedy="send it again"
            ) from error

    @property
    def _port(self) -> SessionPort:
        return sessions_of(self._deps)

    def _seen(self, request: Request) -> str:
        """The stimulus of the path; refused to a participant to whom it is not shown now."""
        stimulus, caller = _named(request), caller_of(request.scope)
        if caller.subject is not None and not self._shows(caller, stimulus):
            raise ProblemError(
                HTTPStatus.FORBIDDEN, "Your session does not show this", field="stimulus", remedy="wait for it to begin"
            )
        return stimulus

    def _shows(self, caller: Caller, stimulus: str) -> bool:
        return any(view.participant == caller.subject and view.stimulus == stimulus for view in self._port.running())


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        async with asyncio.timeout(_CHUNK_WITHIN_S):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        if chunk:
            yield chunk


def _announced(request: Request) -> int | None:
    raw = request.headers.get("content-length", "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 18 else None  # noqa: PLR2004 - digits of 2**59


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _media_of(path: Path) -> str:
    guessed = mimetypes.guess_type(path.name)[0] or ""
    return guessed if guessed.startswith("video/") else _ANY_VIDEO


def _named(request: Request) -> str:
    return checked_id(request.path_params["stimulus"], "stimulus")


def _unknown(stimulus: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_FOUND, f"There is no stimulus {stimulus}", field="stimulus", remedy="see /v1/stimuli"
    )
