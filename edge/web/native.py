"""What the appliance knows of itself: everything for a first paint, its health, its configuration."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from edge.core.health import PartHealth
from edge.web.camera_routes import CameraRoutes
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, answer, owner_get
from edge.web.records import RecordRoutes
from edge.web.views import DeviceView, HealthView, PartView, StatusView

_FIRST_PREDICTIONS: Final = 120
_FIRST_EVENTS: Final = 30
_FIRST_RECORDINGS: Final = 10
_PASSWORD_IN_URL: Final = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^/?#\s:@]*):[^/?#\s]*@", re.IGNORECASE)


class NativeRoutes:
    """Status, device, health and configuration."""

    def __init__(self, deps: WebDeps, *, cameras: CameraRoutes, records: RecordRoutes) -> None:
        self._deps = deps
        self._cameras = cameras
        self._records = records

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            owner_get("/v1/status", "Everything for a page's first paint", self.status, StatusView),
            owner_get("/v1/device", "What this is, and what time it has", self.device, DeviceView),
            owner_get("/v1/health", "The health of every part", self.health, HealthView),
            owner_get("/v1/config", "The running configuration without secrets", self.config, dict[str, Any]),
        ]

    async def status(self, _request: Request) -> Response:
        """Everything at once."""
        deps, now, latest = self._deps, self._deps.clock.now(), _Latest(self._deps)
        return answer(
            StatusView(
                device=deps.device,
                version=deps.version,
                t_ms=now.wall_ms,
                clock_trusted=now.trusted,
                ready=deps.health.ready,
                newest_row=await self._records.newest_row(),
                cameras=self._cameras.views(),
                health=self._parts(),
                vision=latest.all("vision"),
                samples=latest.all("samples"),
                telemetry=dict(deps.telemetry()) or None,
                sync=latest.one("sync"),
                predictions=await self._records.newest("prediction", _FIRST_PREDICTIONS),
                events=await self._records.newest("event", _FIRST_EVENTS),
                recordings=await self._records.newest("recording", _FIRST_RECORDINGS),
            )
        )

    async def device(self, _request: Request) -> Response:
        """What this is; `t_ms` lets a page tell its own clock from the appliance's."""
        deps, now = self._deps, self._deps.clock.now()
        return answer(
            DeviceView(
                device=deps.device,
                version=deps.version,
                t_ms=now.wall_ms,
                clock_trusted=now.trusted,
                ready=deps.health.ready,
            )
        )

    async def health(self, _request: Request) -> Response:
        """Every part."""
        now = self._deps.clock.now().wall_ms
        return answer(HealthView(t_ms=now, ready=self._deps.health.ready, parts=self._parts()))

    async def config(self, _request: Request) -> Response:
        """The configuration; passwords that somebody wrote into a URL are blotted out."""
        return answer(without_passwords(self._deps.config()))

    def _parts(self) -> list[PartView]:
        return [part_view(part) for part in self._deps.health.parts()]


class _Latest:
    """The newest live message of each kind, by topic."""

    def __init__(self, deps: WebDeps) -> None:
        self._messages = deps.hub.latest()

    def all(self, topic: str) -> list[dict[str, Any]]:
        return [message.data for message in self._messages if message.topic == topic]

    def one(self, topic: str) -> dict[str, Any] | None:
        return next(iter(self.all(topic)), None)


def part_view(part: PartHealth) -> PartView:
    """The health of a part as it is shown."""
    return PartView(part=part.part, state=part.state.value, detail=part.detail, since_ms=part.since.wall_ms)


def without_passwords(value: Any) -> Any:
    """`value` with the password of every URL in it replaced by three dots."""
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(r"\g<head>:...@", value)
    if isinstance(value, Mapping):
        return {key: without_passwords(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_passwords(item) for item in value]
    return value
