"""What operators and their machines ask: alive, ready, metrics."""

import asyncio
from typing import Final

from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from cloud.objects.storage import ObjectsError
from cloud.store.errors import StoreUnavailableError
from cloud.web.deps import WebDeps
from cloud.web.replies import reply

_LOOK_S: Final = 5.0


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether each part works; an empty word is well, any other says what is wrong."""

    ready: bool
    database: str = ""
    broker: str = ""
    objects: str = ""


class Operations:
    """The handlers of `/healthz`, `/readyz` and `/metrics`."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._looked: asyncio.Task[str] | None = None
        self._looked_s = 0.0

    async def alive(self, _request: Request) -> Response:
        """200 while the event loop turns."""
        return reply({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """200 when the database answers and records come in, else 503; storage that is away only stops playback."""
        database, broker = await self._database(), self._deps.ingest_state()
        ready = not (database or broker)
        found = Readiness(ready=ready, database=database, broker=broker, objects=await self._objects())
        return reply(found, 200 if ready else 503)

    async def metrics(self, _request: Request) -> Response:
        """Everything counted, as Prometheus scrapes it."""
        return Response(generate_latest(self._deps.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    async def _database(self) -> str:
        try:
            await self._deps.queries.check()
        except StoreUnavailableError:
            return "away"  # the open answer names no host; the log does
        return ""

    async def _objects(self) -> str:
        """What the last look said, if that is a few seconds old at most: probes must not cost the service anything."""
        now = self._deps.clock.mono_s()
        if self._looked is None or (self._looked.done() and now - self._looked_s >= _LOOK_S):
            self._looked, self._looked_s = asyncio.create_task(self._look(), name="look-at-objects"), now
        return await asyncio.shield(self._looked)

    async def _look(self) -> str:
        try:
            await self._deps.storage.check()
        except ObjectsError:
            return "away"
        return ""
