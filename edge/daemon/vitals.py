"""How the device is: to the page every two seconds, to the cloud once a minute."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import Telemetry
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.hub import Hub
from edge.core.records import RecordSink
from edge.core.service import Pulse
from edge.core.vitals import VitalsReader

_EVERY_S: Final = 2.0


class VitalsService:
    """A `Service` that reads the vitals; `backlog` gives records in the outbox and uploads pending, `fps` by camera."""

    def __init__(
        self,
        *,
        state_dir: Path,
        hub: Hub,
        sink: RecordSink,
        clock: Clock,
        backlog: Callable[[], tuple[int, int]],
        fps: Callable[[], dict[str, float]],
        record_every_s: float,
    ) -> None:
        self.name = "vitals"
        self.pulse = Pulse(clock)
        self._reader = VitalsReader(clock, state_dir)
        self._hub = hub
        self._sink = sink
        self._clock = clock
        self._backlog = backlog
        self._fps = fps
        self._record_every_s = record_every_s
        self._latest: dict[str, Any] = {}

    def latest(self) -> dict[str, Any]:
        """The newest reading as published to the page; empty before the first."""
        return self._latest

    async def run(self) -> None:
        """Read until cancelled."""
        since_record_s = self._record_every_s - 10.0
        while True:
            self.pulse.beat()
            due = since_record_s >= self._record_every_s
            with suppress(OSError):  # the disk of the state is gone for now: store and recordings say so
                await self._tell(self._read(), keep=due)
            since_record_s = _EVERY_S if due else since_record_s + _EVERY_S
            await self._clock.sleep(_EVERY_S)

    async def _tell(self, reading: Telemetry, *, keep: bool) -> None:
        self._latest = msgspec.to_builtins(reading) | {"t_ms": self._clock.now().wall_ms}
        self._hub.publish("telemetry", self._latest, key="device")
        if keep:
            await self._keep(reading)

    def _read(self) -> Telemetry:
        vitals = self._reader.read()
        outbox_records, uploads_pending = self._backlog()
        return Telemetry(
            cpu_share=vitals.cpu_share,
            rss_bytes=vitals.rss_bytes,
            disk_free_bytes=vitals.disk_free_bytes,
            outbox_records=outbox_records,
            uploads_pending=uploads_pending,
            temperature_c=vitals.temperature_c,
            cameras=self._fps(),
        )

    async def _keep(self, reading: Telemetry) -> None:
        try:
            await self._sink.append(reading)
        except StoreError:
            return  # the store has set its own health; a reading of a minute ago is worth nothing later
