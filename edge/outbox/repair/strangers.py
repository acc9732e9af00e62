"""What lies where a file of the store belongs and is none: a folder that a container made, a pipe, a device.

SQLite and we would fail at it at every start, wait at it for ever, or put it in the place of the store.
"""

import logging
from pathlib import Path
from typing import Final

from edge.core.errors import StoreError
from edge.outbox import database

_PLACES: Final = (
    "-wal",
    "-shm",
    "-journal",
    ".salvaging",
    ".salvaging-wal",
    ".salvaging-shm",
    ".salvaging-journal",
    ".salvaged",
    ".salvaged-wal",
    ".salvaged-shm",
    ".salvaged-journal",
    ".suspect",
    ".repaired",
    ".boots",
    "",
)
_log = logging.getLogger(__name__)


def put_strangers_aside(path: Path, wall_ms: int) -> Path | None:
    """Rename each; return where that is which was in the place of the store itself, None if none was.

    Raise `StoreError` if the disk refuses.
    """
    aside = database.aside_of(path, wall_ms)
    strange = [suffix for suffix in _PLACES if _is_strange(path.with_name(path.name + suffix))]
    for suffix in strange:
        _put_aside(path.with_name(path.name + suffix), aside.with_name(aside.name + suffix))
    if strange:
        database.thin_out(path, aside)
    return aside if "" in strange else None


def _is_strange(place: Path) -> bool:
    return place.exists() and not place.is_file()


def _put_aside(place: Path, aside: Path) -> None:
    try:
        place.rename(aside)
    except OSError as error:
        raise StoreError(
            f"{place}: no file, but a folder or a device, and it cannot be renamed ({error.strerror}): "
            "move it away, or unmount it, and start again"
        ) from error
    _log.error("%s was no file, and is now %s", place, aside.name)
