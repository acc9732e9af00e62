"""Reads a bundle: nothing is believed before its signature, and nothing written that its note does not name."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contract.release import MOST_BYTES, NOTE, SIGNATURE, InvalidReleaseError, Part, Release, decode_release
from edge.releases.errors import BundleRefusedError
from edge.releases.keys import MOST_SIGNATURE_BYTES, check_signature

_CHUNK: Final = 1 << 20
_MOST_AT_ONCE: Final = 2 * _CHUNK
_SEARCHED: Final = 8
"""The note and its signature are among so many first members: a bundle that is none is refused at once."""
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Note:
    """A signed `release.json`, as it was found."""

    release: Release
    raw: bytes
    signature: bytes


def read_note(bundle: Path, keys: list[Ed25519PublicKey]) -> Note:
    """The bundle's note, once its signature is proven; raise `BundleRefusedError`."""
    found: dict[str, bytes] = {}
    with _open(bundle) as tar:
        for number, member in enumerate(tar):
            if number >= _SEARCHED or len(found) == len(_HEAD):
                break
            if member.name in _HEAD and member.isreg() and member.size <= _HEAD[member.name]:
                found[member.name] = _content(tar, member).read()
    if len(found) != len(_HEAD):
        raise BundleRefusedError(f"{bundle.name} is no release: {NOTE} and {SIGNATURE} are not at its beginning")
    check_signature(found[NOTE], found[SIGNATURE], keys)
    try:
        release = decode_release(found[NOTE])
    except InvalidReleaseError as error:
        raise BundleRefusedError(f"{bundle.name}: {error}") from error
    return Note(release=release, raw=found[NOTE], signature=found[SIGNATURE])


def unpack(bundle: Path, note: Note, folder: Path) -> None:
    """Write each file that the note names to `folder`, with the size and digest it must have, and no other.

    Raise `BundleRefusedError` for a member that is not named, comes twice, is no plain file or has other content, and
    for a file that is missing.
    """
    missing = {part.path: part for part in note.release.files}
    heads = {NOTE: note.raw, SIGNATURE: note.signature}
    (folder / "wheels").mkdir(parents=True)
    with _open(bundle) as tar:
        for member in tar:
            if member.name in heads:
                _check_head(tar, member, heads.pop(member.name))
                continue
            part = missing.pop(member.name, None)
            _check_member(member, part)
            if part:
                _write(_content(tar, member), part, folder / part.path)
    if missing or heads:
        raise BundleRefusedError(f"{bundle.name}: {', '.join(sorted({*missing, *heads})[:5])} missing; copy it again")


_HEAD: Final = {NOTE: MOST_BYTES, SIGNATURE: MOST_SIGNATURE_BYTES}


class _Sipping(io.FileIO):
    """Read in small pieces alone: a tar can say that it has a name of gigabytes, before anything of it is proven."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file; raise `tarfile.ReadError` for more than a piece."""
        if size is None or not 0 <= size <= _MOST_AT_ONCE:
            raise tarfile.ReadError(f"it asks for {size} bytes at once")
        return super().read(size) or b""


@contextmanager
def _open(bundle: Path) -> Iterator[tarfile.TarFile]:
    """Plain tar, never compressed: what it unpacks to cannot be larger than it is."""
    try:
        with _Sipping(bundle) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            yield tar
    except FileNotFoundError as error:
        raise BundleRefusedError(f"{bundle} is not there") from error
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise BundleRefusedError(f"{bundle.name} is no tar, or is cut off: {error}; copy it again") from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise BundleRefusedError(f"{member.name!r:.80} in the bundle is no plain file")
    return content


def _check_head(tar: tarfile.TarFile, member: tarfile.TarInfo, expected: bytes) -> None:
    if not member.isreg() or member.size != len(expected) or _content(tar, member).read() != expected:
        raise BundleRefusedError(f"{member.name} changed while the bundle was read")


def _check_member(member: tarfile.TarInfo, part: Part | None) -> None:
    if part is None:
        raise BundleRefusedError(f"{member.name!r:.80} in the bundle is not named by {NOTE}, or comes twice")
    if not member.isreg() or member.issparse():
        raise BundleRefusedError(f"{part.path} in the bundle is no plain file")
    if member.size != part.size:
        raise BundleRefusedError(f"{part.path} has {member.size} bytes, {NOTE} says {part.size}")


def _write(content: IO[bytes], part: Part, target: Path) -> None:
    digest = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(handle, "wb") as file:
        for chunk in iter(lambda: content.read(_CHUNK), b""):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != part.sha256:
        raise BundleRefusedError(f"{part.path} is not what {NOTE} says (SHA-256 {digest.hexdigest()})")
