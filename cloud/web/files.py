"""Files that are no recordings: always saved and never shown in place, for a device may have made them up."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from cloud.store.queries import Queries
from cloud.web.deps import WebDeps
from cloud.web.replies import reply
from cloud.web.sending import ObjectSender, Sent
from cloud.web.shapes import file_of
from cloud.web.video import one_of

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_MEDIA_TYPE: Final = "application/octet-stream"


class Files:
    """The handlers of one file."""

    def __init__(self, deps: WebDeps) -> None:
        self._queries: Queries = deps.queries
        self._sender = ObjectSender(deps.storage, deps.link_s)

    async def show(self, request: Request) -> Response:
        """`GET /v1/files/{file}`."""
        return reply(file_of(await one_of(request, "file", self._queries)))

    async def fetch(self, request: Request) -> Response:
        """`GET /v1/files/{file}/content`, with or without a range."""
        row = await one_of(request, "file", self._queries)
        name = _UNSAFE.sub("_", row["name"])[:100] or "file"
        sent = Sent(
            key=row["key"],
            what="file",
            media_type=_MEDIA_TYPE,
            uploaded=row["phase"] == "uploaded",
            attachment=name,
        )
        return await self._sender.send(request, sent)
