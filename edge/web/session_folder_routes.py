"""The folder of a session, to look into and to take away: each file by itself, or all of it as one archive.

For who signed in alone: a participant's link shows them their session, not the raw signals of it.
"""

from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final
from urllib.parse import quote

from anyio import to_thread
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from edge.web.access import Access
from edge.web.callers import caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, answer, owner_get
from edge.web.growing_file import GrowingFile
from edge.web.ownership import own_session
from edge.web.port_problems import checked_session_id, reading, sessions_of
from edge.web.problem import ProblemError
from edge.web.session_folder_port import FolderState, SessionFolderPort
from edge.web.zip_stream import zip_stream

_ONE: Final = "/v1/sessions/{session_id}"
_ANY: Final = "application/octet-stream"
_MEDIA: Final = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".mp4": "video/mp4",
    ".parquet": "application/vnd.apache.parquet",
}


class FolderFile(Struct, frozen=True, kw_only=True):
    """A file of a session's folder."""

    name: str
    size_bytes: int
    media: str


class FolderView(Struct, frozen=True, kw_only=True):
    """The folder of a session: `whole` once its tables are made, and never changed afterwards."""

    session_id: str
    folder: str
    """What the folder is called, on the device and in object storage."""
    state: FolderState
    uploaded: bool
    """Whether every table is confirmed in object storage."""
    size_bytes: int
    files: list[FolderFile]


class SessionFolderRoutes:
    """`/v1/sessions/{session_id}/folder` and all in it."""

    def __init__(self, deps: WebDeps, folders: SessionFolderPort | None) -> None:
        """`folders` None: this appliance keeps none."""
        self._deps = deps
        self._folders = folders

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            owner_get(f"{_ONE}/folder", "What the folder of a session holds", self.folder, FolderView),
            _file(f"{_ONE}/folder.zip", "All of it as one archive", self.archive, "application/zip"),
            _file(f"{_ONE}/files/{{name:path}}", "One file of it; ranges are served", self.file, _ANY),
        ]

    async def folder(self, request: Request) -> Response:
        """The listing."""
        folders, session_id = await self._known(request)
        files = [
            FolderFile(name=one.name, size_bytes=one.size_bytes, media=_media_of(one.name))
            for one in await folders.items(session_id)
        ]
        view = FolderView(
            session_id=session_id,
            folder=folders.folder_of(session_id) or "",
            state=folders.state_of(session_id) or "running",
            uploaded=await folders.is_sent(session_id),
            size_bytes=sum(one.size_bytes for one in files),
            files=files,
        )
        return answer(view)

    async def file(self, request: Request) -> Response:
        """One of them."""
        folders, session_id = await self._known(request)
        name = str(request.path_params["name"])
        try:
            file = await to_thread.run_sync(folders.open_item, session_id, name)
        except FileNotFoundError as error:
            detail = f"The folder of this session has no file {name!r:.120}"
            raise ProblemError(
                HTTPStatus.NOT_FOUND, detail, field="name", remedy="see the list under /folder"
            ) from error
        headers = {"Cache-Control": "private, no-cache"} | _as_download(PurePosixPath(name).name)
        return GrowingFile(file, media_type=_media_of(name), headers=headers)

    async def archive(self, request: Request) -> Response:
        """All of them. Only of a folder that is whole: what still changes makes no archive that can be trusted."""
        folders, session_id = await self._known(request)
        if folders.state_of(session_id) != "whole":
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "The folder of this session is not whole yet",
                remedy="end the session, and try again a minute later",
                headers={"Retry-After": "10"},
            )
        prefix = folders.folder_of(session_id) or "session"
        names = [one.name for one in await folders.items(session_id)]

        def open_file(name: str) -> BinaryIO:
            return folders.open_item(session_id, name)

        headers = {"Cache-Control": "no-store"} | _as_download(f"{prefix}.zip")
        return StreamingResponse(zip_stream(names, open_file, prefix), media_type="application/zip", headers=headers)

    async def _known(self, request: Request) -> tuple[SessionFolderPort, str]:
        """The port, and the id of a session that has a folder."""
        session_id = checked_session_id(request.path_params["session_id"])
        with reading():
            view = await own_session(sessions_of(self._deps), caller_of(request.scope), session_id)
        if self._folders is None or self._folders.state_of(view.session_id) is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND,
                "This session has no folder on the device",
                remedy="it may have had to give way: see object storage and the ledger of losses",
            )
        return self._folders, view.session_id


def _file(path: str, summary: str, handler: Any, media: str) -> Endpoint:
    return Endpoint(path=path, access=Access.SIGNED_IN, summary=summary, handler=handler, media=media)


def _media_of(name: str) -> str:
    return _MEDIA.get(PurePosixPath(name).suffix, _ANY)


def _as_download(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
