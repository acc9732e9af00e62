"""Who may hand something in: what the desk of participants says of them, where there is one."""

from typing import Protocol

from edge.core.errors import RefusedError


class NotAgreedError(RefusedError):
    """Nothing of this person may be kept; the message says what to do about it."""


class Persons(Protocol):
    """Belongs to the event loop, but for `took_back`."""

    async def came(self, participant: str | None) -> None:
        """A client brings them, or somebody whom it does not name. Raise `RefusedError` where that is not consent
        enough, `StoreError` where it cannot be noted."""
        ...

    def took_back(self, participant: str) -> bool:
        """Whether they agreed once and do no more. May be asked in any thread."""
        ...


class Anybody:
    """`Persons` where nobody is asked."""

    async def came(self, participant: str | None) -> None:
        """Welcome."""
        del participant

    def took_back(self, participant: str) -> bool:
        """Never."""
        del participant
        return False
