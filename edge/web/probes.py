"""For machines that watch: is it alive, is it ready, how much of everything."""

from http import HTTPStatus

from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from edge.core.health import State
from edge.web.access import Access, allows
from edge.web.callers import caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, answer
from edge.web.metrics import registry_of


class Alive(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: str = "alive"


class Ready(Struct, frozen=True, kw_only=True):
    """Whether every part is up. Why not is told to open networks and to who signed in."""

    ready: bool
    reasons: list[str]


class ProbeRoutes:
    """`/healthz`, `/readyz` and `/metrics`."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._registry: CollectorRegistry = registry_of(deps)

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        everybody = Access.PUBLIC
        return [
            Endpoint(path="/healthz", access=everybody, summary="Alive", handler=self.alive, answer=Alive),
            Endpoint(
                path="/readyz",
                access=everybody,
                summary="Ready, or 503",
                handler=self.ready,
                answer=Ready,
                failures={503: Ready},
            ),
            Endpoint(
                path="/metrics",
                access=Access.METRICS,
                summary="Metrics in Prometheus' text form",
                handler=self.metrics,
                media="text/plain",
            ),
        ]

    async def alive(self, _request: Request) -> Response:
        """Always 200 while the event loop turns."""
        return answer(Alive())

    async def ready(self, request: Request) -> Response:
        """200, or 503 while a part is starting or failed."""
        health = self._deps.health
        told = allows(Access.OPEN_NETWORKS, caller_of(request.scope))
        wrong = [part for part in health.parts() if part.state in {State.STARTING, State.FAILED}]
        reasons = [f"{part.part} is {part.state.value}: {part.detail}".removesuffix(": ") for part in wrong]
        status = HTTPStatus.OK if health.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return answer(Ready(ready=health.ready, reasons=reasons if told else []), status)

    async def metrics(self, _request: Request) -> Response:
        """Everything countable."""
        return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
