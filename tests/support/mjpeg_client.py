"""A client of `/live` that reads the multipart body as S1's clients do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.support.web import Web


@asynccontextmanager
async def watching(web: Web, path: str = "/live?t=1") -> AsyncIterator["Stream"]:
    """One live picture, as a client of S1 opens it."""
    async with web.client() as client, client.stream("GET", path) as response:
        yield Stream(response)


class Stream:
    """Reads a multipart body part by part, as a client that trusts Content-Length does."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_raw()
        self._rest = b""

    async def part(self) -> tuple[dict[str, str], bytes]:
        """The next part: its headers and its JPEG."""
        head = await self._until(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "--frame"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        size = int(headers["Content-Length"])
        while len(self._rest) < size + 2:
            self._rest += await anext(self._chunks)
        body, self._rest = self._rest[:size], self._rest[size + 2 :]
        return headers, body

    async def ended(self) -> bool:
        """Wait for the end of the picture."""
        async for _ in self._chunks:
            pass
        return True

    async def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._rest += await anext(self._chunks)
        head, _, self._rest = self._rest.partition(mark)
        return head
