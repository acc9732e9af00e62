"""The body sensors: how each does, what its signals show, and what its board is told to do."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from contract.sessions import CommandResult, SensorCommand
from edge.web.access import Access
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, answer, body_of, owner_get
from edge.web.port_problems import checked_id, sensors_of, told
from edge.web.session_views import Sensors

_ALL: Final = "/v1/sensors"


class SensorRoutes:
    """`/v1/sensors`."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            owner_get(_ALL, "Every body sensor, and what its signals show now", self.sensors, Sensors),
            Endpoint(
                path=f"{_ALL}/{{sensor}}/command",
                access=Access.SIGNED_IN,
                summary="Let its board do something",
                method="POST",
                handler=self.command,
                body=SensorCommand,
                answer=CommandResult,
            ),
        ]

    async def sensors(self, _request: Request) -> Response:
        """All of them; none where the appliance has none."""
        port = self._deps.sensors
        return answer(Sensors(sensors=list(port.sensors()), signals=list(port.signals())) if port else _NONE)

    async def command(self, request: Request) -> Response:
        """Let a board do something."""
        sensor = checked_id(request.path_params["sensor"], "sensor")
        wanted: SensorCommand = await body_of(request, SensorCommand)
        with told("sensor"):
            return answer(await sensors_of(self._deps).command(sensor, wanted))


_NONE: Final = Sensors(sensors=[], signals=[])
