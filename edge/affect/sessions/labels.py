"""What a participant said: from what a page gives to what is kept, and to the records that tell of it."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import structs

from contract.ids import new_token
from contract.messages import Label
from contract.sessions import Ask, NewLabel, SessionLabel
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.room import printable
from edge.affect.sessions.running import Running, believed
from edge.affect.sessions.timeline import StimulusTimeline
from edge.core.clock import Stamp
from edge.core.errors import RefusedError

MOST_AT_ONCE: Final = 2000
_DAY_MS: Final = 86_400_000
_POINTS: Final = 500
"""Points of a trace that go into one record: 50 s at 10 Hz, some 20 kB."""


def checked(labels: Sequence[NewLabel]) -> list[NewLabel]:
    """The labels, each with an id and each id once; raise `RefusedError` for one that says nothing."""
    if len(labels) > MOST_AT_ONCE:
        raise RefusedError(f"{len(labels)} labels at once are too many: send at most {MOST_AT_ONCE}")
    found: dict[str, NewLabel] = {}
    for label in labels:
        if label.probe is None and label.valence is None and label.arousal is None:
            raise RefusedError("a label needs at least one of probe, valence and arousal")
        found.setdefault(printable(label.label_id, "label_id", 80) or new_token("label"), label)
    return [_with_id(label, label_id) for label_id, label in found.items()]


def made(new: NewLabel, kept: KeptSession, running: Running | None, now: Stamp) -> SessionLabel:
    """The label with its moment by both clocks, and with the question that it answers.

    One that names only a place in the stimulus is about the moment at which the stimulus was there.
    """
    timeline = running.timeline if running else StimulusTimeline(kept.pieces)
    ask = running.asked(new.ask_id) if running else None
    now_ms = running.time_of(now) if running else now.wall_ms
    if new.at_ms is None and new.stimulus_ms is not None:
        at_ms = believed(timeline.when(new.stimulus_ms), now_ms)
    else:
        at_ms = running.moment(new.at_ms, now) if running else believed(new.at_ms, now_ms)
    at_ms = max(kept.start_ms, min(at_ms, kept.end_ms or now_ms))
    place = timeline.at(at_ms) if new.stimulus_ms is None else max(0, min(new.stimulus_ms, _DAY_MS))
    return SessionLabel(
        label_id=new.label_id,
        at_ms=at_ms,
        source=new.source,
        probe=new.probe,
        valence=new.valence,
        arousal=new.arousal,
        stimulus_ms=place,
        ask_id=ask.ask_id if ask else None,
        reason=ask.reason if ask else "",
    )


def records_of(kept: KeptSession, labels: Sequence[SessionLabel], running: Running | None) -> list[Label]:
    """One record for each label, and one for some points of a trace together."""
    points = [label for label in labels if label.source == "trace"]
    batches = [points[first : first + _POINTS] for first in range(0, len(points), _POINTS)]
    spoken = [[label] for label in labels if label.source != "trace"]
    asked = running.asked if running else _never_asked
    return [_record(kept, batch, asked(batch[-1].ask_id)) for batch in [*spoken, *batches]]


def answered(labels: Iterable[SessionLabel]) -> set[str]:
    """The questions that these labels answer."""
    return {label.ask_id for label in labels if label.ask_id}


def _record(kept: KeptSession, batch: Sequence[SessionLabel], ask: Ask | None) -> Label:
    last = batch[-1]
    trace = [(one.at_ms, one.valence, one.arousal) for one in batch] if last.source == "trace" else []
    return Label(
        label_id=last.label_id,
        participant=kept.participant,
        session_id=kept.session_id,
        at_ms=last.at_ms,
        source=last.source,
        probe=last.probe,
        valence=last.valence,
        arousal=last.arousal,
        stimulus_ms=last.stimulus_ms,
        video_id=kept.video_id,
        ask_id=last.ask_id,
        asked_ms=ask.at_ms if ask else None,
        reason=last.reason,
        trace=trace,
    )


def _never_asked(_ask_id: str | None) -> None:
    return None


def _with_id(label: NewLabel, label_id: str) -> NewLabel:
    return structs.replace(label, label_id=label_id)
