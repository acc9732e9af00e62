"""The service that shows the signals of one sensor: what they say now, once a second, whoever watches."""

import asyncio
from typing import Final

import msgspec

from contract.sessions import SignalView
from edge.affect.signals.stream import SignalStream
from edge.core.clock import Clock
from edge.core.hub import Hub
from edge.core.service import Pulse

TOPIC: Final = "signals"
_EVERY_S: Final = 1.0


class SignalService:
    """A `Service` for one sensor; publishes a `SignalView` on the hub's topic `signals`, kept by the sensor's id."""

    def __init__(self, stream: SignalStream, *, hub: Hub, clock: Clock) -> None:
        self.name = f"signals.{stream.sensor}"
        self.pulse = Pulse(clock)
        self.view: SignalView | None = None
        """The newest; None before the first."""
        self._stream = stream
        self._hub = hub
        self._clock = clock

    async def run(self) -> None:
        """Show until cancelled."""
        while True:
            self.pulse.beat()
            now = self._clock.now()
            self.view = self._stream.view(now.mono_ns, now)
            self._hub.publish(TOPIC, msgspec.to_builtins(self.view), key=self._stream.sensor)
            await asyncio.sleep(0)
            await self._clock.sleep(_EVERY_S)
