"""Records as the tables hold them, and what of a record decides where it goes and how long it is held."""

from dataclasses import dataclass
from typing import Final

import msgspec

from contract.codec import MAX_PAYLOAD_BYTES, encode
from contract.ids import record_id
from contract.messages import (
    AnyBody,
    ClockFix,
    CommandState,
    Consent,
    Erasure,
    Event,
    File,
    Label,
    Loss,
    Marker,
    Prediction,
    Record,
    Recording,
    Session,
    priority_of,
)
from contract.times import to_wire
from edge.core.clock import Stamp

BULK: Final = 0
NORMAL: Final = 1
KEPT: Final = 2
TOMBSTONE: Final = 3
ALARM: Final = 4
_LIMIT_BYTES: Final = MAX_PAYLOAD_BYTES - 1024
"""Room for the envelope."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One record that the cloud has not acknowledged, ready to publish: `payload` is its UTF-8 JSON."""

    row: int
    boot: str
    seq: int
    leaf: str
    kind: str
    t_ms: int
    payload: bytes
    rank: int = NORMAL


@dataclass(frozen=True, slots=True)
class Counts:
    """How much waits: records without the cloud's acknowledgement, the oldest one's age, recordings to upload."""

    outbox_records: int
    oldest_unacked_s: float | None
    uploads_pending: int


@dataclass(frozen=True, slots=True)
class NewRow:
    """A record with its place in the history, about to be written."""

    row: int
    record: Record
    t_ms: int
    payload: bytes


def why_invalid(body: AnyBody) -> str:
    """Why the cloud would refuse such a record for ever, and with it all that comes after; empty if it would not."""
    try:
        encoded = msgspec.json.encode(body)
        msgspec.json.decode(encoded, type=AnyBody)
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
        return f"{type(body).__name__}: {error}"
    return "" if len(encoded) < _LIMIT_BYTES else f"{type(body).__name__}: {len(encoded)} bytes are too many"


_KEPT: Final = (Loss, Recording, File, ClockFix, Consent, Session, Marker, Label, Erasure, CommandState)


def rank_of(body: AnyBody) -> int:
    """Who gives way first when space runs out; alarms never do, nor what tells of a file or of a loss.

    Nor does what people said and agreed to, which is little, and nobody can say it again; nor what became of a command.
    """
    if isinstance(body, _KEPT):
        return KEPT
    return {"bulk": BULK, "normal": NORMAL, "alarm": ALARM}[priority_of(body)]


def kind_of(body: AnyBody) -> str:
    """The word in `kind` on the wire."""
    return str(type(body).__struct_config__.tag)


def subject_of(body: AnyBody) -> str | None:
    """What a record speaks of, by which it is found: a recording, an event, a session or a person."""
    match body:
        case Loss():
            return body.recording_id or body.file_id
        case Prediction():
            return body.session_id or body.user_id
        case _:
            name = _SUBJECTS.get(type(body))
            return str(getattr(body, name)) if name else None


_SUBJECTS: Final[dict[type[AnyBody], str]] = {
    Event: "event_id",
    Recording: "recording_id",
    File: "file_id",
    Session: "session_id",
    Label: "session_id",
    Marker: "session_id",
    Consent: "participant",
    CommandState: "command_id",
}


def make_row(row: int, *, boot: str, seq: int, at: Stamp, body: AnyBody) -> NewRow:
    """Give `body` its identity and its time."""
    record = Record(
        id=record_id(boot, seq),
        seq=seq,
        boot=boot,
        t=to_wire(at.wall_ms),
        mono_ms=at.mono_ns // 1_000_000,
        clock="trusted" if at.trusted else "untrusted",
        body=body,
    )
    return NewRow(row, record, at.wall_ms, encode(record))
