"""Where key and certificate lie, so that no kill and no power cut ever leaves one without the other.

`current` is a symbolic link to a folder that holds a whole identity; it is replaced in one step. The names that people
and other programs use (`key.pem`, `certificate.pem`, ...) are links through it. `next.pem` is a key for which no
certificate came yet: it is durable before anything is asked for it, so that asking can be repeated.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from contract.ids import Id
from edge.core.errors import RefusedError
from edge.core.files import make_folder, sync_folder, write_private
from edge.identity.errors import IdentityDamagedError, IdentityNotKeptError

NAMES: Final = ("key.pem", "certificate.pem", "authority.pem", "identity.json")


class About(Struct, frozen=True, kw_only=True):
    """What is known of an identity without opening its certificate."""

    device: Id
    cloud: str
    """Where it was enrolled."""
    pin: str
    """Of the authority: SHA-256 of its certificate's DER form, in hex."""
    begins_ms: Annotated[int, Meta(ge=0)]
    expires_ms: Annotated[int, Meta(ge=0)]
    broker_host: str = ""
    broker_port: int = 8883


@dataclass(frozen=True, slots=True)
class Identity:
    """A key with its certificate, and the authority that signed it, as files that do not change."""

    folder: Path
    about: About

    @property
    def key(self) -> Path:
        """Of the private key, PEM."""
        return self.folder / "key.pem"

    @property
    def certificate(self) -> Path:
        """Of the certificate, PEM."""
        return self.folder / "certificate.pem"

    @property
    def authority(self) -> Path:
        """Of the authority's certificate, PEM."""
        return self.folder / "authority.pem"


class IdentityFolder:
    """The folder `identity` of the device's state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._current = path / "current"
        self._next = path / "next.pem"

    @property
    def enrolled(self) -> bool:
        """Whether a cloud took the device in once."""
        return (self.path / "certificate.pem").exists()

    def read(self) -> Identity | None:
        """The identity that there is; None before enrolment. Raise `IdentityDamagedError`."""
        try:
            folder = self.path / self._current.readlink()
            about = msgspec.json.decode((folder / "identity.json").read_bytes(), type=About)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:  # what msgspec raises is a ValueError
            raise IdentityDamagedError(f"{self._current}: {error}; enrol the device anew with --replace") from error
        return Identity(folder, about)

    def next_key(self) -> bytes | None:
        """The key that was asked with last, PEM, where it was not tidied away yet."""
        try:
            return self._next.read_bytes()
        except FileNotFoundError:
            return None

    def keep_next_key(self, pem: bytes) -> None:
        """Make it durable, readable by the appliance's user alone."""
        _make_folder(self.path)
        write_private(self._next, pem)

    def take(self, *, key: bytes, certificate: str, authority: str, about: About) -> Identity:
        """From now on be this, in one step; a kill leaves the former identity or this one."""
        folder = self._vacant()
        for name, content in zip(
            NAMES, (key, certificate.encode(), authority.encode(), msgspec.json.encode(about)), strict=True
        ):
            write_private(folder / name, content)
        for name in NAMES:
            _point(self.path / name, Path("current") / name)
        _point(self._current, Path(folder.name))
        sync_folder(self.path)
        self._next.unlink(missing_ok=True)
        for stray in self._held():
            if stray != folder:
                shutil.rmtree(stray, ignore_errors=True)
        return Identity(folder, about)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let nobody else change the identity meanwhile; raise `RefusedError` where somebody does already, and
        `IdentityNotKeptError` where there can be none."""
        try:
            _make_folder(self.path)
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise IdentityNotKeptError(f"{self.path}: {error.strerror or error}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise RefusedError("the certificate is being renewed just now: try again in a minute") from error
        finally:
            os.close(handle)

    def _vacant(self) -> Path:
        """A new empty folder for an identity."""
        _make_folder(self.path)
        number = max((int(held.name) for held in self._held()), default=0) + 1
        folder = self.path / f"{number:06d}"
        _make_folder(folder)
        return folder

    def _held(self) -> list[Path]:
        return [path for path in self.path.iterdir() if path.is_dir() and path.name.isdecimal()]


def _point(link: Path, target: Path) -> None:
    """Make `link` lead to `target`, in one step."""
    if link.is_symlink() and link.readlink() == target:
        return
    draft = link.with_name(f".{link.name}.draft")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)


def _make_folder(folder: Path) -> None:
    """For who owns the folder above it, alone; what root makes belongs to the appliance's user."""
    if not folder.is_dir():
        make_folder(folder, 0o700)
        sync_folder(folder.parent)
