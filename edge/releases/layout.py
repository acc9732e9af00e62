"""Where releases lie below the root, and the two links: changed in one step, durably, also where the disk is full."""

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from contract.release import NOTE, InvalidReleaseError, Release, decode_release
from edge.core.files import sync_folder
from edge.releases.errors import ReleaseError
from edge.releases.places import ROOT

Link = Literal["current", "good"]
_TARGET: Final = re.compile(r"releases/([A-Za-z0-9][A-Za-z0-9._+-]{0,63})")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder that holds everything; see docs/releases.md."""

    root: Path = ROOT

    @property
    def releases(self) -> Path:
        """One folder for each release. A name without a leading dot is a release that is whole."""
        return self.root / "releases"

    @property
    def incoming(self) -> Path:
        """What was downloaded, or is being unpacked; may be deleted whenever no update is under way."""
        return self.root / "incoming"

    @property
    def journal(self) -> Path:
        """The updater's journal."""
        return self.root / "update.json"

    @property
    def lock(self) -> Path:
        """Held by the one updater at work."""
        return self.root / ".lock"

    def prepare(self) -> None:
        """Make the folders; raise `ReleaseError` where that is not allowed."""
        try:
            for folder in (self.root, self.releases, self.incoming):
                folder.mkdir(parents=True, exist_ok=True, mode=0o755)
            sync_folder(self.root)
        except OSError as error:
            raise ReleaseError(f"{error.filename or self.root}: {error.strerror}; run this as root") from error

    def of(self, release: str) -> Path:
        """The folder of a release."""
        return self.releases / release

    def draft_of(self, release: str) -> Path:
        """Where a release is made, until it is whole."""
        return self.releases / f".new-{release}"

    def points_to(self, link: Link) -> str:
        """The release that a link chooses; empty if it chooses none that is there."""
        try:
            found = _TARGET.fullmatch(str((self.root / link).readlink()))
        except OSError:
            return ""
        return found[1] if found and self.has(found[1]) else ""

    def has(self, release: str) -> bool:
        """Whether a whole release of this name is there."""
        return bool(release) and (self.of(release) / NOTE).is_file()

    def staged(self) -> list[str]:
        """The names of all whole releases."""
        with contextlib.suppress(OSError):
            return sorted(path.name for path in self.releases.iterdir() if path.name[0] != "." and self.has(path.name))
        return []

    def note_of(self, release: str) -> Release:
        """What a release says of itself; raise `ReleaseError` if it is not there."""
        try:
            return decode_release((self.of(release) / NOTE).read_bytes())
        except (OSError, InvalidReleaseError, msgspec.MsgspecError) as error:
            raise ReleaseError(f"the release {release!r} cannot be read: {error}") from error

    def reserve(self, link: Link, release: str) -> None:
        """Make beforehand what `point` needs, so that a full disk cannot keep it from working."""
        spare = self._spare(link, release)
        if not spare.is_symlink():
            spare.symlink_to(f"releases/{release}")
            sync_folder(self.root)

    def point(self, link: Link, release: str) -> None:
        """Let a link choose `release`: at each moment, and after a power cut, it chooses the old one or the new."""
        if self.points_to(link) != release:
            self.reserve(link, release)
            self._spare(link, release).replace(self.root / link)
        sync_folder(self.root)

    def sweep(self) -> None:
        """Delete what an update leaves behind: spare links, drafts, what was downloaded."""
        for path in [*self.root.glob(".*.to.*"), *self.releases.glob(".new-*"), *self.incoming.glob("*")]:
            discard(path)

    def _spare(self, link: Link, release: str) -> Path:
        return self.root / f".{link}.to.{release}"


def discard(path: Path) -> None:
    """Delete a file, a link or a folder with all in it; fine if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def replace_durably(path: Path, content: bytes) -> None:
    """Replace `path` as a whole, readable by everybody; after a power cut it is the old one or the new."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(0o644)
    draft.replace(path)
    sync_folder(path.parent)
