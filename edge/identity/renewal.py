"""Keeps the device's certificate fresh, long before it runs out, and says so loudly when it cannot."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from contract.times import to_wire
from edge.core.background import in_the_background
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import EdgeError, LinkError
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.identity.cloud import Door, open_door
from edge.identity.enrolling import renew
from edge.identity.errors import IdentityDamagedError
from edge.identity.folder import Identity, IdentityFolder
from edge.identity.settings import IdentitySettings

PART: Final = "identity"
_SILENCES: Final = 4
"""An attempt may take so many times what one silence may."""
_LOOK_EVERY_S: Final = 5.0
_RENEWED_AT: Final = 2 / 3
"""Of its life: a third is left in which the cloud may be away."""
_FIRST_WAIT_S: Final = 60.0
_LONGEST_WAIT_S: Final = 6 * 3600.0
_DAY_MS: Final = 86_400_000


class IdentityRenewal:
    """A `Service`. Health part: `identity`. `on_change` is called whenever there is another certificate than before.

    A device that was never enrolled is none of its business until it is; that is noticed within seconds.
    """

    def __init__(
        self,
        settings: IdentitySettings,
        *,
        folder: IdentityFolder,
        clock: Clock,
        health: Health,
        rng: random.Random,
        on_change: Callable[[], None],
        open_door: Callable[[str, float], Door] = open_door,
    ) -> None:
        self.name = "identity"
        self.pulse = Pulse(clock)
        self.renewals_total = 0
        """Certificates that were got in this run."""
        self.failures_total = 0
        """Attempts that failed, asked for or due."""
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._health = health
        self._on_change = on_change
        self._open_door = open_door
        self._backoff = Backoff(rng, first_s=_FIRST_WAIT_S, limit_s=_LONGEST_WAIT_S)
        self._identity: Identity | None = None
        self._looked = False
        self._not_before_ns = 0
        self._trouble = ""
        self._one_at_a_time = asyncio.Lock()

    @property
    def expires_ms(self) -> int | None:
        """When the certificate runs out, in milliseconds since the epoch; None where there is none."""
        return self._identity.about.expires_ms if self._identity else None

    @property
    def expires(self) -> str:
        """The same as RFC 3339; empty where there is none."""
        return to_wire(self._identity.about.expires_ms) if self._identity else ""

    async def run(self) -> None:
        """Look every few seconds, renew when it is time, until cancelled."""
        while True:
            self.pulse.beat()
            self._look()
            if self._due():
                await self._try()
            await self._clock.sleep(_LOOK_EVERY_S)

    async def renew(self) -> str:
        """Renew now, whatever its age; return when the new certificate runs out, RFC 3339.

        Raise `EdgeError`.
        """
        async with self._one_at_a_time:
            identity = self._folder.read()
            if identity is None:
                raise IdentityDamagedError("this device was never enrolled: afferent edge enrol --help")
            self._identity, self._looked = identity, True
            try:
                await self._renew(identity)
            except EdgeError:
                self.failures_total += 1
                raise
        self._look()
        return self.expires

    async def _try(self) -> None:
        """One attempt. A certificate that is due again at once means that our clock is off: that waits too."""
        try:
            await self.renew()
            self._trouble = ""
        except EdgeError as error:
            self._trouble = str(error)
        if self._trouble or self._is_old():
            self._not_before_ns = self._clock.mono_ns() + round(self._backoff.next() * 1e9)
        else:
            self._backoff.reset()
        self._tell()

    async def _renew(self, identity: Identity) -> None:
        door = self._open_door(self._settings.cloud or identity.about.cloud, self._settings.timeout_s)

        def work() -> None:
            with self._folder.exclusive():
                renew(identity, self._folder, door, self._settings.ca_file)

        asked = in_the_background(work, name="identity")
        asked.add_done_callback(_heard)  # also where nobody waits for it any more
        try:
            await self._beating(asked)
            self.renewals_total += 1
        finally:
            door.cut()

    async def _beating(self, asked: "asyncio.Future[None]") -> None:
        """Wait for it; a slow cloud is no reason for the watchdog. Raise `LinkError` where it never comes to an end."""
        most_ns = round(self._settings.timeout_s * _SILENCES * 1e9)
        until_ns = self._clock.mono_ns() + most_ns
        while not asked.done():
            if self._clock.mono_ns() > until_ns:
                raise LinkError(f"the cloud answers drop by drop, and not within {most_ns / 1e9:.0f} s")
            self.pulse.beat()
            await asyncio.wait({asked}, timeout=_LOOK_EVERY_S)
        asked.result()

    def _look(self) -> None:
        """Take notice of another certificate, whoever put it there."""
        try:
            found = self._folder.read()
        except IdentityDamagedError as error:
            self._health.set(PART, State.FAILED, str(error))
            return
        changed = self._looked and found != self._identity
        self._looked = True
        self._identity = found
        if changed:
            self._trouble = ""
            self._on_change()
        self._tell()

    def _due(self) -> bool:
        return self._is_old() and self._clock.mono_ns() >= self._not_before_ns

    def _is_old(self) -> bool:
        if self._identity is None:
            return False
        about = self._identity.about
        due_ms = about.begins_ms + (about.expires_ms - about.begins_ms) * _RENEWED_AT
        return self._clock.now().wall_ms >= due_ms

    def _tell(self) -> None:
        if self._identity is None:
            self._health.set(PART, State.STOPPED, "not enrolled: afferent edge enrol --help")
            return
        left_ms = self._identity.about.expires_ms - self._clock.now().wall_ms
        why = f"; {self._trouble}" if self._trouble else ""
        if left_ms <= 0:
            self._health.set(PART, State.FAILED, f"the certificate ran out on {self.expires}{why}")
        elif left_ms <= min(self._settings.warn_days * _DAY_MS, self._life_ms() * (1 - _RENEWED_AT) / 2):
            self._health.set(PART, State.DEGRADED, f"the certificate runs out on {self.expires}{why}")
        else:
            self._health.set(PART, State.OK, f"certified until {self.expires}{why}")

    def _life_ms(self) -> int:
        about = self._identity.about if self._identity else None
        return about.expires_ms - about.begins_ms if about else 0


def _heard(asked: "asyncio.Future[None]") -> None:
    if not asked.cancelled():
        asked.exception()
