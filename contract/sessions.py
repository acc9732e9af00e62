"""What a session on the device is made of, as page and appliance speak of it: people, stimuli, checks, questions.

A *session* is one viewing by one participant (S0); `contract.messages` has the records that it leaves.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contract.ids import Id
from contract.messages import Affect, EpochMs, Probe, SignalState

StimulusKind = Literal["file", "external", "none"]
AskReason = Literal["clock", "change", "disagreement", "unsure", "first"]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of a document that goes over the wire as JSON."""


class ConsentState(Part, frozen=True, kw_only=True):
    """The consent of a participant as it stands."""

    given: bool
    text_version: str
    text_sha256: str
    at_ms: EpochMs
    witness: str = ""


class ConsentText(Part, frozen=True, kw_only=True):
    """The text that participants agree to now."""

    version: str
    text: str
    sha256: str


class Participant(Part, frozen=True, kw_only=True):
    """A person by pseudonym: never a name."""

    id: Id
    created_ms: EpochMs
    sensor: Id | None = None
    """The sensor that they wear."""
    note: Annotated[str, Meta(max_length=2000)] = ""
    consent: ConsentState | None = None
    sessions: int = 0


class Stimulus(Part, frozen=True, kw_only=True):
    """What is watched. `number` is its S0 video id (X.24)."""

    id: Id
    title: Annotated[str, Meta(max_length=200)] = ""
    kind: StimulusKind = "external"
    number: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    duration_ms: Annotated[int, Meta(ge=1, le=86_400_000)] | None = None
    size_bytes: int | None = None
    """Of the video file, where there is one."""
    sha256: str | None = None


class Check(Part, frozen=True, kw_only=True):
    """One line of the check list before a session."""

    name: Literal["consent", "sensor", "electrodes", "signal", "clock", "disk", "model", "stimulus"]
    state: Literal["ok", "warning", "stop"]
    """`stop`: a session cannot start; `warning`: it can, if somebody says so."""
    detail: str
    remedy: str = ""


class CheckList(Part, frozen=True, kw_only=True):
    """Whether a session can start: `ready` if nothing says `stop`."""

    ready: bool
    checks: list[Check]


class StimulusClock(Part, frozen=True, kw_only=True):
    """Where the stimulus was at a moment, as who plays it says; `rate` 0 is paused."""

    at_ms: EpochMs
    stimulus_ms: Annotated[int, Meta(ge=0, le=86_400_000)]
    rate: Annotated[float, Meta(ge=0, le=16)] = 1.0


class SessionMarker(Part, frozen=True, kw_only=True):
    """A marked moment, or a note."""

    at_ms: EpochMs
    name: str
    note: str = ""
    stimulus_ms: int | None = None


class SessionLabel(Part, frozen=True, kw_only=True):
    """What the participant said."""

    label_id: str
    at_ms: EpochMs
    source: Literal["probe", "square", "trace", "annotation"]
    probe: Probe | None = None
    valence: Affect | None = None
    arousal: Affect | None = None
    stimulus_ms: int | None = None
    ask_id: str | None = None
    reason: str = ""


class NewLabel(Part, frozen=True, kw_only=True):
    """A label as a page or a program gives it; at least one of `probe`, `valence`, `arousal` is there."""

    source: Literal["probe", "square", "trace", "annotation"] = "probe"
    at_ms: EpochMs | None = None
    probe: Probe | None = None
    valence: Affect | None = None
    arousal: Affect | None = None
    stimulus_ms: int | None = None
    ask_id: str | None = None
    label_id: Annotated[str, Meta(max_length=80)] = ""
    """Of the giver's making; the same id twice is one label."""


class SessionView(Part, frozen=True, kw_only=True):
    """A session as it stands."""

    session_id: str
    participant: str
    start_ms: EpochMs
    end_ms: EpochMs | None = None
    video_id: int | None = None
    stimulus: Id | None = None
    sensor: Id | None = None
    reason: str = ""
    warnings: list[str] = []
    cameras: list[str] = []
    """What records it on video."""
    clock: StimulusClock | None = None
    """The newest word on where the stimulus is."""
    clocks: list[StimulusClock] = []
    """Every word on it that was news, oldest first: between two, the stimulus went on as the first one says. With
    labels and markers only, not in lists."""
    markers: list[SessionMarker] = []
    labels: list[SessionLabel] = []
    said: int = 0
    """How many labels there are in all but points of traces; with `traced` told with the labels only, not in lists."""
    traced: int = 0
    """How many points of traces."""
    segments: int = 0


class Ask(Part, frozen=True, kw_only=True):
    """A question to a participant: how do you feel now?"""

    ask_id: str
    session_id: str
    participant: str
    at_ms: EpochMs
    expires_ms: EpochMs
    reason: AskReason


class ChannelQuality(Part, frozen=True, kw_only=True):
    """How fit one channel is now: `index` from 0 to 1."""

    state: SignalState
    index: float
    detail: str = ""


class Response(Part, frozen=True, kw_only=True):
    """One skin conductance response. Times are those of onset and peak."""

    onset_ms: EpochMs
    peak_ms: EpochMs
    amplitude_us: float
    rise_s: float
    recovery_s: float | None = None
    """From the peak to half the amplitude; None while it has not come to that."""


class SignalView(Part, frozen=True, kw_only=True):
    """What the signals of one sensor show now; the hub's topic `signals`, once a second."""

    sensor: Id
    t_ms: EpochMs
    hr_bpm: float | None = None
    rmssd_ms: float | None = None
    sdnn_ms: float | None = None
    scl_us: float | None = None
    """Tonic level of skin conductance."""
    phasic_us: float | None = None
    skin_c: float | None = None
    responses: list[Response] = []
    """Those that began or were completed since the view before."""
    beats_ms: list[EpochMs] = []
    """The beats since the view before."""
    quality: dict[str, ChannelQuality] = {}


class SensorView(Part, frozen=True, kw_only=True):
    """A sensor as it is now."""

    id: Id
    name: str = ""
    source: str
    state: str
    detail: str = ""
    rate_hz: float = 0.0
    samples: int = 0
    gaps: int = 0
    lost: int = 0
    resets: int = 0
    board: str = ""
    """Kind and stable name of the board, with its firmware."""
    calibrated: bool | None = None
    clock_offset_ms: float | None = None
    """Node time to host time, relative to the first frame."""
    clock_drift_ppm: float | None = None
    clock_jitter_ms: float | None = None
    commands: list[str] = []
    """What it understands of `identify`, `calibrate`, `self_test`, `rate`."""
    quality: dict[str, ChannelQuality] = {}


class SensorCommand(Part, frozen=True, kw_only=True):
    """Something for a sensor board to do. `value` is hertz for `rate`; for `calibrate` the counts of open electrodes,
    None to measure them now."""

    command: Literal["identify", "calibrate", "self_test", "rate"]
    value: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None


class CommandResult(Part, frozen=True, kw_only=True):
    """What came of a command."""

    ok: bool
    detail: str
    values: dict[str, float] = {}
