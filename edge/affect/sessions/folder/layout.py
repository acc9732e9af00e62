"""`session.json`: what lies in the folder of a session and how it hangs together. See docs/session-folder.md.

A newer layout number means that an old reader would misread it; a new optional field does not change the number.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from contract.sessions import ConsentState, Stimulus, StimulusClock
from edge.core.files import DAMAGED, read_small, write_private

LAYOUT: Final = 1
NOTE: Final = "session.json"
TWIN: Final = ".session.json.twin"
"""The same once more, for cards that spoil a file: without its note a folder is nobody's."""
_LARGEST: Final = 16 * 2**20
_T = TypeVar("_T")
State = Literal["running", "closing", "whole"]
"""`running`: a journal grows. `closing`: everything is known, the tables are being made. `whole`: nothing changes."""


class Wearing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sensor of the session as it was when it began, and what came of it."""

    id: str
    name: str = ""
    source: str = ""
    board: str = ""
    calibrated: bool | None = None
    clock_offset_ms: float | None = None
    clock_drift_ppm: float | None = None
    units: dict[str, str] = {}
    """Channel to unit, of the channels that delivered."""
    samples: int = 0
    """Moments at which it delivered; a moment has a row for each of its channels."""


class Hole(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Samples of a sensor are missing between these two moments."""

    sensor: str
    from_ms: int
    to_ms: int
    reason: Literal["told", "dropped", "cut"] = "told"
    """`told`: the sensor itself knew. `dropped`: the disk took none. `cut`: the appliance was."""
    samples: int | None = None
    """How many, where that is known."""


class Table(Struct, frozen=True, kw_only=True):
    """A table of the folder."""

    name: str
    content_type: str
    rows: int
    size_bytes: int
    sha256: str


class Film(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recording of the session. Its frame at `pts` seconds was at `t_ms = start_ms + 1000 * pts`."""

    name: str
    """Below the folder; empty where the file could not be put there."""
    recording_id: str
    camera: str
    start_ms: int
    """Of the first frame, by the clock of all tables of this folder."""
    mono_ms: float | None = None
    end_ms: int
    frames: int = 0
    size_bytes: int = 0
    sha256: str = ""
    codec: str = ""
    width_px: int = 0
    height_px: int = 0
    key: str = ""
    """Where it lies, or will lie, in object storage."""


class Maker(Struct, frozen=True, kw_only=True):
    """A model that made predictions of the session."""

    model: str
    version: str


class SessionNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The document itself. Times are milliseconds: `_ms` since the epoch, `mono_ms` of the host's monotonic clock.

    `t_ms = start_ms + (mono_ms - start_mono_ms)` holds for every row of every table, whatever the wall clock did.
    """

    layout: int = LAYOUT
    state: State
    order: int
    """Grows with each session of the device, whatever the clock said."""
    device: str
    session_id: str
    participant: str
    start_ms: int
    start_mono_ms: float
    host_boot: str = ""
    """Which run of the host monotonic time is of; empty where that cannot be read."""
    end_ms: int | None = None
    end_mono_ms: float | None = None
    clock: Literal["trusted", "untrusted", "corrected"]
    """`corrected`: not trusted as the session began; all times of this folder were moved once it was."""
    clock_shift_ms: int = 0
    """How far they were moved against what the records of the time said."""
    reason: str = ""
    """Why it ended: `stopped`, `replaced`, `restarted` or `withdrawn`."""
    stimulus: Stimulus | None = None
    video_id: int | None = None
    stimulus_clock: list[StimulusClock] = []
    """Between two of these the stimulus went on as the first one says."""
    sensors: list[Wearing] = []
    cameras: list[str] = []
    consent: ConsentState | None = None
    warnings: list[str] = []
    software: str = ""
    models: list[Maker] = []
    files: list[Table] = []
    videos: list[Film] = []
    holes: list[Hole] = []
    """The first of them, in the order of time."""
    holes_total: int = 0
    torn_bytes: int = 0
    """Bytes of the journal that a power cut or a failing disk made unreadable."""


class Owner(Struct, frozen=True, kw_only=True):
    """What also a note of a newer layout tells: whose it is."""

    session_id: str = ""
    participant: str = ""


def write_note(folder: Path, note: SessionNote) -> None:
    """Replace the note durably; raise `OSError`. Its twin goes first: where both are whole, it is never the older."""
    content = msgspec.json.format(msgspec.json.encode(note), indent=1)
    write_private(folder / TWIN, content)
    write_private(folder / NOTE, content)


def read_note(folder: Path) -> SessionNote | None:
    """The note of a folder, or else its twin; None if it has none that this software reads."""
    return _read(folder / NOTE, SessionNote, _is_ours) or _read(folder / TWIN, SessionNote, _is_ours)


def mend_note(folder: Path) -> bool:
    """Make the one of the two anew that a card has spoilt, byte by byte from the other; whether that was so.

    Raise `OSError`.
    """
    note, twin = folder / NOTE, folder / TWIN
    if _read(note, SessionNote):
        return os.path.lexists(twin) and not _read(twin, SessionNote) and _copied(note, twin)
    return _read(twin, SessionNote) is not None and _copied(twin, note)


def owner_of(folder: Path) -> Owner | None:
    """Whose a folder is, whatever else of its note can be read."""
    return _read(folder / NOTE, Owner) or _read(folder / TWIN, Owner)


def _copied(whole: Path, spoilt: Path) -> bool:
    if spoilt.exists() and not spoilt.is_file():
        spoilt.rename(spoilt.with_name(f".{NOTE}.{secrets.token_hex(4)}"))
    write_private(spoilt, whole.read_bytes())
    return True


def _is_ours(note: SessionNote) -> bool:
    return note.layout == LAYOUT


def _anything(_note: object) -> bool:
    return True


def _read(path: Path, kind: type[_T], wanted: Callable[[_T], bool] = _anything) -> _T | None:
    try:
        found = msgspec.json.decode(read_small(path, _LARGEST), type=kind)
    except (OSError, *DAMAGED):
        return None
    return found if wanted(found) else None
