"""From one message to the rows it becomes. What no column can hold is refused here, where it can still be named."""

import json
import re
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from contract.codec import MAX_PAYLOAD_BYTES
from contract.errors import ContractError, InvalidMessageError
from contract.ids import BootId, check_boot, record_id
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
    Telemetry,
)
from contract.objects import device_of
from contract.times import from_wire
from contract.topics import leaf_of

UNREADABLE: Final = "unreadable"
"""The kind of a record whose envelope we can read and whose body we cannot: kept whole, so that it is not lost."""
_LARGEST: Final = 2**63 - 1
_CLOCKS: Final = {"trusted", "untrusted", "corrected"}
_LATEST_MS: Final = 253_402_300_800_000
"""The year 10000."""
_ID: Final = re.compile(rb'"id"\s*:\s*"([0-9]{8}-[0-9a-f]{8}:[0-9]{1,19})"')
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_NAMES: Final = ("session_id", "label_id", "user_id")
_LONGEST_NAME: Final = 200
"""Characters: two of them, and what stands beside them, fit into an entry of PostgreSQL's indexes."""
_ROOTS: Final = {
    "session": "sessions",
    "collected": "collected",
    "timelapse": "timelapses",
    "snapshot": "commands",
    "diagnostics": "commands",
}
"""Where files lie in object storage, by their purpose."""

Row = dict[str, Any]


class Position(NamedTuple):
    """A record's identity."""

    device: str
    boot: str
    seq: int


class Incoming(NamedTuple):
    """A record ready to be stored: its row for `records`, the row of its own table, and the numbers it gives up."""

    at: Position
    row: Row
    table: str | None = None
    typed: Row | None = None
    given_up: tuple[str, int, int] | None = None
    """`(boot, first, last)` of a loss."""
    about: "About | None" = None
    """Whom it speaks of."""


class About(NamedTuple):
    """Whom a record speaks of, by pseudonym or by session."""

    participant: str | None
    session_id: str | None


class _Envelope(Struct, frozen=True, kw_only=True):
    """A record whose body is left alone."""

    v: int
    id: str
    seq: int
    boot: BootId
    t: str
    mono_ms: int
    clock: str
    body: msgspec.Raw


_decode_record: Final = msgspec.json.Decoder(Record).decode
_decode_envelope: Final = msgspec.json.Decoder(_Envelope).decode


def read(device: str, leaf: str, payload: bytes, received_ms: int) -> tuple[Incoming, str | None]:
    """What `payload` from `device` becomes, and why its body could not be read, if so.

    A record with a sound envelope and an unknown or malformed body is kept as `unreadable`: a newer device must not
    wait for ever for an ack. So is one that is no JSON for half a character or a number that is none somewhere in it.
    Raise `ContractError`, which names the record where that can be seen, when not even the envelope can be read.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise InvalidMessageError(f"{len(payload)} bytes are more than the {MAX_PAYLOAD_BYTES} a message may have")
    envelope = _envelope(payload)
    at = Position(device, envelope.boot, envelope.seq)
    row = _record_row(at, envelope, received_ms)
    try:
        body = _decode_record(payload).body
        _check_leaf(body, leaf)
        table, typed = _typed(at, body, row["t_ms"])
        about = _about(body)
        _check_columns((typed or {}) | (about._asdict() if about else {}))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidMessageError) as error:
        return unreadable(Incoming(at, row, about=_seeming(payload))), str(error)
    return Incoming(at, row, table, typed, _given_up(body), about), None


def unreadable(one: Incoming) -> Incoming:
    """The record kept as it came, and nothing made of it: its number is accounted for, and an erasure finds it."""
    return Incoming(one.at, {**one.row, "kind": UNREADABLE}, about=one.about)


def _envelope(payload: bytes) -> _Envelope:
    try:
        envelope = _decode_envelope(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (found := _leniently(payload)) is None:
            raise InvalidMessageError(f"not a Record{_named(payload)}: {error}") from error
        envelope = found
    check_boot(envelope.boot)
    if envelope.id != record_id(envelope.boot, envelope.seq):
        raise InvalidMessageError(f"$.id: {envelope.id!r:.80} is not boot:seq")
    if not (1 <= envelope.seq <= _LARGEST and 0 <= envelope.mono_ms <= _LARGEST):
        raise InvalidMessageError("$.seq must be 1 or more, $.mono_ms 0 or more, both below 2**63")
    if envelope.v != 1 or envelope.clock not in _CLOCKS:
        raise InvalidMessageError("$.v must be 1 and $.clock trusted, untrusted or corrected")
    return envelope


def _leniently(payload: bytes) -> _Envelope | None:
    """The envelope of what is JSON but for a lone surrogate or a NaN, with all of it for a body."""
    try:
        found = json.loads(payload)
        text = json.dumps({"kind": UNREADABLE, "payload": payload.decode(errors="replace")})
        return msgspec.convert({**found, "body": msgspec.Raw(text.encode())}, _Envelope)
    except (ValueError, TypeError, RecursionError):
        return None


def _named(payload: bytes) -> str:
    """Which record it means to be, for whoever looks for its origin; empty if it does not say."""
    found = _ID.search(payload)
    return f" ({found[1].decode()})" if found else ""


def _record_row(at: Position, envelope: _Envelope, received_ms: int) -> Row:
    raw = bytes(envelope.body)
    return {
        **at._asdict(),
        "kind": _kind(raw),
        "t_ms": from_wire(envelope.t),
        "mono_ms": envelope.mono_ms,
        "clock": envelope.clock,
        "received_ms": received_ms,
        "body": raw.decode(errors="replace"),
        "shift_ms": None,
    }


class _Kind(Struct, frozen=True):
    kind: str


_PREDICTION_WITHOUT: Final = (
    "probabilities",
    "inference_ms",
    "voices",
    "features",
    "pushes",
    "change_score",
    "baseline",
    "signals",
    "signal_quality",
)
_EVENT_WITHOUT: Final = ("boxes", "baseline_deviation", "model", "model_version", "reasoning", "picture")
_decode_kind: Final = msgspec.json.Decoder(_Kind).decode


def _kind(raw: bytes) -> str:
    try:
        return _decode_kind(raw).kind.replace("\0", "")[:40]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UNREADABLE


def _typed(at: Position, body: AnyBody, t_ms: int) -> tuple[str | None, Row | None]:
    """The row of the body's own table. Kinds without one live in `records` alone."""
    match body:
        case Prediction():
            row = _columns(body, without=_PREDICTION_WITHOUT)
            return "predictions", {**at._asdict(), **row}
        case Event():
            row = _columns(body, without=_EVENT_WITHOUT)
            return "events", {**at._asdict(), **row, "reasoning": json.dumps(body.reasoning)}
        case Recording():
            _check_key(at.device, body.key, "recordings")
            return "recordings", {**at._asdict(), **_columns(body), "salvaged": int(body.salvaged)}
        case File():
            _check_key(at.device, body.key, _ROOTS[body.purpose])
            start_ms = t_ms if body.start_ms is None else body.start_ms
            row = {**at._asdict(), **_columns(body), "about": json.dumps(body.about), "start_ms": start_ms}
            return "files", row
        case Loss() | ClockFix() | CommandState() | Telemetry():
            return _typed_of_device(at, body, t_ms)
        case _:
            return _typed_of_sessions(at, body)


def _typed_of_device(at: Position, body: Loss | ClockFix | CommandState | Telemetry, t_ms: int) -> tuple[str, Row]:
    match body:
        case Loss():
            row = _columns(body, without=("boot",))
            return "ledger", {**at._asdict(), **row, "lost_boot": body.boot, "t_ms": t_ms}
        case ClockFix():
            _check_fix(body)
            return "clock_fixes", {**at._asdict(), **_columns(body)}
        case CommandState():
            outcome = json.dumps(body.outcome)
            return "command_states", {**at._asdict(), **_columns(body), "outcome": outcome, "t_ms": t_ms}
        case Telemetry():
            shown = {"uploads_pending": body.uploads_pending, "outbox_records": body.outbox_records}
            return "vitals", {**at._asdict(), **shown, "t_ms": t_ms, "body": msgspec.json.encode(body).decode()}


def _typed_of_sessions(at: Position, body: AnyBody) -> tuple[str | None, Row | None]:
    match body:
        case Session():
            return "sessions", {**at._asdict(), **_columns(body), "warnings": json.dumps(body.warnings)}
        case Label():
            return "labels", {**at._asdict(), **_columns(body, without=("trace",))}
        case Erasure():
            sessions = [name for name in body.sessions if _is_a_name(name)]
            return "erasures", {**at._asdict(), "participant": body.participant, "sessions": json.dumps(sessions)}
        case _:
            return None, None


def _about(body: AnyBody) -> About | None:
    match body:
        case Prediction() if body.user_id is not None or body.session_id is not None:
            return About(body.user_id, body.session_id)
        case Session() | Label():
            return About(body.participant, body.session_id)
        case Consent():
            return About(body.participant, None)
        case Marker():
            return About(None, body.session_id)
        case Recording() | File() if body.participant is not None or body.session_id is not None:
            return About(body.participant, body.session_id)
        case _:
            return None


def _seeming(payload: bytes) -> About | None:
    """Of whom a record seems to speak whose body cannot be read, by the names that every kind uses for it."""
    try:
        body = json.loads(payload.decode(errors="replace"))["body"]
        participant, user, session = (_found_name(body.get(name)) for name in ("participant", "user_id", "session_id"))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    found = About(participant or user, session)
    return found if any(found) else None


def _found_name(found: Any) -> str | None:
    """What can be a name: no half characters either, which no database keeps."""
    is_text = isinstance(found, str) and not _HALF_CHARACTER.search(found)
    return found if is_text and _is_a_name(found) else None


def _columns(body: Struct, without: tuple[str, ...] = ()) -> Row:
    return {name: getattr(body, name) for name in body.__struct_fields__ if name not in without}


def _check_leaf(body: AnyBody, leaf: str) -> None:
    if leaf_of(body) != leaf:
        raise InvalidMessageError(f"$.body: it belongs on .../{leaf_of(body)}, not on .../{leaf}")


def _check_key(device: str, key: str, root: str) -> None:
    """A device speaks for its own folder alone."""
    try:
        mine = device_of(key) == device and key.startswith(f"{root}/")
    except ContractError:
        mine = False
    if not mine:
        raise InvalidMessageError(f"$.body.key: {key!r:.120} does not lie under {root}/{device}/")


def _check_fix(body: ClockFix) -> None:
    """What is put right by it must stay within what can be a moment."""
    if body.wall_ms >= _LATEST_MS or body.at_mono_ms >= _LATEST_MS:
        raise InvalidMessageError("$.body: no clock fix lies beyond the year 9999")


def _check_columns(row: Row) -> None:
    for name, value in row.items():
        if isinstance(value, str) and "\0" in value:
            raise InvalidMessageError(f"$.body.{name}: a NUL character cannot be stored")
        if name in _NAMES and value is not None and not _is_a_name(value):
            raise InvalidMessageError(f"$.body.{name}: {len(value)} characters are more than {_LONGEST_NAME}")
        if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
            raise InvalidMessageError(f"$.body.{name}: {value} does not fit into 64 bits")


def _is_a_name(text: str) -> bool:
    """Whether something can be found by it: no other is ever stored, and so none has to be looked for."""
    return "\0" not in text and len(text) <= _LONGEST_NAME


def _given_up(body: AnyBody) -> tuple[str, int, int] | None:
    if not isinstance(body, Loss) or body.boot is None or body.first_seq is None:
        return None
    last = body.first_seq if body.last_seq is None else body.last_seq
    if not 1 <= body.first_seq <= last:
        return None
    return body.boot, body.first_seq, last
