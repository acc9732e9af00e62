"""Where the pictures of events lie: two files for each event, within a budget, found again after a restart."""

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from contract.ids import check_id
from contract.messages import Severity
from edge.core.files import write_private
from edge.vision.events.thumbnail import Note, read_note

PictureKind = Literal["picture", "thumbnail"]
_ENDINGS: Final[dict[PictureKind, str]] = {"picture": ".jpg", "thumbnail": "-thumb.jpg"}
_HEAD: Final = 512
_ALARMS: Final[tuple[Severity, ...]] = ("HIGH", "CRITICAL")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Place:
    camera: str
    size_bytes: int
    note: Note

    @property
    def worth(self) -> tuple[bool, int]:
        """Who goes first is smallest: the oldest, alarms after all others."""
        return self.note.severity in _ALARMS, self.note.wall_ms


class PictureShelf:
    """`{camera}/{event_id}.jpg` and `{camera}/{event_id}-thumb.jpg` in one folder, for all cameras.

    At most `most` events and `most_bytes` bytes: the oldest go first, alarms (HIGH, CRITICAL) after all others. Any
    thread may read; one thread at a time may put.
    """

    def __init__(self, folder: Path, *, most: int, most_bytes: int) -> None:
        """Find what lies in `folder`; what is torn or over the budget is deleted, as far as the disk lets. Blocks."""
        self._folder = folder
        self._most = most
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = dict(_found(folder))
        self.used_bytes = sum(place.size_bytes for place in self._places.values())
        with suppress(OSError):  # the next picture meets the same disk and says so
            self._make_room(0, 0)

    def __len__(self) -> int:
        return len(self._places)

    def has(self, event_id: str) -> bool:
        """Whether picture and thumbnail of this event are kept. Does not block."""
        return event_id in self._places

    def read(self, event_id: str, kind: PictureKind) -> bytes | None:
        """The JPEG; None if it is not kept. Blocks on the disk."""
        with self._lock:
            place = self._places.get(event_id)
        if place is None:
            return None
        try:
            return self._path(place.camera, event_id, kind).read_bytes()
        except OSError:  # it went meanwhile, or the disk has lost it
            return None

    def put(self, camera: str, event_id: str, *, picture: bytes, thumbnail: bytes, note: Note) -> bool:
        """Keep both in place of what is kept of this event; whether they are worth their room.

        Raise `OSError` if the disk refuses: what was kept before is kept still, as far as it is whole.
        """
        place = _Place(check_id(camera, "camera"), len(picture) + len(thumbnail), note)
        old = self._places.get(check_id(event_id, "event"))
        old_bytes = old.size_bytes if old else 0
        if not self._fits(event_id, place):
            return False
        self._make_room(0 if old else 1, place.size_bytes - old_bytes, spared=event_id)
        write_private(self._path(camera, event_id, "picture"), picture)
        write_private(self._path(camera, event_id, "thumbnail"), thumbnail)
        with self._lock:
            self._places[event_id] = place
            self.used_bytes += place.size_bytes - old_bytes
        return True

    def _fits(self, event_id: str, place: _Place) -> bool:
        """Whether there is room for it beside those that are worth more."""
        above = [
            other.size_bytes for one, other in self._places.items() if one != event_id and other.worth > place.worth
        ]
        return len(above) < self._most and sum(above) + place.size_bytes <= self._most_bytes

    def _make_room(self, events: int, size_bytes: int, *, spared: str = "") -> None:
        while (
            len(self._places) + events > self._most or self.used_bytes + size_bytes > self._most_bytes
        ) and self._delete_least(spared):
            pass

    def _delete_least(self, spared: str) -> bool:
        victim = min(
            (one for one in self._places if one != spared), key=lambda one: self._places[one].worth, default=""
        )
        if not victim:
            return False
        with self._lock:
            place = self._places.pop(victim)
            self.used_bytes -= place.size_bytes
        for kind in _ENDINGS:
            self._path(place.camera, victim, kind).unlink(missing_ok=True)
        return True

    def _path(self, camera: str, event_id: str, kind: PictureKind) -> Path:
        return self._folder / camera / f"{event_id}{_ENDINGS[kind]}"


def _found(folder: Path) -> Iterator[tuple[str, _Place]]:
    """What lies whole in the folder; the rest, drafts and halves, is deleted."""
    for home in sorted(path for path in folder.glob("*") if path.is_dir()):
        names = _names(home)
        for event_id in sorted(name.removesuffix("-thumb.jpg") for name in names if name.endswith("-thumb.jpg")):
            place = _place(home, event_id)
            if place:
                names -= {f"{event_id}.jpg", f"{event_id}-thumb.jpg"}
                yield event_id, place
        _delete(home, names)


def _names(home: Path) -> set[str]:
    try:
        return {path.name for path in home.iterdir() if path.is_file()}
    except OSError as error:
        _log.warning("the album of events cannot be looked through: %s", error)
        return set()


def _place(home: Path, event_id: str) -> _Place | None:
    try:
        picture, thumbnail = home / f"{event_id}.jpg", home / f"{event_id}-thumb.jpg"
        with thumbnail.open("rb") as file:
            note = read_note(file.read(_HEAD))
        sizes = picture.stat().st_size, thumbnail.stat().st_size
    except OSError:
        return None
    return _Place(home.name, sum(sizes), note) if note and all(sizes) else None


def _delete(home: Path, names: set[str]) -> None:
    for name in names:
        if name.endswith(".jpg") or ".jpg." in name:
            try:
                (home / name).unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s in the album of events cannot be deleted: %s", name, error)
