"""Revoking: first the register, which counts at once for renewals, then the list that brokers read."""

import asyncio

from cloud.store.clock import Clock
from cloud.trust.authority import Authority
from cloud.trust.register import Register


class Revocation:
    """Writes the list anew from the register whenever that changed, and at the start, lest a kill came in between."""

    def __init__(self, *, authority: Authority, register: Register, clock: Clock) -> None:
        self._authority = authority
        self._register = register
        self._clock = clock

    async def revoke(self, name: str) -> int:
        """End all certificates and invitations of `name`; how many certificates that were. Done twice, it is done once.

        Raise `NoAuthorityError`, also after it was registered: then the list has still to be written.
        """
        ended = await self._register.revoke(name, self._clock.now_ms())
        await self.refresh()
        return ended

    async def refresh(self) -> int:
        """Write the list as the register has it; how many are on it. Raise `NoAuthorityError`."""
        async with self._register.listing() as revoked:
            await asyncio.to_thread(self._authority.write_list, revoked, self._clock.now_ms())
        return len(revoked)
