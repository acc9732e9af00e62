"""What people said of events: normal or not. Kept in one small file for each camera, the latest thousand."""

import logging
import threading
from pathlib import Path
from typing import Final

import msgspec

from edge.core.errors import StoreError
from edge.core.files import write_private

_MOST: Final = 1000
_log = logging.getLogger(__name__)


class Opinions:
    """The last word on each event of one camera. Any thread may ask, and speak."""

    def __init__(self, path: Path) -> None:
        """A file that cannot be read is begun anew: what was learned from it is kept elsewhere."""
        self._path = path
        self._normal: dict[str, bool] = _read(path)
        self._saying = threading.Lock()

    def of(self, event_id: str) -> bool | None:
        """Whether somebody said that it was normal; None if nobody said."""
        return self._normal.get(event_id)

    def say(self, event_id: str, *, normal: bool) -> None:
        """Keep a word; blocks for a moment. Raise `StoreError` if the disk does not take it: then nothing was said."""
        with self._saying:
            said = {known: word for known, word in self._normal.items() if known != event_id} | {event_id: normal}
            while len(said) > _MOST:
                del said[next(iter(said))]
            try:
                write_private(self._path, msgspec.json.encode(said))
            except OSError as error:
                raise StoreError(f"what was said of an event was not kept: {error.strerror or error}") from error
            self._normal = said


def _read(path: Path) -> dict[str, bool]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, bool])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        _log.warning("%s cannot be read (%s): what was said of events before is not shown any more", path, error)
        return {}
