"""What the LAN side needs of the rest of the appliance, as narrow protocols that the daemon fills.

Nothing here knows a driver, a model or a database, so that the whole web room runs in a test on a handful of fakes.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from contract.messages import Event, Record
from contract.plan import Plan
from edge.core.audit import AuditLog
from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.slot import Slot
from edge.web.auth import Auth
from edge.web.kept_metrics import Totals
from edge.web.legacy_collect_port import CollectPort
from edge.web.recording_port import RecordingPort
from edge.web.relay import Relays
from edge.web.session_folder_port import SessionFolderPort
from edge.web.session_port import SensorPort, SessionPort
from edge.web.settings import WebSettings
from edge.web.snapshots import Snapshots
from edge.web.storage_port import StoragePort
from edge.web.upload_port import UploadPort

VIEWER_DIR = Path(__file__).parent / "viewer"


class Paint(Protocol):
    """Draws what analysis sees into a JPEG: `edge.vision.overlay.paint`. Called in worker threads."""

    def __call__(
        self, jpeg: bytes, state: Mapping[str, Any] | None, plan: Plan, when: str, *, quality: int = ...
    ) -> bytes:
        """A new JPEG of that quality (1 to 100); the same bytes where they cannot be decoded.

        `state` is a `vision` message or None; `when` is written into the picture.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStats:
    """How a camera does now. Counters run from the start of the daemon and never go back."""

    state: str = "stopped"
    """A word of `edge.core.health.State`."""
    detail: str = ""
    fps: float = 0.0
    width: int = 0
    height: int = 0
    frames: int = 0
    """Frames delivered by the camera."""
    analysed: int = 0
    skipped: int = 0
    """Frames that analysis passed over because it was busy or told to."""
    reconnects: int = 0
    events_opened: int = 0
    events_merged: int = 0
    """Findings that were taken into an event that was open already."""
    events_suppressed: int = 0
    """Events that a rate limit kept from opening."""
    detector_runs: int = 0
    anomaly_score: float = 0.0
    """Sigma now."""
    anomaly_threshold: float = 0.0
    """Sigma at which an alarm begins."""
    learning_progress: float = 0.0
    """0 to 1."""
    motion_threshold: float = 0.0
    """Luma by which a pixel must differ from its background to move."""
    condition: str = ""
    """A word of `edge.vision.state.ConditionKind`; empty while analysis is not at work."""


class CameraPort(Protocol):
    """One camera with its analysis and recorder, as the LAN side sees it."""

    @property
    def id(self) -> str:
        """Its id in the config, topics and URLs."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def slot(self) -> Slot[Frame]:
        """Where its newest frame is: one slot as long as the daemon lives, cleared on loss and stop, closed last."""
        ...

    @property
    def running(self) -> bool:
        """Whether it is meant to deliver frames, that is started and not stopped, be it connected or not."""
        ...

    @property
    def recording(self) -> bool:
        """Whether it is being recorded now."""
        ...

    @property
    def stats(self) -> CameraStats:
        """How it does now."""
        ...

    async def start(self) -> None:
        """Start capture and analysis unless they run. Raise `SourceUnavailableError` if it cannot be opened."""
        ...

    async def stop(self) -> None:
        """Release the camera; return once it is free for another program. Does nothing if stopped."""
        ...

    def vision_state(self) -> Mapping[str, Any] | None:
        """The newest `vision` message of the hub; None while analysis is not at work."""
        ...

    def reset_vision(self) -> None:
        """Forget what is transient (motion, tracks, status, open alarms) and keep what was learned."""
        ...

    async def set_recording(self, on: bool) -> None:
        """Begin or end a recording asked for by hand. Raise `StoreError` if there is no room."""
        ...

    def plan(self) -> Plan:
        """What people have drawn over its picture; an empty plan if nobody has."""
        ...

    def plan_problem(self) -> str | None:
        """Why the kept plan could not be read, if so: the plan is then an empty one until one is saved."""
        ...

    async def set_plan(self, plan: Plan) -> Plan:
        """Keep `plan`, which changes the version that it names; return it as kept, one version on.

        Raise `PlanConflictError` if that is not the version now, `StoreError` if the disk does not take it.
        """
        ...

    def anomaly(self) -> Mapping[str, Any] | None:
        """What it learned and how the last hour was, as `edge.web.views.AnomalyView` has it; None while it is off."""
        ...

    async def reset_anomaly(self) -> None:
        """Forget what was learned to be normal. Raise `StoreError` if that cannot be made durable."""
        ...

    async def feedback(self, event_id: str, normal: bool) -> bool:
        """Somebody says that an event was normal, or that it was not; whether this camera knows the event.

        Raise `StoreError` if it cannot be kept.
        """
        ...

    def feedback_of(self, event_id: str) -> bool | None:
        """What was last said of an event: whether it was normal; None if nobody said."""
        ...


class History(Protocol):
    """The device's own durable records, by the row they have in its store: later is larger, holes are allowed."""

    async def history(
        self, kind: str | None, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[tuple[int, Record]]:
        """Up to `limit` committed `(row, record)`; `kind` is a body's tag (`prediction`, `event`, ...) or None for all.

        With `after`: those of a larger row, oldest first. Otherwise newest first, those of a row smaller than `before`
        where that is given. Raise `StoreError` if the store cannot be read.
        """
        ...

    async def newest_row(self) -> int:
        """The largest committed row, 0 if there is none."""
        ...

    async def of_event(self, event_id: str, *, limit: int = 20) -> Sequence[tuple[int, Record]]:
        """Up to `limit` committed `(row, record)` of one event, newest first; found by an index, not by a scan.

        Raise `StoreError` if the store cannot be read.
        """
        ...


PictureKind = Literal["picture", "thumbnail"]


class EventPictures(Protocol):
    """The best pictures of events, kept as files."""

    def has(self, event_id: str) -> bool:
        """Whether both are kept of this event. Called in a worker thread: it may look at the disk."""
        ...

    async def read(self, event_id: str, kind: PictureKind) -> bytes | None:
        """The JPEG; None if it is not kept, or no more. `event_id` is a checked id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDeps:
    """Everything that `edge.web.app.create_app` is given."""

    cameras: Mapping[str, CameraPort]
    """By id, in the order of the config: S1's integer camera ids are positions in it."""
    relays: Relays
    """Who watches which camera; made by the daemon, which also reads `relays.viewers(camera)` from it."""
    history: History
    hub: Hub
    health: Health
    clock: Clock
    settings: WebSettings
    auth: Auth
    snapshots: Snapshots
    """Single pictures that were kept."""
    telemetry: Callable[[], Mapping[str, Any]]
    """The newest `telemetry` message: a contract Telemetry body as a dict, with `t_ms`; empty before the first."""
    config: Callable[[], Mapping[str, Any]]
    """The running configuration without secrets, ready for JSON."""
    version: str
    device: str
    audit: AuditLog | None = None
    """Who did what; None where nothing is noted."""
    event_pictures: EventPictures | None = None
    clip_of: Callable[[Event], Path | None] = lambda _event: None
    """The video file that shows an event, growing or whole, if it is on the device: by its `recording_id`, where it has
    one, else by its `event_id`. Called in a worker thread: it may look at the disk."""
    sessions: SessionPort | None = None
    """Participants, stimuli and sessions; None where the appliance has no body sensor and no session can be."""
    sensors: SensorPort | None = None
    recordings: RecordingPort | None = None
    """The recordings on the device; None where nothing is recorded."""
    storage: StoragePort | None = None
    """How full the disk is; None where nothing is kept."""
    uploads: UploadPort | None = None
    """The way of files to object storage; None where nothing is uploaded."""
    collect: CollectPort | None = None
    """What takes videos from browsers; None where none are taken."""
    folders: SessionFolderPort | None = None
    """The folders of sessions; None where none are kept."""
    totals: Totals = tuple
    """What other rooms count, for the metrics."""
    paint: Paint | None = None
    """What draws over a picture; without it there is no live picture with an overlay."""
    viewer_dir: Path = VIEWER_DIR
    """The folder of the page."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by `WebServer` before it stops: open-ended responses end themselves."""
