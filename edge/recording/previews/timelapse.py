"""The timelapse of one camera and one day: pictures put aside through the day, one video when the day is over.

A picture a minute is small enough to lie there as a file; so a kill costs nothing, and no encoder is kept all day.
"""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.core.files import SYNCS_PER_FILE, sync_folder, write_private
from edge.recording.previews.timelapse_video import encode, no_wider
from edge.recording.wear import NoWear, Wear

FILE_PREFIX: Final = "timelapse-"
_MS_DAY: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Day:
    """One camera's UTC day."""

    camera: str
    date: str

    @property
    def file_id(self) -> str:
        """The id of its video."""
        return f"{FILE_PREFIX}{self.camera}-{self.date}"

    @property
    def start_ms(self) -> int:
        """Its first moment."""
        return round(dt.datetime.fromisoformat(self.date).replace(tzinfo=dt.UTC).timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """The first moment of the next."""
        return self.start_ms + _MS_DAY


def day_of(camera: str, wall_ms: int) -> Day:
    """The day of a moment."""
    return Day(camera, dt.datetime.fromtimestamp(wall_ms / 1000, dt.UTC).strftime("%Y-%m-%d"))


class TimelapseFolder:
    """`{camera}/{date}/{ms of the day}.jpg` until the day is over, then `{camera}/{date}.mp4`. Methods block.

    `{camera}/{date}.untrusted` lies beside it where a picture was taken under a clock that nobody trusted. What is made
    is never made again: somebody may have been told of it. `wear` counts what is written.
    """

    def __init__(self, folder: Path, wear: Wear | None = None) -> None:
        self.folder = folder
        self._wear = wear or NoWear()
        self._sizes: dict[Path, tuple[int, int]] = {}
        """Of each folder of pictures: when it changed, and what was in it then."""

    def put(self, day: Day, wall_ms: int, jpeg: bytes, most_px: int, *, trusted: bool = True) -> None:
        """Keep a picture of a day of which there is no video yet, no wider than `most_px`. Raise `OSError` if the disk
        refuses, `ValueError` if it is no picture."""
        if self.video(day).exists():
            return
        small = no_wider(jpeg, most_px)
        if not trusted:
            self._doubt(day).parent.mkdir(parents=True, exist_ok=True)
            self._doubt(day).touch()
        name = f"{min(max(wall_ms - day.start_ms, 0), _MS_DAY - 1):08d}.jpg"
        write_private(self._pictures(day) / name, small)
        self._wear.wrote(len(small))
        self._wear.synced(SYNCS_PER_FILE)

    def unfinished(self) -> list[Day]:
        """Days of which there are pictures, the oldest first."""
        return _days(path for path in self.folder.glob("*/????-??-??") if path.is_dir())

    def finished(self) -> list[Day]:
        """Days of which there is a video, the oldest first."""
        return _days(self.folder.glob("*/????-??-??.mp4"))

    def video(self, day: Day) -> Path:
        """Where its video lies, or will."""
        return self.folder / check_id(day.camera, "camera") / f"{day.date}.mp4"

    def size(self, day: Day) -> int:
        """What its video takes; 0 if it is gone."""
        return _size(self.video(day))

    def trusted(self, day: Day) -> bool:
        """Whether it is surely of that day."""
        return not self._doubt(day).exists()

    def finish(self, day: Day, fps: int, beat: Callable[[], None] = lambda: None) -> bool:
        """Make the day's pictures a video and delete them; False if none of them was one. May be done again after a
        kill. Raise `OSError` if the disk refuses, `UnencodableError` if no video can be made of them."""
        video, draft = self.video(day), self.video(day).with_suffix(".draft")
        made = video.exists()
        if not made and (made := encode(sorted(self._pictures(day).glob("*.jpg")), draft, fps, beat)):
            draft.replace(video)
            sync_folder(video.parent)
            self._wear.wrote(_size(video))
            self._wear.synced(2)
        self.forget_pictures(day)
        return made

    def forget_pictures(self, day: Day) -> None:
        """Delete the pictures of a day, and what a kill left of a video in the making."""
        self.video(day).with_suffix(".draft").unlink(missing_ok=True)
        if self._pictures(day).exists():
            shutil.rmtree(self._pictures(day))
        self._sizes.pop(self._pictures(day), None)
        if not self.video(day).exists():
            self._doubt(day).unlink(missing_ok=True)

    def delete(self, day: Day) -> None:
        """Delete the video of a day."""
        self.video(day).unlink(missing_ok=True)
        self._doubt(day).unlink(missing_ok=True)

    def used_bytes(self) -> int:
        """What pictures and videos take. A folder of pictures is looked through only when it has changed."""
        return sum(_size(path) for path in self.folder.glob("*/*.*")) + sum(map(self._taken, self.unfinished()))

    def _taken(self, day: Day) -> int:
        folder = self._pictures(day)
        try:
            changed_ns = folder.stat().st_mtime_ns
            if (known := self._sizes.get(folder)) and known[0] == changed_ns:
                return known[1]
            with os.scandir(folder) as listed:
                taken = sum(_size(Path(one.path)) for one in listed)
        except FileNotFoundError:  # it was finished meanwhile
            return 0
        self._sizes[folder] = changed_ns, taken
        return taken

    def _pictures(self, day: Day) -> Path:
        return self.folder / check_id(day.camera, "camera") / day.date

    def _doubt(self, day: Day) -> Path:
        return self.video(day).with_suffix(".untrusted")


def _days(paths: Iterable[Path]) -> list[Day]:
    """The days by whose names folders or files go, the oldest first; what else lies there is none of ours."""
    found = []
    for path in paths:
        with suppress(InvalidIdError, ValueError):
            day = Day(check_id(path.parent.name, "camera"), path.stem)
            found.append((day.start_ms, day.camera, day))
    return [day for *_, day in sorted(found, key=lambda one: one[:2])]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
