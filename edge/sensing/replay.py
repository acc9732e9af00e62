"""Plays recorded files as if they happened now."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from edge.core.clock import Clock
from edge.core.errors import SourceEndedError, SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.recorded import Reading, Track, load, merged
from edge.sensing.sensor import READ_LIMIT_S, Diagnosis
from edge.sensing.settings import ReplaySettings

_MOST_AT_ONCE: Final = 512


class ReplaySensor:
    """A `Sensor` of recorded files, at their own or another speed; `pause` lets seconds pass."""

    def __init__(self, settings: ReplaySettings, *, clock: Clock, pause: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._due: Iterator[tuple[int, Reading, bool]] = iter(())
        self._next: tuple[int, Reading, bool] | None = None
        self._implausible = 0
        self._gap = False

    def open(self) -> None:
        """Read the files; raise `SourceUnavailableError` if one is missing or cannot be played, or none has a value."""
        settings = self._settings
        tracks = [load(Path(name), rate_hz=settings.rate_hz, where=settings.where) for name in settings.files]
        self._due = self._timed(tracks, self._clock.mono_ns())
        self._next = next(self._due, None)
        if self._next is None:
            raise SourceUnavailableError(f"{self.describe()}: no row has a value")

    def read(self) -> list[Sample]:
        """What is due by now; raise `SourceEndedError` after the last, unless it loops."""
        if self._next is None:
            raise SourceEndedError("the recording is over")
        wait_s = (self._next[0] - self._clock.mono_ns()) / 1e9
        if wait_s > 0:
            self._pause(min(wait_s, READ_LIMIT_S))
        return self._take(self._clock.mono_ns())

    def close(self) -> None:
        """Forget the files."""
        self._due, self._next = iter(()), None

    def describe(self) -> str:
        """The files and the speed."""
        names = ", ".join(Path(name).name for name in self._settings.files)
        return f"replay of {names} at {self._settings.speed:g}x"

    def diagnosis(self) -> Diagnosis:
        """How many values were left out as implausible."""
        return Diagnosis(implausible=self._implausible)

    def _take(self, now_ns: int) -> list[Sample]:
        samples: list[Sample] = []
        while self._next is not None and self._next[0] <= now_ns and len(samples) < _MOST_AT_ONCE:
            mono_ns, reading, gap = self._next
            self._implausible += reading.implausible
            self._gap = self._gap or gap or not reading.values
            if reading.values:
                samples.append(Sample(self._settings.id, mono_ns, reading.values, None, self._gap))
                self._gap = False
            self._next = next(self._due, None)
        return samples

    def _timed(self, tracks: list[Track], start_ns: int) -> Iterator[tuple[int, Reading, bool]]:
        """Each reading with the moment it is due and whether a gap lies before it; round after round if it loops."""
        first_s = min(float(track.times_s[0]) for track in tracks)
        last_s = max(float(track.times_s[-1]) + track.period_s for track in tracks)
        round_ns = round((last_s - first_s) / self._settings.speed * 1e9)
        seam, empty = False, True
        while True:
            for reading in merged(tracks):
                due_ns = start_ns + round((reading.t_s - first_s) / self._settings.speed * 1e9)
                yield due_ns, reading, reading.gap_before or seam
                seam = empty = False
            if empty or not self._settings.loop:
                return
            start_ns, seam = start_ns + round_ns, True
