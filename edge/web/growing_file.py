"""A file that may still be written to while it is sent: a clip of something that goes on."""

import os
from collections.abc import Mapping
from typing import BinaryIO

from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from edge.web.ranges import with_plain_range


class GrowingFile(FileResponse):
    """A file, or ranges of it, as long as it was when the answer began: what was added since is not sent.

    HTTP forbids more bytes than were announced, and `FileResponse` sends a whole file to wherever its end is by then.
    It takes an open `file`, and closes it: one that is renamed or given up meanwhile is sent to its end all the same.
    """

    def __init__(self, file: BinaryIO, *, media_type: str, headers: Mapping[str, str]) -> None:
        self._file = file
        number = file.fileno()
        found = os.fstat(number)
        self._size = found.st_size
        super().__init__(f"/proc/self/fd/{number}", media_type=media_type, headers=headers, stat_result=found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a problem where none of the ranges that are asked for can be given."""
        with self._file:
            known = {self.headers["etag"], self.headers["last-modified"]}
            current = Headers(scope=scope).get("if-range", self.headers["etag"]) in known
            await super().__call__(with_plain_range(scope, self._size, current=current), receive, _as_announced(send))


def _as_announced(send: Send) -> Send:
    left = 0

    async def outward(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            left = int(Headers(raw=message["headers"]).get("content-length", "0"))
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")[:left]
            left -= len(body)
            message = {**message, "body": body}
        await send(message)

    return outward
