"""How full the disk is, as the LAN side needs it; the daemon fills this with the retention service."""

from typing import Protocol

from edge.core.storage_view import StorageView


class StoragePort(Protocol):
    """What lies on the disk, and what of it may give way. Belongs to the event loop."""

    def view(self) -> StorageView:
        """How it was at the last look, at most a few seconds ago."""
        ...
