"""Services and their supervision: named tasks of one group, each of which must show progress."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from edge.core.clock import Clock


class Pulse:
    """Proof of progress of one service. The watchdog is fed only while every pulse is younger than its limit."""

    def __init__(self, clock: Clock, limit_s: float = 30.0) -> None:
        self._clock = clock
        self._limit_ns = int(limit_s * 1e9)
        self._last_ns = clock.mono_ns()

    def beat(self) -> None:
        """The service got somewhere just now."""
        self._last_ns = self._clock.mono_ns()

    @property
    def alive(self) -> bool:
        """Whether the last beat is recent enough."""
        return self._clock.mono_ns() - self._last_ns <= self._limit_ns


class Service(Protocol):
    """A part that runs as long as the daemon.

    What is expected to fail, `run` retries itself; what escapes ends the daemon.
    """

    @property
    def name(self) -> str:
        """Its name in logs, health and the watchdog."""
        ...

    @property
    def pulse(self) -> Pulse:
        """Its proof of progress."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


async def supervise(services: Iterable[Service]) -> None:
    """Run all services until one ends or raises, or this is cancelled; a service that returns is a bug and ends all."""
    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(_run_for_ever(service), name=service.name)


async def _run_for_ever(service: Service) -> None:
    await service.run()
    raise RuntimeError(f"service {service.name} returned")


def stalled(services: Iterable[Service]) -> list[str]:
    """The names of the services without recent progress."""
    return [service.name for service in services if not service.pulse.alive]
