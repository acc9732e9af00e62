"""Writes the standing every two seconds, from what the parts of the daemon tell when they are asked."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.times import to_wire
from edge.core.clock import Clock, host_boot
from edge.core.health import Health
from edge.core.service import Pulse
from edge.core.standing import WRITTEN_EVERY_S, Link, PartStanding, Standing, write_standing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Told:
    """Whom to ask. Each is called on the event loop, every two seconds, and must not block."""

    ready: Callable[[], bool]
    frames: Callable[[], Mapping[str, int]]
    """Frames so far of each enabled camera, also of one that has none."""
    models: Callable[[], Mapping[str, str]]
    """Of each model in use: empty, or what is wrong with it."""
    records: Callable[[], tuple[int, int]]
    """Waiting, and acknowledged since the start."""
    link: Callable[[], Link]
    busy: Callable[[], list[str]]


class StandingService:
    """A `Service`. A disk that does not take the file is logged once; the standing then grows old, as it should."""

    def __init__(
        self, *, path: Path, boot: str, release: str, software: str, health: Health, told: Told, clock: Clock
    ) -> None:
        self.name = "standing"
        self.pulse = Pulse(clock)
        self._path = path
        self._run = (boot, release, software)
        self._host_boot = host_boot()
        self._health = health
        self._told = told
        self._clock = clock
        self._refused = False

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            self.pulse.beat()
            self._write()
            await self._clock.sleep(WRITTEN_EVERY_S)

    def standing(self) -> Standing:
        """How the daemon stands now."""
        boot, release, software = self._run
        now = self._clock.now()
        waiting, acked = self._told.records()
        return Standing(
            boot=boot,
            host_boot=self._host_boot,
            release=release,
            software=software,
            ready=self._told.ready(),
            parts={part.part: PartStanding(state=part.state, detail=part.detail) for part in self._health.parts()},
            frames=dict(self._told.frames()),
            models=dict(self._told.models()),
            records_waiting=waiting,
            records_acked=acked,
            link=self._told.link(),
            busy=self._told.busy(),
            t=to_wire(now.wall_ms),
            mono_ms=now.mono_ns // 1_000_000,
        )

    def _write(self) -> None:
        try:
            write_standing(self._path, self.standing())
            self._refused = False
        except OSError as error:
            if not self._refused:
                _log.warning("%s cannot be written: %s", self._path, error.strerror)
            self._refused = True
