"""What the API says, as structs: encoded from them, and described from them in `/openapi.json`.

Times are milliseconds since the epoch, UTC; `after` is the cursor of the next page, absent on the last.
"""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, json

from cloud.registry.catalogue import Entry
from cloud.store.roles import Role
from contract.emotions import emotion_of
from contract.messages import Severity

_S = TypeVar("_S", bound=Struct)
_FROM_MANIFEST: Final = ("name", "version", "task", "classes", "metrics", "sha256")


class Gap(Struct, frozen=True, kw_only=True):
    """Records of one boot, first and last included, that are neither here nor given up."""

    boot: str
    first_seq: int
    last_seq: int
    since_ms: int


class Device(Struct, frozen=True, kw_only=True):
    """A device, and how far its newest boot has been delivered: all up to `contiguous`, some up to `highest`."""

    device: str
    state: str
    """`online` or `offline` as its birth or will said; `unknown` before either came."""
    software: str
    clock: str
    first_seen_ms: int
    last_seen_ms: int
    boot: str | None = None
    contiguous: int = 0
    highest: int = 0
    missing: int = 0
    """Records missing over all boots."""
    gaps: list[Gap] = []
    """The newest of them; all are at `/v1/devices/{device}/gaps`."""
    release: str = ""
    """The directory of the release that runs; empty where the device was not installed as one."""
    desired_version: int = 0
    """What it shall be; 0 while nobody asked for anything."""
    sent_version: int = 0
    seen_version: int = 0
    reported_version: int = 0
    """What is in force, as the device says."""
    desired_state: str = ""
    """`in_force`, `taking` or `refused`, as the device says; empty before it said anything."""
    reported_ms: int | None = None
    commands_open: int = 0
    """Commands that have not ended."""
    open_alarms: int = 0
    """Events of the grave kinds that have not ended."""
    uploads_pending: int = 0
    outbox_records: int = 0
    """Records that wait on the device, a minute ago at most while it is online."""
    certificate_expires_ms: int | None = None


class Prediction(Struct, frozen=True, kw_only=True):
    """What a model said about one segment of time; `emotion` and `color` follow from `probe`."""

    device: str
    boot: str
    seq: int
    task: str
    model: str
    model_version: str
    source: str
    segment_index: int
    start_ms: int
    end_ms: int
    probe: str | None
    emotion: str
    color: str
    confidence: float
    quality: float
    cluster_id: int
    valence: float | None = None
    arousal: float | None = None
    session_id: str | None = None
    user_id: str | None = None
    video_id: int | None = None


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened in front of a camera, as its newest step has it."""

    device: str
    event_id: str
    phase: str
    camera: str
    type: str
    severity: Severity
    confidence: float
    start_ms: int
    end_ms: int | None
    reasoning: list[str]
    zone: str | None = None
    """The zone or line of the camera's plan that it is about."""
    recording_id: str | None = None
    """The recording that shows it."""
    merged: int = 0
    """How many findings alike were taken together in it."""


class Recording(Struct, frozen=True, kw_only=True):
    """A video file; it can be played once `phase` is `uploaded`."""

    device: str
    recording_id: str
    phase: str
    camera: str
    reason: str
    start_ms: int
    end_ms: int
    frames: int
    size_bytes: int
    sha256: str
    codec: str
    width_px: int
    height_px: int
    salvaged: bool
    event_id: str | None = None
    session_id: str | None = None
    participant: str | None = None
    video: str | None = None
    """Where to play it."""


class File(Struct, frozen=True, kw_only=True):
    """A file that is no recording: of a session, handed in by a browser, or of a day."""

    device: str
    file_id: str
    phase: str
    purpose: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    start_ms: int
    about: dict[str, str]
    end_ms: int | None = None
    session_id: str | None = None
    participant: str | None = None
    camera: str | None = None
    content: str | None = None
    """Where to fetch it."""


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """What a device gave up, when and why."""

    device: str
    boot: str
    seq: int
    t_ms: int
    what: str
    reason: str
    count: int
    size_bytes: int
    lost_boot: str | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    recording_id: str | None = None
    file_id: str | None = None


class Model(Struct, frozen=True, kw_only=True):
    """A model held here; `problem` is empty unless its file is not what its manifest says."""

    name: str
    version: str
    task: str
    classes: list[str]
    metrics: dict[str, float]
    sha256: str
    problem: str


class ModelList(Struct, frozen=True, kw_only=True):
    """Models by name and version; `problems` are manifests that cannot be read, by file name."""

    items: list[Model]
    problems: dict[str, str]


class DevicePage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Devices by name."""

    items: list[Device]
    found: int
    """How many are as asked for, on all pages."""
    known: int
    """How many there are."""
    after: str | None = None


class GapPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Gaps of one device, newest boot first."""

    items: list[Gap]
    after: str | None = None


class PredictionPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Predictions, newest first."""

    items: list[Prediction]
    after: str | None = None


class EventPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Events, newest first."""

    items: list[Event]
    after: str | None = None


class RecordingPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Recordings, newest first."""

    items: list[Recording]
    after: str | None = None


class LedgerPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ledger entries, newest first."""

    items: list[LedgerEntry]
    after: str | None = None


class FilePage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of files, newest first."""

    items: list[File]
    after: str | None = None


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to come in."""

    name: str
    password: str


class Session(Struct, frozen=True, kw_only=True):
    """Who is signed in, and what they may do."""

    name: str
    role: Role


class TokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new bearer token is for."""

    label: str


class Token(Struct, frozen=True, kw_only=True):
    """A new bearer token: shown this once."""

    token: str


def prediction_of(row: dict[str, Any]) -> Prediction:
    """From a row of `predictions`."""
    emotion = emotion_of(row["probe"])
    return _struct({**row, "emotion": emotion.name, "color": emotion.color}, Prediction)


def event_of(row: dict[str, Any]) -> Event:
    """From a row of `events`."""
    return _struct({**row, "reasoning": json.decode(row["reasoning"])}, Event)


def recording_of(row: dict[str, Any]) -> Recording:
    """From a row of `recordings`."""
    path = f"/v1/recordings/{row['recording_id']}/video?device={row['device']}"
    video = path if row["phase"] == "uploaded" else None
    return _struct({**row, "salvaged": bool(row["salvaged"]), "video": video}, Recording)


def file_of(row: dict[str, Any]) -> File:
    """From a row of `files`."""
    path = f"/v1/files/{row['file_id']}/content?device={row['device']}"
    content = path if row["phase"] == "uploaded" else None
    return _struct({**row, "about": json.decode(row["about"]), "content": content}, File)


def device_of(row: dict[str, Any]) -> Device:
    """From a row of `devices` with its delivery."""
    return _struct({**row, "boot": row["delivering_boot"] or row["boot"]}, Device)


def gap_of(row: dict[str, Any]) -> Gap:
    """From a row of `gaps`."""
    return _struct(row, Gap)


def ledger_entry_of(row: dict[str, Any]) -> LedgerEntry:
    """From a row of `ledger`."""
    return _struct(row, LedgerEntry)


def model_list_of(entries: list[Entry]) -> ModelList:
    """From what a catalogue found."""
    read = [(entry.manifest, entry.problem) for entry in entries if entry.manifest]
    items = [
        _struct({name: getattr(manifest, name) for name in _FROM_MANIFEST} | {"problem": problem}, Model)
        for manifest, problem in read
    ]
    items.sort(key=lambda model: (model.name, model.version))
    return ModelList(items=items, problems={entry.path.name: entry.problem for entry in entries if not entry.manifest})


def _struct(row: dict[str, Any], kind: type[_S]) -> _S:
    return msgspec.convert(row, kind)
