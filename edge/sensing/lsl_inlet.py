"""An inlet of the Lab Streaming Layer: what laboratory software measures, taken in as one more sensor."""

import importlib
import math
import os
from pathlib import Path
from typing import Any, Final

from edge.core.clock import Clock
from edge.core.errors import SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.lsl_channels import Column, columns, values_of
from edge.sensing.sensor import ClockFigures, Diagnosis
from edge.sensing.settings import LslSettings

_READ_S: Final = 0.25
_MOST_AT_ONCE: Final = 1024
_BUFFER_S: Final = 10
_SILENT_NS: Final = 3_000_000_000
_LOOK_S: Final = 1.0
_CORRECT_EVERY_NS: Final = 5_000_000_000
_FIRST_CORRECTION_S: Final = 3.0
_CORRECTION_S: Final = 0.1
_OLDEST_S: Final = 60.0
"""A stamp from longer ago is of another clock than the stream's, and no moment of any session."""
_MISSING_FROM: Final = 1.75
_NO_LIBRARY: Final = (
    "Lab Streaming Layer needs the library pylsl (the extra `lsl`) and liblsl itself, which no package of Python "
    "brings: install liblsl for this machine and name it in `library`"
)


class LslInlet:
    """A `Sensor` on one stream. Its stamps are carried to our clock by the stream's own clock correction."""

    def __init__(self, settings: LslSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lsl: Any = None
        self._inlet: Any = None
        self._columns: list[Column] = []
        self._shown = _wanted_words(settings)
        self._period_s = 0.0
        self._correction_s = self._first_correction_s = 0.0
        self._corrected_ns = self._heard_ns = 0
        self._uid = ""
        self._stamp_s: float | None = None
        self._last_ns = 0
        self._implausible = 0
        self._gap = False

    def open(self) -> None:
        """Find the stream and begin to take from it; raise `SourceUnavailableError` with the remedy if it cannot."""
        self._lsl = _library(self._settings.library)
        found = self._lsl.resolve_bypred(_predicate(self._settings), 1, self._settings.find_s)
        if not found:
            raise SourceUnavailableError(f"{self._shown}: no such stream was heard of: start its outlet")
        try:
            self._take_up(found[0])
        except (RuntimeError, ValueError) as error:
            # The library raises RuntimeError of its own kinds for what the network does.
            raise SourceUnavailableError(f"{self._shown}: {error}") from error

    def read(self) -> list[Sample]:
        """What the outlet pushed, or an empty list after a quarter of a second of silence."""
        if self._inlet is None:
            raise SourceUnavailableError(f"{self._shown}: not open")
        try:
            rows, stamps = self._inlet.pull_chunk(timeout=_READ_S, max_samples=_MOST_AT_ONCE)
            self._correct(_CORRECTION_S)
        except RuntimeError as error:
            raise SourceUnavailableError(f"{self._shown}: the stream was lost") from error
        self._look_whether_it_is_there(bool(stamps))
        now_ns, local_s = self._clock.mono_ns(), self._lsl.local_clock()
        ages_s = [local_s - self._correction_s - stamp for stamp in stamps]
        return [
            sample
            for row, stamp, age_s in zip(rows, stamps, ages_s, strict=True)
            if (sample := self._sample(row, stamp, now_ns, age_s))
        ]

    def close(self) -> None:
        """Leave the stream."""
        inlet, self._inlet = self._inlet, None
        if inlet is not None:
            inlet.close_stream()

    def describe(self) -> str:
        """The stream's name and host."""
        return f"LSL {self._shown}"

    def diagnosis(self) -> Diagnosis:
        """What could not be believed, and how the stream's clock stands to ours."""
        moved_ms = round((self._correction_s - self._first_correction_s) * 1e3, 3)
        return Diagnosis(
            implausible=self._implausible,
            board=self._shown if self._columns else "",
            calibrated=_calibrated(self._columns),
            clock=ClockFigures(moved_ms, 0.0, 0.0) if self._columns else None,
        )

    def _take_up(self, found: Any) -> None:
        self._inlet = self._lsl.StreamInlet(found, max_buflen=_BUFFER_S, recover=False)
        info = self._inlet.info(timeout=self._settings.find_s)
        if info.channel_format() == self._lsl.cf_string:
            raise ValueError("its channels are text, not numbers")
        labels, units = _described(info.get_channel_labels(), info), _described(info.get_channel_units(), info)
        self._columns = columns(labels, units, self._settings.channels, self._settings.scale)
        self._uid = info.uid()
        self._shown = f"{info.name()} on {info.hostname()}"
        self._period_s = 1 / info.nominal_srate() if info.nominal_srate() > 0 else 0.0
        self._inlet.open_stream(timeout=self._settings.find_s)
        self._correct(_FIRST_CORRECTION_S)
        self._first_correction_s = self._correction_s

    def _look_whether_it_is_there(self, told: bool) -> None:
        """The library tells nothing of an outlet that vanished: one that is silent is looked for now and then."""
        now_ns = self._clock.mono_ns()
        if told or not self._heard_ns:
            self._heard_ns = now_ns
        elif now_ns - self._heard_ns > _SILENT_NS:
            self._heard_ns = now_ns
            if not self._lsl.resolve_bypred(f"uid='{self._uid}'", 1, _LOOK_S):
                raise SourceUnavailableError(f"{self._shown}: the stream vanished")

    def _correct(self, patience_s: float) -> None:
        """Ask now and then how the stream's clock stands to that of this machine."""
        now_ns = self._clock.mono_ns()
        if self._corrected_ns and now_ns - self._corrected_ns < _CORRECT_EVERY_NS:
            return
        self._corrected_ns = now_ns
        try:
            self._correction_s = self._inlet.time_correction(timeout=patience_s)
        except self._lsl.util.TimeoutError:
            if not self._columns:
                raise

    def _sample(self, row: list[float], stamp_s: float, now_ns: int, age_s: float) -> Sample | None:
        """A row of which nobody can tell when it was measured is no sample, and leaves a gap."""
        if not (math.isfinite(age_s) and age_s < _OLDEST_S):
            self._implausible += 1
            self._gap = True
            return None
        values, left_out = values_of(row, self._columns)
        self._implausible += left_out
        self._gap |= self._skips(stamp_s)
        if not values:
            self._gap = self._gap or left_out > 0
            return None
        self._last_ns = max(self._last_ns, now_ns - max(0, round(age_s * 1e9)))
        gap, self._gap = self._gap, False
        return Sample(self._settings.id, self._last_ns, values, None, gap)

    def _skips(self, stamp_s: float) -> bool:
        """Whether rows are missing before this one; a stream without a rate of its own tells nothing of it."""
        before, self._stamp_s = self._stamp_s, stamp_s
        return self._period_s > 0 and before is not None and stamp_s - before > _MISSING_FROM * self._period_s


def _library(path: str) -> Any:
    """The library; which liblsl it takes is settled by its first import in a process."""
    if path:
        if not Path(path).is_file():
            raise SourceUnavailableError(f"{path}: no such file; `library` names where liblsl lies")
        os.environ["PYLSL_LIB"] = path
    try:
        return importlib.import_module("pylsl")
    except (ImportError, RuntimeError, AttributeError) as error:  # the last where `library` names another library
        raise SourceUnavailableError(_NO_LIBRARY) from error


def _predicate(settings: LslSettings) -> str:
    """What the stream's description must fulfil (XPath 1.0); the settings take no quotation marks."""
    wanted = {"name": settings.stream, "type": settings.stream_type, "source_id": settings.source_id}
    return " and ".join(f"{field}='{value}'" for field, value in wanted.items() if value) or "count(name)>0"


def _wanted_words(settings: LslSettings) -> str:
    return settings.stream or settings.source_id or settings.stream_type or "any stream"


def _described(said: "list[str | None] | None", info: Any) -> list[str]:
    """What each channel says of itself, empty where it says nothing."""
    count: int = info.channel_count()
    known = [one or "" for one in said or []]
    return (known + [""] * count)[:count]


def _calibrated(taken: list[Column]) -> bool | None:
    channels = {column.channel.value for column in taken}
    return "gsr_us" in channels if channels & {"gsr_us", "gsr_raw"} else None
