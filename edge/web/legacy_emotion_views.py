"""The exact shapes of S0, as types: what is there comes in the order of the fields."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from contract.emotions import emotion_of
from contract.messages import EpochMs, Prediction
from contract.sessions import SessionView, SignalView

NOTHING_YET = "No predictions yet. Processing in progress..."


class Failure(Struct, frozen=True, kw_only=True):
    """S0.14, U0.1: what went wrong, in the words that the clients know, and what to do about it."""

    success: bool = False
    error: str
    message: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


class Bug(Struct, frozen=True, kw_only=True):
    """S0.15."""

    error: str = "Internal server error"


class Segment(Struct, frozen=True, kw_only=True):
    """S0.11: six keys. An abstention has an empty `probe`, for the field is a string, and is shown as `Unknown` in grey
    (U0.3): left out, it would move all that follow to a wrong place of a timeline that is drawn by position.

    `start_ms` and `end_ms` (X.7) are there only where a client asks for them with `?times=1`.
    """

    segment_index: int
    timestamp: EpochMs
    probe: str
    emotion: str
    color: str
    cluster_id: int | UnsetType = UNSET
    start_ms: EpochMs | UnsetType = UNSET
    end_ms: EpochMs | UnsetType = UNSET
    video_id: int | UnsetType | None = UNSET
    user_id: str | UnsetType | None = UNSET
    session_id: str | UnsetType | None = UNSET


class Predictions(Struct, frozen=True, kw_only=True):
    """S0.11, with the duration of U0.4 where it is known; S0.13 has a message and no `video_id`."""

    success: bool = True
    video_id: int | UnsetType = UNSET
    segments: list[Segment] = []
    total: int = 0
    duration_ms: int | UnsetType = UNSET
    message: str | UnsetType = UNSET


class PredictionList(Struct, frozen=True, kw_only=True):
    """Segments of more than one video: of the last hour (S0.24), or all."""

    success: bool = True
    segments: list[Segment]
    total: int


class Timeline(Struct, frozen=True, kw_only=True):
    """U0.8: segments with their times. Where there are older ones, `next` is what to ask for them with (`before`)."""

    success: bool = True
    segment_duration: int = 5000
    segments: list[Segment]
    total: int
    next: EpochMs | UnsetType = UNSET


class Started(Struct, frozen=True, kw_only=True):
    """S0.6; by the route of U0.1 also how long the video is, where that is known."""

    success: bool = True
    session_id: str
    estimated_duration_ms: int | UnsetType | None = UNSET


class Stopped(Struct, frozen=True, kw_only=True):
    """U0.2: the route of the description says `message` alone, that of the code `status` too."""

    success: bool = True
    status: str | UnsetType = UNSET
    message: str = "Video session stopped"


class ApiHealth(Struct, frozen=True, kw_only=True):
    """U0.8: whether the appliance is well, and its store with it."""

    success: bool = True
    status: str
    database: str
    timestamp: EpochMs


class ApiSession(Struct, frozen=True, kw_only=True):
    """U0.8: one viewing (S0.22)."""

    session_id: str
    user_id: str
    video_id: int | None
    timestamp: EpochMs
    active: bool
    segments: int


class ApiSessions(Struct, frozen=True, kw_only=True):
    """U0.8: viewings that go on now."""

    success: bool = True
    sessions: list[ApiSession]
    total: int


class OneApiSession(Struct, frozen=True, kw_only=True):
    """U0.8: one of them."""

    success: bool = True
    session: ApiSession


class LatestSignals(Struct, frozen=True, kw_only=True):
    """U0.8: what each sensor shows now."""

    success: bool = True
    signals: list[SignalView]
    total: int


def segment(made: Prediction, index: int, **more: Any) -> Segment:
    """A prediction as segment `index` of an answer."""
    emotion = emotion_of(made.probe)
    return Segment(
        segment_index=index,
        timestamp=made.start_ms,
        probe=made.probe or "",
        emotion=emotion.name,
        color=emotion.color,
        **more,
    )


def with_cluster(made: Prediction, index: int) -> Segment:
    """S0.11."""
    return segment(made, index, cluster_id=made.cluster_id)


def with_times(made: Prediction, index: int) -> Segment:
    """The same, and when it began and ended (X.7)."""
    return segment(made, index, cluster_id=made.cluster_id, start_ms=made.start_ms, end_ms=made.end_ms)


def with_names(made: Prediction, index: int) -> Segment:
    """S0.24: without the cluster, but with whose and of what it is, which the path does not say."""
    return segment(made, index, video_id=made.video_id, user_id=made.user_id, session_id=made.session_id)


def api_session(view: SessionView) -> ApiSession:
    """A session as S0 has it."""
    return ApiSession(
        session_id=view.session_id,
        user_id=view.participant,
        video_id=view.video_id,
        timestamp=view.start_ms,
        active=view.end_ms is None,
        segments=view.segments,
    )
