"""The album of events: of each the picture that shows it best, and a thumbnail of what it is about.

A picture is the camera's own JPEG, byte for byte, as it left the capture room: what is private is painted over there
already. All work on pixels and on the disk is done in a thread of its own; whoever brings a picture never waits.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.messages import Box, Severity
from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.vision.events.settings import EventSettings
from edge.vision.events.shelf import PictureKind, PictureShelf
from edge.vision.events.thumbnail import Note, make_thumbnail
from edge.vision.findings import Finding

PART: Final = "album"
_WAITING: Final = 64
"""Pictures that may wait for the thread, one of each event; further events' are passed over and counted."""
_FIRST_PICTURE_S: Final = 2.0
"""An event is told before its picture is written: who asks at once waits for it, but not for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumStats:
    """Since the start: pictures written, passed over (no room, or too many at once), refused by the disk or unreadable;
    and what is kept now."""

    written: int = 0
    passed_over: int = 0
    failed: int = 0
    events: int = 0
    used_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Picture:
    event_id: str
    frame: Frame
    boxes: tuple[Box, ...]
    severity: Severity
    wall_ms: int


@dataclass(slots=True)
class _Life:
    """An event that goes on: when a picture of it was last handed over, and the better one that waits its turn."""

    handed_ns: int | None = None
    waiting: _Picture | None = None


class EventAlbum:
    """The pictures of the events of all cameras, in `folder`/{camera}. Health part: `album`, while pictures are kept.

    Methods belong to the event loop and do not block, but for the constructor, which looks through the folder, and
    `close`, which writes what waits and ends the thread.
    """

    def __init__(self, folder: Path, settings: EventSettings, clock: Clock, health: Health | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._health = health
        self._shelf = PictureShelf(folder, most=settings.keep_pictures, most_bytes=settings.picture_bytes)
        self._lives: dict[str, _Life] = {}
        self._line: dict[str, _Picture] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._at_work = ""
        self._problem = ""
        self._crowded_out = 0
        self._written = self._passed_over = self._failed = 0  # changed by the thread alone

    @property
    def stats(self) -> AlbumStats:
        """How it does."""
        return AlbumStats(
            written=self._written,
            passed_over=self._passed_over + self._crowded_out,
            failed=self._failed,
            events=len(self._shelf),
            used_bytes=self._shelf.used_bytes,
        )

    def promised(self, event_id: str) -> bool:
        """Whether a picture of this event is kept or, for one that goes on, is about to be."""
        return self.has(event_id) or (self._settings.keep_pictures > 0 and not self._problem)

    def has(self, event_id: str) -> bool:
        """Whether picture and thumbnail of this event are kept. Any thread may ask."""
        return self._shelf.has(event_id)

    async def read(self, event_id: str, kind: PictureKind) -> bytes | None:
        """The JPEG, the first of an event as soon as it is written; None if it is not kept, or no more."""
        return await asyncio.to_thread(self._read, event_id, kind)

    def consider(self, clearest: Sequence[tuple[str, Finding]], frame: Frame) -> None:
        """Take `frame` as the best picture so far of these events (`EventBook.clearest`).

        To be called with each analysed frame, also if there are none: a picture that had to wait is kept then.
        """
        if self._settings.keep_pictures == 0 or not frame.jpeg:
            return
        now = self._clock.now()
        for event_id, finding in clearest:
            picture = _Picture(event_id, frame, finding.boxes, finding.severity, now.wall_ms)
            self._lives.setdefault(event_id, _Life()).waiting = picture
        pause_ns = self._settings.better_picture_s * 1e9
        for life in self._lives.values():
            if life.waiting and (life.handed_ns is None or now.mono_ns - life.handed_ns >= pause_ns):
                life.handed_ns = now.mono_ns
                self._hand_over(life)
        self._tell()

    def finish(self, event_id: str) -> None:
        """The event is over: keep the best picture of it."""
        life = self._lives.pop(event_id, None)
        if life:
            self._hand_over(life)
        self._tell()

    def forget_waiting(self, camera: str) -> None:
        """Let go of this camera's pictures that are not written yet: what they show may not be shown any more."""
        for life in self._lives.values():
            if life.waiting and life.waiting.frame.camera == camera:
                life.waiting = None
        with self._changed:
            self._line = {one: picture for one, picture in self._line.items() if picture.frame.camera != camera}

    def close(self) -> None:
        """Write what waits and end the thread; what comes later is passed over."""
        for event_id in list(self._lives):
            self.finish(event_id)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join()

    def _read(self, event_id: str, kind: PictureKind) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self.has(event_id) or not self._is_coming(event_id), _FIRST_PICTURE_S)
        return self._shelf.read(event_id, kind)

    def _is_coming(self, event_id: str) -> bool:
        return event_id in self._line or event_id == self._at_work

    def _hand_over(self, life: _Life) -> None:
        picture, life.waiting = life.waiting, None
        if picture is None:
            return
        with self._changed:
            if self._closing or (len(self._line) >= _WAITING and picture.event_id not in self._line):
                self._crowded_out += 1
                return
            self._line[picture.event_id] = picture
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="album")
            self._thread.start()

    def _tell(self) -> None:
        if self._health and self._settings.keep_pictures:
            self._health.set(PART, State.DEGRADED if self._problem else State.OK, self._problem)

    def _work(self) -> None:
        """In the thread: one picture after the other, the longest waiting first."""
        while (picture := self._take()) is not None:
            try:
                self._keep(picture)
            except OSError as error:
                self._failed += 1
                self._problem = f"pictures of events cannot be kept: {error.strerror or error}"
            except BaseException as error:
                self._problem = f"no more pictures of events are kept: {error!r}"
                raise

    def _take(self) -> _Picture | None:
        with self._changed:
            self._at_work = ""
            self._changed.notify_all()
            while not self._line:
                if self._closing:
                    return None
                self._changed.wait()
            self._at_work = next(iter(self._line))
            return self._line.pop(self._at_work)

    def _keep(self, picture: _Picture) -> None:
        frame, note = picture.frame, Note(picture.wall_ms, picture.severity)
        thumbnail = make_thumbnail(
            frame.jpeg, picture.boxes, source_px=frame.width, width_px=self._settings.thumbnail_px, note=note
        )
        if thumbnail is None:
            self._failed += 1
            return
        kept = self._shelf.put(frame.camera, picture.event_id, picture=frame.jpeg, thumbnail=thumbnail, note=note)
        self._written += kept
        self._passed_over += not kept
        self._problem = ""
