"""From a bundle to a whole release beside the others: verified, with room for it, in one step visible or not at all."""

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contract.release import NOTE, SIGNATURE, Release
from edge.core.files import sync_folder
from edge.releases.bundle import Note, read_note, unpack
from edge.releases.download import check_address, is_address
from edge.releases.errors import BundleRefusedError, ReleaseBrokenError
from edge.releases.journal import Journal
from edge.releases.layout import Layout, discard
from edge.releases.ports import Host, Ports
from edge.releases.pruning import drop, prune

KEEP_FREE: Final = 64_000_000
"""Bytes that must be left on the disk when everything is installed."""


@dataclass(frozen=True, kw_only=True)
class Stager:
    """The steps up to a release that could be switched to. `keys` gives who may sign, or raises `ReleaseError`."""

    layout: Layout
    ports: Ports
    keys: Callable[[], list[Ed25519PublicKey]]
    keep_free: int = KEEP_FREE

    def bring(self, journal: Journal) -> None:
        """Have the bundle on this disk; raise `NotNowError` or `BundleRefusedError`."""
        if is_address(journal.source):
            check_address(journal.source, journal.sha256)
            self.ports.bring(journal.source, journal.sha256, self._bundle(journal))

    def verify(self, journal: Journal) -> str:
        """The name of the release, once its signature is proven and it suits; raise `BundleRefusedError`."""
        note = self._note(journal)
        release = note.release
        _check_host(release, self.ports.host)
        self._check_kind(release)
        if self.layout.has(release.release):
            if (self.layout.of(release.release) / NOTE).read_bytes() != note.raw:
                raise BundleRefusedError(
                    f"another release with the name {release.release} is installed: give each build a name of its own"
                )
        else:
            self._make_room(release)
        self._check_order(release, journal)
        return release.release

    def stage(self, journal: Journal) -> None:
        """Install into a folder that counts as none until all of it is durable and it gets its name."""
        if self.layout.has(journal.release):  # whoever did this died before saying so
            return
        note = self._note(journal)
        if note.release.release != journal.release:
            raise BundleRefusedError(
                f"the bundle changed meanwhile: it was {journal.release}, now {note.release.release}"
            )
        draft, final = self.layout.draft_of(journal.release), self.layout.of(journal.release)
        unpacked = self.layout.incoming / "unpacked"
        for left in (draft, unpacked):
            discard(left)
        self.ports.tell(f"unpacking {note.release.release}")
        unpack(self._bundle(journal), note, unpacked)
        draft.mkdir(mode=0o755)
        self.ports.install(unpacked, draft, final)
        (draft / NOTE).write_bytes(note.raw)
        (draft / SIGNATURE).write_bytes(note.signature)
        discard(unpacked)
        self.ports.tell("making it durable")
        sync_disk(draft)
        draft.rename(final)
        sync_folder(self.layout.releases)

    def test(self, journal: Journal) -> None:
        """Let the release test itself; one that fails and does not run is deleted. Raise `ReleaseBrokenError`."""
        try:
            self.ports.self_test(self.layout.of(journal.release), self.layout.note_of(journal.release))
        except ReleaseBrokenError:
            if journal.release not in {self.layout.points_to("current"), self.layout.points_to("good")}:
                drop(self.layout, journal.release)
            raise

    def _note(self, journal: Journal) -> Note:
        return read_note(self._bundle(journal), self.keys())

    def _bundle(self, journal: Journal) -> Path:
        """A file is taken where it lies; what was downloaded has its digest for a name."""
        if is_address(journal.source):
            return self.layout.incoming / f"{journal.sha256}.tar"
        return Path(journal.source)

    def _make_room(self, release: Release) -> None:
        needed = release.total_bytes + release.installed_bytes + self.keep_free
        if self.ports.host.free(self.layout.root) >= needed:
            return
        prune(self.layout, keep={release.release})
        free = self.ports.host.free(self.layout.root)
        if free < needed:
            raise BundleRefusedError(
                f"{release.release} needs {needed / 1e6:.0f} MB of free disk below {self.layout.root}, there are "
                f"{free / 1e6:.0f}: free some, or move {self.layout.root} to a larger one"
            )

    def _check_kind(self, release: Release) -> None:
        """A signed release of a server is none of an appliance: who may only ask must not make one the other."""
        there = self.layout.points_to("good") or self.layout.points_to("current")
        if there and (kind := self.layout.note_of(there).kind) != release.kind:
            raise BundleRefusedError(
                f"{release.release} is a release of kind {release.kind}, below {self.layout.root} is one of kind {kind}"
            )

    def _check_order(self, release: Release, journal: Journal) -> None:
        good = self.layout.points_to("good")
        if not good or good == release.release or journal.downgrade:
            return
        if release.order < self.layout.note_of(good).order:
            raise BundleRefusedError(
                f"{release.release} ({release.version}) is older than {good}: --downgrade takes it all the same"
            )


def sync_disk(folder: Path) -> None:
    """Make all that was written to the disk of `folder` durable: syncfs(2), for a release has thousands of files."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)


def _check_host(release: Release, host: Host) -> None:
    if release.machine != host.machine:
        raise BundleRefusedError(f"{release.release} is for {release.machine}, this machine is {host.machine}")
    if release.python != host.python:
        raise BundleRefusedError(f"{release.release} is for Python {release.python}, this is {host.python}")
