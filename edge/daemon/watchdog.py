"""Says READY when the appliance can be used, and feeds systemd's watchdog only while every service makes progress."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from edge.core.clock import Clock
from edge.core.health import Health, State
from edge.core.notify import sd_notify, watchdog_interval_s
from edge.core.service import Pulse, Service, stalled

_READY_WITHIN_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.2
_FEED_EVERY_S: Final = 5.0
_log = logging.getLogger(__name__)


class Watchdog:
    """A `Service` over all the others."""

    def __init__(self, services: Sequence[Service], *, up: asyncio.Event, health: Health, clock: Clock) -> None:
        """`up` is set once the appliance can be used."""
        self.name = "watchdog"
        self.pulse = Pulse(clock)
        self._services = services
        self._up = up
        self._health = health
        self._clock = clock
        self._named: list[str] = []

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._wait_until_usable()
        self._up.set()
        sd_notify("READY=1")
        _log.info("ready")
        every_s = min(watchdog_interval_s() or _FEED_EVERY_S, _FEED_EVERY_S)
        while True:
            self.pulse.beat()
            self._feed()
            await self._clock.sleep(every_s)

    async def _wait_until_usable(self) -> None:
        """A part that failed is as ready as it will be; one that is starting is waited for, but not for ever."""
        for _ in range(int(_READY_WITHIN_S / _LOOK_EVERY_S)):
            await self._clock.sleep(_LOOK_EVERY_S)
            if not any(part.state is State.STARTING for part in self._health.parts()):
                return

    def _feed(self) -> None:
        names = stalled(self._services)
        if names != self._named:
            _log.warning("without progress: %s", ", ".join(names) or "nobody any more")
            self._named = names
        if not names:
            sd_notify("WATCHDOG=1")
