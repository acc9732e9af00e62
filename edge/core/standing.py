"""How the daemon stands, in one small file for whoever decides whether it may be restarted, or whether a release works.

The daemon writes it every two seconds; the gate, the updater and Ansible read it. It is told to them, never by them:
nothing here asks the daemon anything, so that a daemon that hangs is seen by its silence.
"""

import os
import stat
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from edge.core.errors import EdgeError
from edge.core.health import State

FILE: Final = "standing.json"
WRITTEN_EVERY_S: Final = 2.0
FRESH_S: Final = 10.0
"""A standing older than this is of a daemon that is gone, or hangs."""
_RUN: Final = Path("/run")
_RUNTIME: Final = _RUN / "afferent"
_MOST_BYTES: Final = 256 * 1024
_NOTE: Final = "release.json"
_SAFELY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
Link = Literal["up", "away", "none"]
"""To the broker: connected; configured and not connected; not configured."""
Count = Annotated[int, Meta(ge=0)]


class StandingError(EdgeError):
    """There is no standing, or it cannot be read; the message says what to do."""


class PartStanding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The health of one part."""

    state: State
    detail: str = ""


class Standing(Struct, frozen=True, kw_only=True):
    """How the daemon stood at `t`; counts are since this run of it began."""

    v: Literal[1] = 1
    boot: str
    """The run of the daemon, as in its records."""
    host_boot: str
    """The boot of the host; within one, `mono_ms` of all processes can be compared."""
    release: str
    """The directory of the release that runs; empty where it was not installed as one."""
    software: str
    ready: bool
    parts: dict[str, PartStanding]
    frames: dict[str, Count]
    """Of each enabled camera."""
    models: dict[str, str]
    """Of each model in use: empty if its self-test passed, else what is wrong."""
    records_waiting: Count
    records_acked: Count
    link: Link
    busy: list[str] = []
    """Why it must not be restarted now; empty if it may be."""
    t: str
    mono_ms: int

    def fresh(self, mono_ns: int, host_boot: str) -> bool:
        """Whether this tells of a daemon that lives, seen at `mono_ns` in the boot `host_boot` of the host."""
        age_ms = mono_ns // 1_000_000 - self.mono_ms
        return self.host_boot == host_boot and -FRESH_S * 1e3 <= age_ms <= FRESH_S * 1e3


def standing_path(state: Path) -> Path:
    """Where the daemon writes: `$RUNTIME_DIRECTORY`, which systemd sets, else its state folder."""
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return (Path(runtime) if runtime else state) / FILE


def find_standing(state: Path) -> Path:
    """Where somebody else looks for it: the appliance's runtime directory if it is there, else the state folder."""
    return (_RUNTIME if (_RUNTIME / FILE).exists() else state) / FILE


def began_with_this_boot(path: Path) -> bool:
    """Whether what lies there was written since the host came up: in a /run in memory, which begins empty.

    Then no name of a boot need be compared. In a container a process with a /proc of its own (ProtectProc=) is told
    another name than those beside it.
    """
    try:
        here, run, disk = (place.stat().st_dev for place in (path, _RUN, Path("/")))
    except OSError:
        return False
    return here == run != disk


def write_standing(path: Path, standing: Standing) -> None:
    """Replace `path` as a whole, readable by everybody. Not synced: after a power cut it says nothing true anyway."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(msgspec.json.encode(standing))
    draft.chmod(0o644)
    draft.replace(path)


def read_standing(path: Path) -> Standing:
    """What is there; raise `StandingError` if it is missing, too large or malformed.

    Root reads it where another user writes: no link is followed, and no pipe waited for.
    """
    try:
        with os.fdopen(os.open(path, _SAFELY), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StandingError(f"{path} is no plain file")
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise StandingError(f"{path} is too large to be the appliance's")
        return msgspec.json.decode(raw, type=Standing)
    except FileNotFoundError:
        raise StandingError(f"{path} is missing: the appliance does not run, or writes elsewhere") from None
    except OSError as error:
        raise StandingError(f"{path} cannot be read: {error.strerror}; run this as root or the same user") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StandingError(f"{path} is no standing: {error}") from error


def running_release(prefix: Path) -> str:
    """The release that a Python with this `sys.prefix` is of; empty if it was not installed as one."""
    home = prefix.resolve().parent
    return home.name if (home / _NOTE).is_file() else ""
