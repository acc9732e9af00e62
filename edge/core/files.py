"""Writing a small file so that a reader, or the next start after a power cut, finds the old one or the new, whole."""

import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

SYNCS_PER_FILE: Final = 2
"""Times that `write_private` has the disk keep something: the file, then its name."""

DAMAGED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises where the bytes are not what was written: a card may give back anything."""


def read_small(path: Path, most: int) -> bytes:
    """The first `most` bytes of a small file, however big what lies there is; no pipe in its place is waited at.

    Raise `OSError`.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(handle, most)
    finally:
        os.close(handle)


def printable_name(name: str) -> str:
    """What lies on a disk may be called by bytes that are no text: so it can stand in a record, a page, a log."""
    return os.fsencode(name).decode("utf-8", "replace")


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` as a whole, durably, with a file that only its owner may read: who owns its folder."""
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            give_to_owner_of(path.parent, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """See that there is a folder. What root makes of it belongs to who owns the last one above that was there."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=mode, exist_ok=True)
    if os.geteuid() == 0:
        owner = folder.parent.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    """Make what was made, renamed or deleted in `folder` durable: until then a power cut may bring back what was."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def give_to_owner_of(folder: Path, handle: int) -> None:
    """What root writes by the command line has to be read by the appliance's own user."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
