"""What the native routes of sessions and sensors say and take, beside the documents of `contract.sessions`."""

from typing import Annotated

from msgspec import Meta, Struct

from contract.emotions import emotion_of
from contract.ids import Id
from contract.messages import EpochMs, Prediction
from contract.sessions import Ask, NewLabel, Participant, SensorView, SessionView, SignalView, Stimulus, StimulusClock

Words = Annotated[str, Meta(max_length=2000)]
SessionId = Annotated[
    str, Meta(max_length=200, description="whatever its maker chose, of printable characters; never taken apart")
]


class Participants(Struct, frozen=True, kw_only=True):
    """Everybody who is known, by id."""

    participants: list[Participant]


class ParticipantRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be said of a participant. Never a name."""

    sensor: Id | None = None
    note: Words = ""


class ConsentRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """They agree to the text of this digest, or take it back."""

    given: bool
    text_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}(?![\\s\\S])")]
    witness: Annotated[str, Meta(max_length=200)] = ""


class LinkView(Struct, frozen=True, kw_only=True):
    """A link that lets a participant take part; the token is told once."""

    token: str
    path: str
    expires_ms: EpochMs


class Stimuli(Struct, frozen=True, kw_only=True):
    """Everything that can be watched, by id."""

    stimuli: list[Stimulus]


class Sessions(Struct, frozen=True, kw_only=True):
    """Sessions, newest first, without their labels and markers."""

    sessions: list[SessionView]


class SessionRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session to begin. `overrule` begins it although the check list warns; `cameras` record it on video, by default
    those of the settings."""

    participant: Id
    stimulus: Id | None = None
    sensor: Id | None = None
    session_id: SessionId = ""
    overrule: bool = False
    cameras: Annotated[list[Id], Meta(max_length=16)] | None = None


class MarkerRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A moment to mark; now, where no other is named."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    note: Words = ""
    at_ms: EpochMs | None = None


class LabelsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the participant said; a continuous trace says much at once."""

    labels: Annotated[list[NewLabel], Meta(min_length=1, max_length=500)]


class Kept(Struct, frozen=True, kw_only=True):
    """How many of the labels were new."""

    kept: int


class OpenAsk(Struct, frozen=True, kw_only=True):
    """The question that waits for an answer."""

    ask: Ask | None


class SegmentView(Struct, frozen=True, kw_only=True):
    """One segment of a session, for a timeline that is drawn by time (X.7). `probe` None is an abstention."""

    start_ms: EpochMs
    end_ms: EpochMs
    stimulus_ms: int | None
    """Where the stimulus was when the segment began; None where nobody said."""
    probe: str | None
    emotion: str
    color: str
    confidence: float
    valence: float | None
    arousal: float | None
    quality: float
    voices: dict[str, float]
    pushes: dict[str, float]
    change_score: float | None
    baseline: str | None
    signals: dict[str, float]


class Segments(Struct, frozen=True, kw_only=True):
    """The segments of a session, oldest first."""

    segments: list[SegmentView]


class Sensors(Struct, frozen=True, kw_only=True):
    """Every body sensor in the order of the config, and what the signals of each show now."""

    sensors: list[SensorView]
    signals: list[SignalView]


def segment_view(made: Prediction, stimulus_ms: int | None) -> SegmentView:
    """A prediction as a timeline draws it."""
    emotion = emotion_of(made.probe)
    return SegmentView(
        start_ms=made.start_ms,
        end_ms=made.end_ms,
        stimulus_ms=stimulus_ms,
        probe=made.probe,
        emotion=emotion.name,
        color=emotion.color,
        confidence=made.confidence,
        valence=made.valence,
        arousal=made.arousal,
        quality=made.quality,
        voices=made.voices,
        pushes=made.pushes,
        change_score=made.change_score,
        baseline=made.baseline,
        signals=made.signals,
    )


def stimulus_at(clock: StimulusClock | None, at_ms: int) -> int | None:
    """Where the stimulus of a session that ended was, as the last word of its player has it; None before it began.

    A player that stands still played until then at its own pace, as far as one word can tell.
    """
    if clock is None:
        return None
    rate = 0.0 if clock.rate == 0 and at_ms >= clock.at_ms else clock.rate or 1.0
    where = clock.stimulus_ms + round((at_ms - clock.at_ms) * rate)
    return where if where >= 0 else None
