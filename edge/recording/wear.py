"""What wears the disk, as whoever counts it wants to hear it."""

from typing import Protocol


class Wear(Protocol):
    """Counts what reaches the disk; called in any thread."""

    def wrote(self, n_bytes: int) -> None:
        """So many bytes were written."""
        ...

    def synced(self, n: int = 1) -> None:
        """The disk was asked so often to keep what it has."""
        ...


class NoWear:
    """Counts nothing."""

    def wrote(self, n_bytes: int) -> None:
        """See `Wear`."""

    def synced(self, n: int = 1) -> None:
        """See `Wear`."""
