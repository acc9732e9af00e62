"""Room for the store to open: a disk that others filled must not keep the appliance from coming up for ever."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.core.clock import Clock
from edge.core.notify import sd_notify
from edge.core.sizes import said_bytes
from edge.outbox.ballast import Ballast
from edge.recording.spool import Spool

NEEDED_BYTES: Final = 1 << 20
"""What SQLite wants for its side files at the opening, and the daemon for its own few; retention sees to the rest."""
BALLAST: Final = "ballast"
"""The file in the state folder that is given up when the disk is full."""
_LOOK_EVERY_S: Final = 2.0
_log = logging.getLogger(__name__)


def free_bytes(folder: Path) -> int:
    """What the disk of `folder` has left."""
    return shutil.disk_usage(folder).free


async def wait_for_room(state: Path, clock: Clock, free: Callable[[Path], int] = free_bytes) -> None:
    """Return when the disk of `state` has room to open the store; `free` tells how much there is.

    The ballast goes for it, then recordings that are in object storage, the oldest first; any other is the store's to
    decide about.
    """
    told = False
    while (missing := NEEDED_BYTES - free(state)) > 0:
        if Ballast(state / BALLAST, 0).release() or _evict_uploaded(state, missing):
            continue
        sd_notify("STATUS=the disk is full", f"EXTEND_TIMEOUT_USEC={int(_LOOK_EVERY_S * 10e6)}")
        if not told:
            _log.error("the disk of %s is full: free %s, and the appliance starts", state, said_bytes(missing))
            told = True
        await clock.sleep(_LOOK_EVERY_S)


def _evict_uploaded(state: Path, missing: int) -> bool:
    """Delete until so many bytes are won; False if there was nothing that may go."""
    spool = Spool(state / "recordings")
    uploaded = [entry for entry in spool.entries() if entry.sidecar.step == "uploaded"]
    for entry in sorted(uploaded, key=lambda one: one.sidecar.start_ms):
        spool.discard(entry.sidecar)
        missing -= entry.size_bytes
        if missing <= 0:
            break
    return bool(uploaded)
