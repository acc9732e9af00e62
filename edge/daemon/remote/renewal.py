"""`renew_certificate`: a new certificate for this device now, rather than when the old one is nearly over."""

from collections.abc import Awaitable, Callable

from edge.core.errors import EdgeError
from edge.sync.remote.handler import Call, CommandFailedError, Outcome

Renew = Callable[[], Awaitable[str]]
"""Gets a new certificate and returns when that expires (RFC 3339). Raises `EdgeError`."""


class RenewalHandler:
    """Outcome: `expires`."""

    def __init__(self, renew: Renew | None) -> None:
        """`renew` is None on a device that has no identity of its own."""
        self._renew = renew

    async def run(self, call: Call) -> Outcome:
        """Renew."""
        if self._renew is None:
            raise CommandFailedError("this device has no certificate: enrol it first (afferent edge enrol)")
        try:
            return {"expires": await self._renew()}
        except (EdgeError, OSError) as error:
            raise CommandFailedError(f"the certificate was not renewed: {error}") from error

    async def resume(self, call: Call) -> Outcome:
        """Another one does no harm."""
        return await self.run(call)
