"""A file that may still be written to while it is sent: a clip of something that goes on."""

from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send


class GrowingFile(FileResponse):
    """A file, or ranges of it, as long as it was when the answer began: what was added since is not sent.

    HTTP forbids more bytes than were announced, and `FileResponse` sends a whole file to wherever its end is by then.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await super().__call__(scope, receive, _as_announced(send))


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
