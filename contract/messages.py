"""Every message between a device and the cloud, with its units in its names.

A *record* is an envelope around one body. The envelope says who, when and how trustworthy the clock was; the body says
what. Bodies are plain and frozen; a new field is optional, so that an older cloud reads a newer device.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contract.ids import BootId, Id

Ratio = Annotated[float, Meta(ge=0.0, le=1.0)]
EpochMs = Annotated[int, Meta(ge=0, description="milliseconds since 1970-01-01T00:00:00Z")]
Count = Annotated[int, Meta(ge=0)]
Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
Probe = Literal["HH", "HL", "LH", "LL"]
Priority = Literal["alarm", "normal", "bulk"]
SignalState = Literal["ok", "absent", "electrode_off", "saturated", "motion", "flat", "noisy"]
Affect = Annotated[float, Meta(ge=-1.0, le=1.0, description="valence or arousal, -1 low to 1 high")]


class Body(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What a record says; `kind` on the wire names the class below it."""


class Prediction(Body, frozen=True, kw_only=True, tag="prediction"):
    """What a model says about one segment of time. First letter of `probe` is valence, second arousal."""

    task: Id
    model: Id
    model_version: str
    source: Id
    segment_index: Count
    start_ms: EpochMs
    end_ms: EpochMs
    probe: Probe | None = None
    """None is an abstention: the model was not sure, or its input was too poor."""
    confidence: Ratio = 0.0
    probabilities: dict[str, float] = {}
    valence: float | None = None
    arousal: float | None = None
    quality: Ratio = 1.0
    cluster_id: Count = 0
    session_id: str | None = None
    user_id: str | None = None
    video_id: int | None = None
    inference_ms: float | None = None
    voices: dict[str, float] = {}
    """Who had how much say: shares of `body`, `labels` (this person's), `consensus` (others') and `face`."""
    features: dict[str, float] = {}
    """What the model went by, by name, in standard deviations of this person."""
    pushes: dict[str, float] = {}
    """Which features pushed which way: log-odds for (above 0) or against the most probable class, the strongest."""
    change_score: float | None = None
    """How much the body changed with this segment; 1 is what its own past calls a change."""
    baseline: Literal["none", "learning", "complete"] | None = None
    """Whether a rest of this person was there to compare with; None where the model knows no such thing."""
    signals: dict[str, float] = {}
    """What the signals showed in the segment: `hr_bpm`, `rmssd_ms`, `sdnn_ms`, `scl_us`, `scr_count` and others."""
    signal_quality: dict[str, SignalState] = {}
    """How fit each channel was, by name."""


class Box(Struct, frozen=True, kw_only=True):
    """A rectangle in normalised picture coordinates: 0,0 is the upper left corner, 1,1 the lower right."""

    x: float
    y: float
    w: float
    h: float
    label: str = ""
    track: int | None = None


class Event(Body, frozen=True, kw_only=True, tag="event"):
    """One step in the life of something that happened in front of a camera; all steps share `event_id`."""

    event_id: Id
    phase: Literal["open", "update", "close"]
    camera: Id
    type: Id
    severity: Severity = "LOW"
    confidence: Ratio = 0.0
    start_ms: EpochMs
    end_ms: EpochMs | None = None
    baseline_deviation: float | None = None
    reasoning: list[str] = []
    boxes: list[Box] = []
    zone: Id | None = None
    """The zone or line of the camera's plan that it is about."""
    track: int | None = None
    picture: bool = False
    """Whether the device keeps a best picture of it."""
    recording_id: Id | None = None
    """The recording that shows it, where one was being made."""
    merged: Count = 0
    """How many findings of the same kind were taken together in it, so that nothing floods."""
    model: Id | None = None
    model_version: str | None = None


class Recording(Body, frozen=True, kw_only=True, tag="recording"):
    """A video file of one camera. `closed`: whole on the device; `uploaded`: confirmed in object storage."""

    recording_id: Id
    phase: Literal["closed", "uploaded"]
    camera: Id
    reason: Literal["continuous", "event", "manual", "schedule", "session"]
    start_ms: EpochMs
    end_ms: EpochMs
    frames: Count
    size_bytes: Count
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    codec: Id
    width_px: Count
    height_px: Count
    key: str
    event_id: Id | None = None
    session_id: str | None = None
    """The session for which it was made."""
    participant: Id | None = None
    salvaged: bool = False


class File(Body, frozen=True, kw_only=True, tag="file"):
    """A file that is no recording of a camera: data of a session, a video that a browser handed in, a day's timelapse,
    what a command from afar brought.

    Phases as of `Recording`. What belongs to a person names them, so that it can be erased.
    """

    file_id: Id
    phase: Literal["closed", "uploaded"]
    purpose: Literal["session", "collected", "timelapse", "snapshot", "diagnostics"]
    name: str
    """What it is called for people, e.g. `signals.parquet`."""
    key: str
    content_type: str = "application/octet-stream"
    size_bytes: Count
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    start_ms: EpochMs | None = None
    end_ms: EpochMs | None = None
    session_id: str | None = None
    participant: Id | None = None
    camera: Id | None = None
    about: dict[str, str] = {}
    """What else is known of it, by name, as it was told."""


class ClockFix(Body, frozen=True, kw_only=True, tag="clock"):
    """The wall clock is trusted now: in the run `of_boot`, the moment `at_mono_ms` was `wall_ms`.

    Whoever holds records of that run with an untrusted clock moves their times by
    `wall_ms - at_mono_ms - (t - mono_ms)` of each, and calls their clock `corrected`.
    """

    of_boot: BootId
    at_mono_ms: Count
    wall_ms: EpochMs
    reason: Literal["synchronised", "jumped"] = "synchronised"
    jump_ms: int = 0
    """How far the wall clock leapt, forward above 0."""


class Consent(Body, frozen=True, kw_only=True, tag="consent"):
    """A participant agreed to a text, or takes it back. Nothing of a participant is stored before they agreed."""

    participant: Id
    given: bool
    text_version: str
    text_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    witness: str = ""
    """Who recorded it."""


class Session(Body, frozen=True, kw_only=True, tag="session"):
    """One viewing by one participant began, or ended."""

    session_id: str
    phase: Literal["start", "stop"]
    participant: Id
    video_id: int | None = None
    stimulus: Id | None = None
    sensor: Id | None = None
    start_ms: EpochMs
    end_ms: EpochMs | None = None
    reason: str = ""
    """Why it ended: `stopped`, `replaced`, `restarted` (the appliance was) or `withdrawn`."""
    warnings: list[str] = []
    """What the check list found and was overruled."""


class Marker(Body, frozen=True, kw_only=True, tag="marker"):
    """Somebody marked a moment of a session, or wrote a note."""

    session_id: str
    at_ms: EpochMs
    name: str
    note: str = ""
    stimulus_ms: int | None = None


class Label(Body, frozen=True, kw_only=True, tag="label"):
    """What a participant said of how they felt at one moment. What they did not say is None, never `Neutral` (X.17)."""

    label_id: str
    participant: Id
    session_id: str
    at_ms: EpochMs
    """The moment that it is about."""
    source: Literal["probe", "square", "trace", "annotation"]
    label_set: Id = "quadrant"
    probe: Probe | None = None
    valence: Affect | None = None
    arousal: Affect | None = None
    stimulus_ms: int | None = None
    video_id: int | None = None
    ask_id: str | None = None
    asked_ms: EpochMs | None = None
    reason: str = ""
    """Why the question was asked."""
    trace: list[tuple[EpochMs, Affect | None, Affect | None]] = []
    """The points of a continuous trace, oldest first: moment, valence, arousal. The label is the last of them."""


class Erasure(Body, frozen=True, kw_only=True, tag="erasure"):
    """Everything of a participant was erased on the device; whoever reads this erases it too."""

    participant: Id
    sessions: list[str] = []
    records: Count = 0
    files: Count = 0


class HealthChange(Body, frozen=True, kw_only=True, tag="health"):
    """A part of the device went from one state to another."""

    part: str
    state: Literal["starting", "ok", "degraded", "failed", "stopped"]
    detail: str = ""


class Telemetry(Body, frozen=True, kw_only=True, tag="telemetry"):
    """How the device is; sent once a minute."""

    cpu_share: float
    rss_bytes: Count
    disk_free_bytes: Count
    outbox_records: Count
    uploads_pending: Count
    temperature_c: float | None = None
    cameras: dict[str, float] = {}
    """Frames per second that each camera delivers."""


class Loss(Body, frozen=True, kw_only=True, tag="loss"):
    """The ledger entry of records or files that were given up, so that a gap is explained and never silent."""

    what: Literal["records", "recording", "samples", "frames", "file"]
    reason: str
    count: Count
    size_bytes: Count = 0
    boot: BootId | None = None
    first_seq: Count | None = None
    last_seq: Count | None = None
    """With `boot` and `first_seq`: the sequence numbers, inclusive, that will never come."""
    recording_id: Id | None = None
    file_id: Id | None = None


class CommandState(Body, frozen=True, kw_only=True, tag="command"):
    """How far a command is. Exactly one record of each command has a state that is an end."""

    command_id: Id
    name: Id
    state: Literal["accepted", "running", "succeeded", "failed", "expired"]
    """The first two are steps, the rest are ends."""
    reason: Annotated[str, Meta(max_length=1000)] = ""
    """Why it failed, and what to do; or how far it is."""
    outcome: dict[str, str] = {}
    """What came of it, such as `snapshot_id`, `key` of an object, or `release`."""


AnyBody = (
    Prediction
    | Event
    | Recording
    | File
    | HealthChange
    | Telemetry
    | Loss
    | ClockFix
    | Consent
    | Session
    | Marker
    | Label
    | Erasure
    | CommandState
)


class Record(Struct, frozen=True, kw_only=True):
    """A body with its identity and its time, as published on the device's topic."""

    v: Literal[1] = 1
    id: str
    """`boot:seq`, unique within the device."""
    seq: Annotated[int, Meta(ge=1)]
    boot: BootId
    t: str
    """UTC wall time of the making, RFC 3339 with milliseconds."""
    mono_ms: Count
    clock: Literal["trusted", "untrusted", "corrected"]
    """`corrected`: made while the clock was not trusted, and put right by a `ClockFix` since."""
    body: AnyBody


class Status(Struct, frozen=True, kw_only=True):
    """Retained birth message and last will of a device."""

    v: Literal[1] = 1
    device: Id
    state: Literal["online", "offline"]
    boot: BootId
    t: str
    clock: Literal["trusted", "untrusted"] = "untrusted"
    software: str = ""


class Ack(Struct, frozen=True, kw_only=True):
    """From the cloud: every record of `boot` up to and with `seq` is committed, or known to be given up.

    `missing` lists closed ranges above `seq` that the cloud has not seen although it has seen later records; where
    there are too many, the lowest. Each is as long as can be: the numbers next to it are committed.
    """

    v: Literal[1] = 1
    boot: BootId
    seq: Count
    missing: list[tuple[int, int]] = []
    highest: Count = 0
    """Every number above `seq` and up to this one that `missing` does not name is committed too; 0 where the cloud does
    not say. Records that overtook others (alarms, live ones) are known by it to have arrived."""


def priority_of(body: AnyBody) -> Priority:
    """How long a record may be held back when the link or the disk is short: alarms never."""
    match body:
        case Event(severity="HIGH" | "CRITICAL"):
            return "alarm"
        case Telemetry():
            return "bulk"
        case _:
            return "normal"
