"""What is learned of a session while its journal is read: its sensors, its models and where samples are missing."""

from typing import Final

import msgspec

from edge.affect.sessions.folder.entries import Dropped, Entry, Predicted, Samples
from edge.affect.sessions.folder.layout import Hole, Maker, SessionNote, Wearing
from edge.affect.sessions.folder.tables import SessionTime

MOST_HOLES: Final = 1000
_CUT: Final = "restarted"
_QUIET_MS: Final = 1000
"""So much may lie between the last sample and the end of a session that was cut without being called a hole."""


class Findings:
    """Bounded, whatever the journal holds."""

    def __init__(self, note: SessionNote, time: SessionTime) -> None:
        self._note = note
        self._time = time
        self._sensors = {one.id: one for one in note.sensors}
        self._last_ns: dict[str, int] = {}
        self._makers: dict[tuple[str, str], Maker] = {}
        self._holes: list[Hole] = []
        self._holes_total = 0

    def hear(self, entry: Entry) -> None:
        """One entry, in the order of the journal."""
        match entry:
            case Samples():
                self._hear_samples(entry)
            case Dropped(sensor, from_ns, to_ns, samples):
                self._hole(sensor, from_ns, to_ns, "dropped", samples)
            case Predicted(body):
                self._makers[body.model, body.model_version] = Maker(model=body.model, version=body.model_version)
            case _:
                pass

    def told(self, torn_bytes: int) -> SessionNote:
        """The note with all that was learned."""
        self._look_at_the_end()
        return msgspec.structs.replace(
            self._note,
            sensors=list(self._sensors.values()),
            models=list(self._makers.values()),
            holes=sorted(self._holes, key=lambda hole: hole.from_ms),
            holes_total=self._holes_total,
            torn_bytes=torn_bytes,
        )

    def _hear_samples(self, entry: Samples) -> None:
        known = self._sensors.get(entry.sensor) or Wearing(id=entry.sensor)
        channels = {channel for *_, values in entry.moments for channel in values}
        units = known.units | {one: unit_of(one) for one in sorted(channels - known.units.keys())}
        self._sensors[entry.sensor] = msgspec.structs.replace(
            known, units=units, samples=known.samples + len(entry.moments)
        )
        for mono_ns, _, gap_before, _ in entry.moments:
            if gap_before and entry.sensor in self._last_ns:
                self._hole(entry.sensor, self._last_ns[entry.sensor], mono_ns, "told")
            self._last_ns[entry.sensor] = mono_ns

    def _look_at_the_end(self) -> None:
        end = self._note.end_mono_ms
        if self._note.reason != _CUT or end is None:
            return
        for sensor, last_ns in sorted(self._last_ns.items()):
            if end - last_ns / 1e6 > _QUIET_MS:
                self._hole(sensor, last_ns, round(end * 1e6), "cut")

    def _hole(self, sensor: str, from_ns: int, to_ns: int, reason: str, samples: int | None = None) -> None:
        self._holes_total += 1
        if len(self._holes) < MOST_HOLES:
            first, last = (self._time.moment_ms(one / 1e6) for one in (from_ns, to_ns))
            made = {"sensor": sensor, "from_ms": first, "to_ms": last, "reason": reason, "samples": samples}
            self._holes.append(msgspec.convert(made, Hole))


def unit_of(channel: str) -> str:
    """The unit that stands at the end of a channel's name."""
    units = {"us": "microsiemens", "bpm": "beats per minute", "ms": "milliseconds", "c": "degrees Celsius"}
    return units.get(channel.rpartition("_")[2], "counts")
