"""Samples for those who watch: a few rows at a time, so that a fast sensor does not flood a page."""

from typing import Any, Final

from edge.core.clock import Clock, wall_ms_of
from edge.core.hub import Hub
from edge.core.sample import Sample

_DIGITS: Final = 4


class SampleBatcher:
    """Publishes rows on the hub's topic `samples`, at most one message in `every_s`. Belongs to the event loop.

    A message is `{"sensor", "rows": [{"t_ms", <channel>: value, ..., "gap": true?}]}`. Rows that wait go out with the
    first sample after their time.
    """

    def __init__(self, sensor_id: str, hub: Hub, clock: Clock, *, every_s: float = 0.25) -> None:
        self._sensor_id = sensor_id
        self._hub = hub
        self._clock = clock
        self._every_ns = round(every_s * 1e9)
        self._rows: list[dict[str, Any]] = []
        self._sent_ns: int | None = None

    def add(self, sample: Sample) -> None:
        """Take a sample; publish what waits if its time has come."""
        self._rows.append(self._row(sample))
        if self._sent_ns is None or self._clock.mono_ns() - self._sent_ns >= self._every_ns:
            self.flush()

    def flush(self) -> None:
        """Publish what waits now."""
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        self._sent_ns = self._clock.mono_ns()
        self._hub.publish("samples", {"sensor": self._sensor_id, "rows": rows}, key=self._sensor_id)

    def _row(self, sample: Sample) -> dict[str, Any]:
        row: dict[str, Any] = {"t_ms": wall_ms_of(sample.mono_ns, self._clock.now())}
        row |= {channel.value: round(value, _DIGITS) for channel, value in sample.values.items()}
        return row | {"gap": True} if sample.gap_before else row
