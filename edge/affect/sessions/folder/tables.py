"""The tables of a session's folder: their columns, and how an entry of the journal becomes rows. Pure.

Every table has `t_ms`, `mono_ms` and `stimulus_ms`; `t_ms` is `start_ms + (mono_ms - start_mono_ms)` of the note.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from contract.messages import Prediction
from contract.sessions import SessionLabel, SessionMarker, StimulusClock
from edge.affect.sessions.folder.entries import Entry, Labelled, Marked, Predicted, Samples
from edge.affect.sessions.folder.layout import SessionNote
from edge.affect.sessions.timeline import StimulusTimeline

Kind = Literal["int", "float", "text", "word", "bool"]
"""`word`: text of which there are few kinds."""
Cell = int | float | str | bool | None
Row = tuple[Cell, ...]
_TIME: Final = (("t_ms", "int"), ("mono_ms", "float"), ("stimulus_ms", "int"))
PROBES: Final = ("HH", "HL", "LH", "LL")


@dataclass(frozen=True, slots=True)
class Columns:
    """Name and kind of each column of a table, in order."""

    table: str
    columns: tuple[tuple[str, Kind], ...]

    @property
    def names(self) -> list[str]:
        """The header."""
        return [name for name, _ in self.columns]


SIGNALS: Final = Columns(
    "signals",
    (
        *_TIME,
        ("sensor", "word"),
        ("channel", "word"),
        ("value", "float"),
        ("node_ms", "int"),
        ("gap_before", "bool"),
    ),
)
_SAID_SIGNALS: Final = ("hr_bpm", "rmssd_ms", "sdnn_ms", "scl_us", "scr_count")
PREDICTIONS: Final = Columns(
    "predictions",
    (
        *_TIME,
        ("end_ms", "int"),
        ("segment_index", "int"),
        ("source", "word"),
        ("model", "word"),
        ("model_version", "word"),
        ("probe", "word"),
        ("confidence", "float"),
        ("valence", "float"),
        ("arousal", "float"),
        ("quality", "float"),
        ("change_score", "float"),
        ("baseline", "word"),
        *((f"p_{probe}", "float") for probe in PROBES),
        *((name, "float") for name in _SAID_SIGNALS),
        ("inference_ms", "float"),
    ),
)
LABELS: Final = Columns(
    "labels",
    (
        *_TIME,
        ("label_id", "text"),
        ("source", "word"),
        ("probe", "word"),
        ("valence", "float"),
        ("arousal", "float"),
        ("ask_id", "text"),
        ("reason", "word"),
    ),
)
MARKERS: Final = Columns("markers", (*_TIME, ("name", "text"), ("note", "text")))
ALL: Final = (SIGNALS, PREDICTIONS, LABELS, MARKERS)


class SessionTime:
    """The clock of one session: monotonic time, its own wall time, and where the stimulus was."""

    def __init__(self, note: SessionNote) -> None:
        self._start_ms = note.start_ms
        self._start_mono_ms = note.start_mono_ms
        self._shift_ms = note.clock_shift_ms
        clocks: Sequence[StimulusClock] = note.stimulus_clock
        duration_ms = note.stimulus.duration_ms if note.stimulus else None
        self._timeline = StimulusTimeline(clocks, duration_ms=duration_ms)

    def moment_ms(self, mono_ms: float) -> int:
        """`t_ms` of a moment by the monotonic clock."""
        return self._start_ms + round(mono_ms - self._start_mono_ms)

    def of_mono(self, mono_ms: float) -> Row:
        """The three cells of a moment by the monotonic clock."""
        t_ms = self.moment_ms(mono_ms)
        return t_ms, round(mono_ms, 3), self._timeline.at(t_ms)

    def of_wall(self, told_ms: int, stimulus_ms: int | None = None) -> Row:
        """The same of a moment as the session told it then."""
        t_ms = told_ms + self._shift_ms
        place = self._timeline.at(t_ms) if stimulus_ms is None else stimulus_ms
        return t_ms, round(self._start_mono_ms + t_ms - self._start_ms, 3), place


def rows_of(entry: Entry, time: SessionTime) -> Iterator[tuple[str, Row]]:
    """Every row that an entry makes, with the name of its table."""
    match entry:
        case Samples():
            yield from (("signals", row) for row in _signals(entry, time))
        case Predicted(body):
            yield "predictions", _prediction(body, time)
        case Labelled(label):
            yield "labels", _label(label, time)
        case Marked(marker):
            yield "markers", _marker(marker, time)


def _signals(entry: Samples, time: SessionTime) -> Iterator[Row]:
    for mono_ns, node_ms, gap_before, values in entry.moments:
        when = time.of_mono(mono_ns / 1e6)
        for channel, value in values.items():
            yield (*when, entry.sensor, channel, value, node_ms, gap_before)


def _prediction(body: Prediction, time: SessionTime) -> Row:
    return (
        *time.of_wall(body.start_ms),
        time.of_wall(body.end_ms)[0],
        body.segment_index,
        body.source,
        body.model,
        body.model_version,
        body.probe,
        body.confidence,
        body.valence,
        body.arousal,
        body.quality,
        body.change_score,
        body.baseline,
        *(body.probabilities.get(probe) for probe in PROBES),
        *(body.signals.get(name) for name in _SAID_SIGNALS),
        body.inference_ms,
    )


def _label(label: SessionLabel, time: SessionTime) -> Row:
    return (
        *time.of_wall(label.at_ms, label.stimulus_ms),
        label.label_id,
        label.source,
        label.probe,
        label.valence,
        label.arousal,
        label.ask_id,
        label.reason,
    )


def _marker(marker: SessionMarker, time: SessionTime) -> Row:
    return (*time.of_wall(marker.at_ms, marker.stimulus_ms), marker.name, marker.note)
