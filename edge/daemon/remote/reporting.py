"""What the device tells the cloud of itself, and of how far a desired state is."""

import platform
from typing import Any

from contract.remote import Reported
from contract.times import to_wire
from edge.daemon.ground import Ground
from edge.daemon.remote.desired import DesiredService
from edge.daemon.remote.reach import Reach
from edge.daemon.remote.redaction import redacted
from edge.daemon.remote.settings_patch import settable_of


class Reporter:
    """What the device is; what is dear to find out is found out again only where it changed."""

    def __init__(self, ground: Ground, reach: Reach, desired: DesiredService) -> None:
        self._ground = ground
        self._reach = reach
        self._desired = desired
        self._settings: dict[str, Any] = {}
        self._settled: object = None

    def report(self) -> Reported:
        """As of now."""
        ground, reach, folder = self._ground, self._reach, self._desired.folder
        if self._settled is not self._desired.settled:
            self._settled = self._desired.settled
            self._settings = redacted(settable_of(self._desired.settled))
        return Reported(
            device=ground.config.device,
            boot=ground.outbox.boot,
            t=to_wire(ground.clock.now().wall_ms),
            version=folder.version,
            seen=folder.seen,
            state="taking" if folder.taking else "refused" if folder.refused else "in_force",
            refused=list(folder.refused),
            software=reach.version,
            release=reach.release,
            machine=platform.machine(),
            settings=self._settings,
            plans={camera: port.plan().version for camera, port in reach.plans.items()},
            models=reach.models(),
            certificate_expires=reach.expires(),
        )
