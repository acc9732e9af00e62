"""What the updater is at, in one file that is replaced whole before each step: whoever dies, the next one goes on."""

import errno
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from edge.core.standing import Standing
from edge.releases.errors import BundleRefusedError
from edge.releases.layout import replace_durably

_ROOM: Final = ".room"
_ROOM_BYTES: Final = 64 * 1024
_MOST_BYTES: Final = 1 << 20
_MOST_ANSWERED: Final = 16


class Phase(StrEnum):
    """What is being done; see docs/releases.md for what happens to whoever dies in it."""

    IDLE = "idle"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    STAGING = "staging"
    TESTING = "testing"
    HOLDING = "holding"
    SWITCHING = "switching"
    RESTARTING = "restarting"
    TRYING = "trying"
    COMMITTING = "committing"
    RETURNING = "returning"
    RESTARTING_BACK = "restarting_back"
    CHECKING_BACK = "checking_back"


Goal = Literal["staged", "tried", "committed"]
Result = Literal["staged", "tried", "committed", "rolled_back", "failed", "nothing"]


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an update ended."""

    result: Result
    ok: bool = True
    """Whether it is what was wished for: going back is, where that was asked for."""
    release: str
    reason: str = ""
    request: str = ""
    changed: bool = True
    ended: str = ""


class Journal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The update that is under way, and what is remembered when none is."""

    v: Literal[1] = 1
    phase: Phase = Phase.IDLE
    goal: Goal = "committed"
    release: str = ""
    """The one that shall run; empty until the bundle has said its name."""
    source: str = ""
    sha256: str = ""
    """Of the bundle; empty if nobody said it."""
    downgrade: bool = False
    restart: bool = True
    even_busy: bool = False
    made: bool = False
    """It was installed by this update, not found here."""
    back: bool = False
    """It was asked for to go back to a release that ran before."""
    request: str = ""
    before: str = ""
    """What ran when the switch was made."""
    standing: Standing | None = None
    """How the daemon stood then."""
    boot: str = ""
    """The boot of the host in which the release was restarted into."""
    tries: Annotated[int, Meta(ge=0)] = 0
    """How often this phase was begun."""
    reason: str = ""
    """Why it is being taken back."""
    asked_back: bool = False
    previous: str = ""
    """What was good before what is good now."""
    last: Outcome | None = None
    answered: list[str] = []
    """The newest requests that came to an end; one that cannot be deleted is not done twice."""

    def with_answered(self, request: str) -> "Journal":
        """The same with `request` among the answered, if there was one."""
        known = [one for one in self.answered if one != request]
        return replace(self, answered=[*known, request][-_MOST_ANSWERED:]) if request else self


def source_of(said: str) -> str:
    """A bundle as the journal keeps it: an address, or a file by its whole path, for whoever goes on starts elsewhere.

    Raise `BundleRefusedError` if there is no such file.
    """
    if "://" in said:
        return said
    path = Path(said).resolve()
    if not path.is_file():
        raise BundleRefusedError(f"{said}: there is no such file")
    return str(path)


def read_journal(path: Path) -> Journal | None:
    """The journal; a fresh one if there is none, None if it cannot be understood (then nobody knows what was done)."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Journal()
    try:
        return msgspec.json.decode(raw, type=Journal) if len(raw) <= _MOST_BYTES else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def write_journal(path: Path, journal: Journal) -> None:
    """Replace it durably. A disk that is full gives room once: that was kept for this by `keep_room`."""
    raw = msgspec.json.format(msgspec.json.encode(journal), indent=1) + b"\n"
    try:
        replace_durably(path, raw)
    except OSError as error:
        room = path.with_name(_ROOM)
        if error.errno not in {errno.ENOSPC, errno.EDQUOT} or not room.exists():
            raise
        room.unlink()
        replace_durably(path, raw)


def keep_room(path: Path) -> None:
    """Keep some of the disk, so that the journal can be written when it is full; a full disk keeps none now."""
    room = path.with_name(_ROOM)
    try:
        if not room.exists() or room.stat().st_size < _ROOM_BYTES:
            room.write_bytes(bytes(_ROOM_BYTES))
    except OSError:
        room.unlink(missing_ok=True)
