"""Recordings as browsers play them: whole or by ranges, passed through or by a link to the bucket."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from cloud.objects.storage import ObjectInfo, ObjectMissingError, ObjectStorage, ObjectsUnavailableError
from cloud.store.queries import Queries
from cloud.web.deps import WebDeps
from cloud.web.parameters import device_of
from cloud.web.problems import ProblemError
from cloud.web.replies import reply
from cloud.web.shapes import recording_of
from contract.errors import InvalidIdError
from contract.ids import check_id

_RANGE: Final = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})", re.ASCII)


class Video:
    """The handlers of one recording."""

    def __init__(self, deps: WebDeps) -> None:
        self._queries: Queries = deps.queries
        self._storage: ObjectStorage = deps.storage
        self._link_s = deps.link_s

    async def show(self, request: Request) -> Response:
        """`GET /v1/recordings/{recording}`."""
        return reply(recording_of(await self._recording(request)))

    async def play(self, request: Request) -> Response:
        """`GET /v1/recordings/{recording}/video`, with or without a range."""
        row = await self._recording(request)
        try:
            info = await self._storage.head(row["key"])
            if self._link_s and (link := await self._storage.link(row["key"], self._link_s)):
                return RedirectResponse(link, 307)
        except ObjectMissingError as error:
            remedy = "the device uploads it as soon as it can" if row["phase"] == "closed" else "see /v1/ledger"
            raise ProblemError(404, "this recording is not in object storage", remedy=remedy) from error
        except ObjectsUnavailableError as error:
            raise ProblemError(503, f"object storage is away: {error}", remedy="try again later") from error
        return self._answer(request, row["key"], info)

    def _answer(self, request: Request, key: str, info: ObjectInfo) -> Response:
        wanted = request.headers.get("range")
        if wanted and request.headers.get("if-range", f'"{info.etag}"') != f'"{info.etag}"':
            wanted = None
        first, last = byte_range(wanted, info.size_bytes)
        headers = {
            "accept-ranges": "bytes",
            "content-length": str(last - first + 1),
            "etag": f'"{info.etag}"',
            "cache-control": "private, max-age=0, must-revalidate",
        }
        if (first, last) != (0, info.size_bytes - 1):
            headers["content-range"] = f"bytes {first}-{last}/{info.size_bytes}"
        status = 206 if "content-range" in headers else 200
        if request.method == "HEAD":
            return Response(None, status, headers, media_type="video/mp4")
        return StreamingResponse(self._pieces(key, first, last), status, headers, media_type="video/mp4")

    async def _pieces(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        pieces: Any = self._storage.read(key, first, last)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _recording(self, request: Request) -> dict[str, Any]:
        wanted = request.path_params["recording"]
        try:
            check_id(wanted, "recording")
        except InvalidIdError as error:
            raise ProblemError(404, str(error), field="recording") from error
        found = await self._queries.recording(wanted, device_of(request.query_params))
        if not found:
            raise ProblemError(404, f"there is no recording {wanted!r}", field="recording", remedy="see /v1/recordings")
        if len(found) > 1:
            raise ProblemError(
                409, f"several devices have a recording {wanted!r}", field="device", remedy="add ?device=NAME"
            )
        return found[0]


def byte_range(header: str | None, size: int) -> tuple[int, int]:
    """First and last byte to send, inclusive (RFC 9110, 14.2). What is no single range of bytes means the whole.

    Raise `ProblemError` 416 for one that lies outside.
    """
    found = _RANGE.fullmatch((header or "").replace(" ", ""))
    if not found or not (found["first"] or found["last"]):
        return 0, size - 1
    if not found["first"]:
        first, last = max(0, size - int(found["last"])), size - 1
    else:
        first, last = int(found["first"]), min(int(found["last"] or size - 1), size - 1)
    if found["last"] and found["first"] and int(found["last"]) < first:
        return 0, size - 1
    if first > last:
        raise ProblemError(
            416, f"the recording has {size} bytes", field="Range", headers={"content-range": f"bytes */{size}"}
        )
    return first, last
