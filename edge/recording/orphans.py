"""Videos of the spool that no note speaks of, because that was damaged or lost: found, and given their note again.

A note is there before its video and until after it, so a video without one is never a moment's state.
"""

import errno
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path
from typing import Final

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.recording.aside import SetAside
from edge.recording.inscription import read_inscription
from edge.recording.salvage import has_a_fragment
from edge.recording.sidecar import DRAFT, SUFFIX, Sidecar, read_sidecar
from edge.recording.spool import Spool

_ENDINGS: Final = (".part.mp4", ".mp4")
_UNREADABLE: Final = {errno.EIO, errno.EILSEQ, errno.EUCLEAN}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Orphan:
    """What lies in the folder of a camera under one name, and no note that can be read.

    `recording_id` is empty where the name is none of ours; `videos` where only a damaged note is left.
    """

    name: str
    recording_id: str
    note: Path
    videos: tuple[Path, ...]


def orphans(spool: Spool) -> Iterator[Orphan]:
    """All of them, but for what this process is writing, or rebuilt already. Raise `OSError` if the disk refuses."""
    for camera in sorted(spool.cameras()):
        home = spool.folder / camera
        for name in sorted({name for path in home.iterdir() if (name := _name_of(path))}):
            if name not in spool.busy and (found := _orphan(home, name)):
                yield found


def rebuild(spool: Spool, orphan: Orphan, aside: SetAside) -> Sidecar | None:
    """Give it the note that its video tells; None if that does not tell. Raise `OSError` if the disk refuses."""
    found = _told_by(orphan.videos[0]) if len(orphan.videos) == 1 and orphan.recording_id else None
    if found is None:
        return None
    if orphan.note.is_dir():
        aside.take(orphan.note)
    spool.note(found)
    _log.warning("the note of recording %s was damaged, and is made anew from its video", found.recording_id)
    return found


def rebuild_all(spool: Spool, aside: SetAside) -> int:
    """Give every orphan its note that can have it, before anybody salvages; how many those are.

    What the disk refuses of one waits for the next look.
    """
    rebuilt = 0
    with suppress(OSError):
        _sweep_drafts(spool)
        for orphan in orphans(spool):
            with suppress(OSError):
                rebuilt += rebuild(spool, orphan, aside) is not None
    return rebuilt


def _sweep_drafts(spool: Spool) -> None:
    """Delete what a kill left half written: it may name who is recorded. Nobody writes yet."""
    for camera in spool.cameras():
        for draft in (spool.folder / camera).glob(f"*{DRAFT}"):
            with suppress(OSError):
                draft.unlink()


def _told_by(video: Path) -> Sidecar | None:
    """None also where the card does not give back what a whole video begins with: it is kept, but nobody can tell it.

    A torn one of which nothing is safe goes the way of all such.
    """
    try:
        told = read_inscription(video) if video.is_file() else None
        return told if told and (video.name.endswith(_ENDINGS[0]) or has_a_fragment(video)) else None
    except OSError as error:
        if error.errno in _UNREADABLE:
            return None
        raise


def _name_of(path: Path) -> str:
    """What comes before an ending of ours; empty if it has none."""
    return next((path.name.removesuffix(end) for end in (*_ENDINGS, SUFFIX) if path.name.endswith(end)), "")


def _orphan(home: Path, name: str) -> Orphan | None:
    """Look at the videos last: whoever deletes a recording deletes its note last."""
    note = home / f"{name}{SUFFIX}"
    if read_sidecar(note):
        return None
    videos = tuple(path for end in _ENDINGS if lexists(path := home / f"{name}{end}"))
    if not videos and not lexists(note):
        return None
    with suppress(InvalidIdError):
        return Orphan(name, check_id(name, "recording"), note, videos)
    return Orphan(name, "", note, videos)
