"""What every room stands on, made once."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.config import EdgeConfig
from edge.core.clock import Clock
from edge.core.health import Health
from edge.core.hub import Hub
from edge.models.store import ModelStore
from edge.outbox.store import Outbox
from edge.vision.detect.detections import Expression
from edge.vision.events.album import EventAlbum


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every room stands on."""

    config: EdgeConfig
    clock: Clock
    hub: Hub
    health: Health
    outbox: Outbox
    models: ModelStore
    album: EventAlbum
    turns: asyncio.Semaphore
    """As many cameras analyse a frame at once as there are cores; first come, first served."""
    host_boot: str = ""
    """This boot of the host, in which the monotonic clock counts on; empty if unknown."""
    expressions: list[Callable[[Expression], None]] = field(default_factory=list)
    """Who hears what faces in front of the cameras express."""

    @property
    def rng(self) -> random.Random:
        """Randomness for jitter; a fresh generator for each room."""
        return random.Random()  # noqa: S311 (spreads retries, guards nothing)
