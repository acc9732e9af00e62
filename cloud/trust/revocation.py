"""Revoking: first the register, which counts at once for renewals, then the list that brokers read."""

import asyncio
import logging
import random
from collections.abc import Collection
from typing import Final

from cloud.store.clock import Backoff, Clock
from cloud.store.errors import StoreUnavailableError
from cloud.trust.authority import Authority
from cloud.trust.errors import NoAuthorityError
from cloud.trust.papers import Kind
from cloud.trust.register import DEVICES, Asker, Register

_log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 600.0


class Revocation:
    """Keeps the list as the register has it."""

    def __init__(self, *, authority: Authority, register: Register, clock: Clock) -> None:
        self._authority = authority
        self._register = register
        self._clock = clock

    async def revoke(self, name: str, *, by: Asker, kinds: Collection[Kind] = DEVICES) -> int:
        """End all certificates of `name` of these kinds; how many that were. Done twice, it is done once.

        A device's invitations end too.

        Raise `NoAuthorityError`, also after it was registered: then the list has still to be written.
        """
        ended = await self._register.revoke(name, by=by, now_ms=self._clock.now_ms(), kinds=kinds)
        await self.refresh()
        return ended

    async def refresh(self) -> bool:
        """Write the list where the register says another than it does; whether it did. Raise `NoAuthorityError`."""
        async with self._register.listing() as revoked:
            listed = await asyncio.to_thread(self._listed)
            if listed == {each.serial for each in revoked}:
                return False
            await asyncio.to_thread(self._authority.write_list, revoked, self._clock.now_ms())
        return True

    def _listed(self) -> set[int] | None:
        """What the list says; None for one that is gone or torn, which is written anew like one that is old."""
        try:
            return self._authority.listed()
        except (NoAuthorityError, ValueError):
            return None

    async def run(self, rng: random.Random) -> None:
        """Refresh now and then until cancelled: whoever revoked may have been killed before the list was written."""
        backoff = Backoff(rng, first_s=1.0, limit_s=_LOOK_EVERY_S)
        while True:
            try:
                await self.refresh()
            except NoAuthorityError:
                await self._clock.sleep(_LOOK_EVERY_S)  # there need not be one
            except (StoreUnavailableError, OSError) as error:
                _log.warning("the list of revoked certificates cannot be renewed: %s", error)
                await self._clock.sleep(backoff.next())
            else:
                backoff.reset()
                await self._clock.sleep(_LOOK_EVERY_S)
