"""What every room stands on, made once."""

import random
from dataclasses import dataclass

from edge.config import EdgeConfig
from edge.core.clock import Clock
from edge.core.health import Health
from edge.core.hub import Hub
from edge.models.store import ModelStore
from edge.outbox.store import Outbox


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every room stands on."""

    config: EdgeConfig
    clock: Clock
    hub: Hub
    health: Health
    outbox: Outbox
    models: ModelStore

    @property
    def rng(self) -> random.Random:
        """Randomness for jitter; a fresh generator for each room."""
        return random.Random()  # noqa: S311 (spreads retries, guards nothing)
