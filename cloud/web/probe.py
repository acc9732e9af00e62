"""What a process without the API answers its watchers: alive, ready, metrics. It belongs on loopback."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud.store.database import Database
from cloud.store.errors import StoreUnavailableError
from cloud.web.replies import reply


def probe_app(registry: CollectorRegistry, database: Database, state: Callable[[], str]) -> Starlette:
    """`/healthz` while the event loop turns; `/readyz` says 503 while the database or the broker is away."""

    async def alive(_request: Request) -> Response:
        return reply({"status": "ok"})

    async def ready(_request: Request) -> Response:
        found = {"database": await _state_of(database), "broker": state()}
        is_ready = not any(found.values())
        return reply({"ready": is_ready, **found}, 200 if is_ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)])


async def _state_of(database: Database) -> str:
    try:
        async with database.read() as link:
            await link.execute(select(1))
    except StoreUnavailableError:
        return "away"
    return ""
