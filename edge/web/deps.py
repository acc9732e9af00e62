"""What the LAN side needs of the rest of the appliance, as narrow protocols that the daemon fills.

Nothing here knows a driver, a model or a database, so that the whole web room runs in a test on a handful of fakes.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from contract.messages import Record
from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.slot import Slot
from edge.web.auth import Auth
from edge.web.relay import Relays
from edge.web.settings import WebSettings

VIEWER_DIR = Path(__file__).parent / "viewer"


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
    snapshots_dir: Path
    telemetry: Callable[[], Mapping[str, Any]]
    """The newest `telemetry` message: a contract Telemetry body as a dict, with `t_ms`; empty before the first."""
    config: Callable[[], Mapping[str, Any]]
    """The running configuration without secrets, ready for JSON."""
    version: str
    device: str
    viewer_dir: Path = VIEWER_DIR
    """The folder of the page."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by `WebServer` before it stops: open-ended responses end themselves."""
