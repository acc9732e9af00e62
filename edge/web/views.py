"""What the native routes say, as types: both their JSON and the schema in `/openapi.json` are made of them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from contract.messages import Box, EpochMs, Ratio, Record, Severity
from contract.plan import Plan
from edge.web.callers import Role
from edge.web.deps import CameraPort
from edge.web.roles import AccountRole


class CameraView(Struct, frozen=True, kw_only=True):
    """A camera now; a superset of the `camera` message of the event stream."""

    camera: str
    name: str
    position: int
    running: bool
    state: str
    detail: str
    fps: float
    width: int
    height: int
    frames: int
    viewers: int
    recording: bool
    live: str
    """Path of its live picture."""


class PartView(Struct, frozen=True, kw_only=True):
    """The health of one part; the same as the `health` message of the event stream."""

    part: str
    state: str
    detail: str
    since_ms: EpochMs


class RecordView(Struct, frozen=True, kw_only=True):
    """A durable record with its row in the device's history, the cursor of `after` and `before`."""

    row: Annotated[int, Meta(ge=0)]
    record: Record


class DeviceView(Struct, frozen=True, kw_only=True):
    """What this is, and what time it has."""

    device: str
    version: str
    t_ms: EpochMs
    clock_trusted: bool
    ready: bool


class Cameras(Struct, frozen=True, kw_only=True):
    """Every camera, in the order of the config."""

    cameras: list[CameraView]


class HealthView(Struct, frozen=True, kw_only=True):
    """Every part; `ready` is what `/readyz` says."""

    t_ms: EpochMs
    ready: bool
    parts: list[PartView]


class RecordPage(Struct, frozen=True, kw_only=True):
    """Some records. `next` is the cursor for what follows in the same direction, None at the end."""

    records: list[RecordView]
    next: int | None


class SignInRequest(Struct, frozen=True, kw_only=True):
    """The password, and whose. Other fields are ignored: programs that know of no accounts send names of their own."""

    password: str
    account: Annotated[str, Meta(max_length=64)] = "admin"


class CallerView(Struct, frozen=True, kw_only=True):
    """Who asks. `open` tells whether the caller's network may use the routes of existing clients without sign-in.

    `signed_in` and `user` are about accounts; somebody who came by a link has `role` and `subject` alone.
    """

    signed_in: bool
    user: str | None
    open: bool
    role: Role | None
    subject: str | None
    """The participant whose link it is."""


class NewSessionView(Struct, frozen=True, kw_only=True):
    """A sign-in that worked; the same token is in the cookie."""

    user: str
    token: str
    expires_ms: EpochMs
    role: AccountRole


class RecordingRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether to record."""

    on: bool


class SnapshotView(Struct, frozen=True, kw_only=True):
    """A snapshot that was kept."""

    filename: str
    url: str


class PlanView(Struct, frozen=True, kw_only=True):
    """A camera's plan. `problem` says why the kept one could not be read, if so."""

    plan: Plan
    problem: str | None


class LearningView(Struct, frozen=True, kw_only=True):
    """How far the normal is learned: over all, and for each hour of the day, 0 to 1."""

    complete: bool
    progress: float
    hours: list[float]


class AnomalyView(Struct, frozen=True, kw_only=True):
    """What a camera learned to be normal, and how the last hour was against it.

    Cells go row by row from the upper left. A sensitivity `s` would have alarmed where `sustained > threshold_raw / s`.
    """

    rows: int
    columns: int
    heat: list[float]
    """Sigma of each cell now."""
    usual: list[float]
    """Share of the frames in which something moves in the cell."""
    learning: LearningView
    threshold: float
    threshold_raw: float
    sensitivity: float
    scores: list[tuple[EpochMs, float]]
    """`[t_ms, sustained]` of each second with movement in the last hour."""


class EventView(Struct, frozen=True, kw_only=True):
    """An event as its records so far tell it. `row` is the newest of them; the URLs are None where there is no file."""

    event_id: str
    camera: str
    type: str
    severity: Severity
    confidence: Ratio
    phase: Literal["open", "update", "close"]
    start_ms: EpochMs
    end_ms: EpochMs | None
    reasoning: list[str]
    zone: str | None
    track: int | None
    boxes: list[Box]
    baseline_deviation: float | None
    merged: int
    picture: str | None
    thumbnail: str | None
    clip: str | None
    feedback: Literal["normal", "unusual"] | None
    row: Annotated[int, Meta(ge=0)]


class EventPage(Struct, frozen=True, kw_only=True):
    """Some events, newest first. `next` is the `before` to go on with, None at the end; a page may be short, or even
    empty, and yet not the last, for only so many records are looked through at once."""

    events: list[EventView]
    next: int | None


class FeedbackRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether an event was normal after all."""

    normal: bool


class StatusView(Struct, frozen=True, kw_only=True):
    """Everything that a page needs for its first paint; `newest_row` is where the event stream may go on from."""

    device: str
    version: str
    t_ms: EpochMs
    clock_trusted: bool
    ready: bool
    newest_row: int
    cameras: list[CameraView]
    health: list[PartView]
    vision: list[dict[str, Any]]
    samples: list[dict[str, Any]]
    telemetry: dict[str, Any] | None
    sync: dict[str, Any] | None
    predictions: list[RecordView]
    events: list[RecordView]
    recordings: list[RecordView]


def camera_view(camera: CameraPort, *, position: int, viewers: int) -> CameraView:
    """A camera as it is now."""
    stats = camera.stats
    return CameraView(
        camera=camera.id,
        name=camera.name,
        position=position,
        running=camera.running,
        state=stats.state,
        detail=stats.detail,
        fps=round(stats.fps, 2),
        width=stats.width,
        height=stats.height,
        frames=stats.frames,
        viewers=viewers,
        recording=camera.recording,
        live=f"/live/{camera.id}",
    )
