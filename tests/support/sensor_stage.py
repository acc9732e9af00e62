"""Sensors as a test steers them: the port of the LAN side in memory, telling the hub what happens."""

from collections.abc import Sequence
from typing import Any

import msgspec

from contract.sessions import ChannelQuality, CommandResult, SensorCommand, SensorView, SignalView
from edge.core.errors import RefusedError, UnknownError
from edge.core.hub import Hub


class FakeSensors:
    """`SensorPort` in memory: boards that understand what the test says, and answer at once."""

    def __init__(self, *sensors: str, hub: Hub | None = None) -> None:
        self.hub = hub or Hub()
        self.views = {name: sensor_view(name) for name in sensors or ("wrist",)}
        self.newest: dict[str, SignalView] = {}
        self.commands: list[tuple[str, SensorCommand]] = []

    def sensors(self) -> Sequence[SensorView]:
        """In the order that the test named them."""
        return list(self.views.values())

    def signals(self) -> Sequence[SignalView]:
        """Of those that have one."""
        return list(self.newest.values())

    def signal(self, view: SignalView) -> None:
        """What the signals show now."""
        self.newest[view.sensor] = view
        self.hub.publish("signals", msgspec.to_builtins(view), key=view.sensor)

    async def command(self, sensor: str, command: SensorCommand) -> CommandResult:
        """Done, unless the board does not understand it."""
        if sensor not in self.views:
            raise UnknownError(f"there is no sensor {sensor}: sensors are {', '.join(self.views)}")
        if command.command not in self.views[sensor].commands:
            raise RefusedError(f"{sensor} does not understand {command.command}")
        self.commands.append((sensor, command))
        return CommandResult(ok=True, detail="done", values={"value": command.value or 0.0})


def sensor_view(name: str, **changes: Any) -> SensorView:
    """A sensor that is well."""
    values: dict[str, Any] = {
        "id": name,
        "name": f"The {name} sensor",
        "source": "serial",
        "state": "ok",
        "rate_hz": 100.0,
        "samples": 1200,
        "gaps": 2,
        "lost": 5,
        "resets": 1,
        "board": "node 1a2b3c4d, firmware 1.0.0",
        "calibrated": True,
        "clock_offset_ms": 0.4,
        "clock_drift_ppm": 38.0,
        "clock_jitter_ms": 0.9,
        "commands": ["identify", "calibrate", "self_test"],
        "quality": {
            "gsr_us": ChannelQuality(state="ok", index=0.97),
            "pulse_raw": ChannelQuality(state="motion", index=0.4, detail="the hand moves"),
        },
    }
    return SensorView(**(values | changes))
