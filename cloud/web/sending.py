"""Objects as browsers fetch them: whole or by ranges, passed through or by a link to the bucket."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from cloud.objects.storage import ObjectInfo, ObjectMissingError, ObjectStorage, ObjectsUnavailableError
from cloud.web.problems import ProblemError

_RANGE: Final = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is sent: its key, what it is in words, its media type, and whether it should be there by now."""

    key: str
    what: str
    media_type: str
    uploaded: bool
    attachment: str = ""
    """The name to save it under; empty shows it in place."""


class ObjectSender:
    """Answers with objects; `link_s` sends browsers to the bucket by links valid so long."""

    def __init__(self, storage: ObjectStorage, link_s: int | None) -> None:
        self._storage = storage
        self._link_s = link_s

    async def send(self, request: Request, sent: Sent) -> Response:
        """The object, or the part of it that the request asks for; raise `ProblemError`."""
        try:
            info = await self._storage.head(sent.key)
            if self._link_s and (link := await self._storage.link(sent.key, self._link_s, sent.media_type)):
                return RedirectResponse(link, 307)
        except ObjectMissingError as error:
            remedy = "see /v1/ledger" if sent.uploaded else "the device uploads it as soon as it can"
            raise ProblemError(404, f"this {sent.what} is not in object storage", remedy=remedy) from error
        except ObjectsUnavailableError as error:
            raise ProblemError(503, f"object storage is away: {error}", remedy="try again later") from error
        return self._answer(request, sent, info)

    def _answer(self, request: Request, sent: Sent, info: ObjectInfo) -> Response:
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
        if sent.attachment:
            headers["content-disposition"] = f'attachment; filename="{sent.attachment}"'
        if (first, last) != (0, info.size_bytes - 1):
            headers["content-range"] = f"bytes {first}-{last}/{info.size_bytes}"
        status = 206 if "content-range" in headers else 200
        if request.method == "HEAD":
            return Response(None, status, headers, media_type=sent.media_type)
        return StreamingResponse(self._pieces(sent.key, first, last), status, headers, media_type=sent.media_type)

    async def _pieces(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        if last < first:
            return
        pieces: Any = self._storage.read(key, first, last)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece


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
        headers = {"content-range": f"bytes */{size}"}
        raise ProblemError(416, f"there are {size} bytes", field="Range", remedy="ask within them", headers=headers)
    return first, last
