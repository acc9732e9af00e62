"""Writes a bundle: the same files and key give the same bytes, whoever builds it and when."""

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from contract.release import BOOTSTRAP, LOCK, NOTE, SIGNATURE, WHEELS, Part, Release, encode_release
from edge.releases.keys import sign

_BLOCK: Final = 4096
_BYTECODE: Final = 1.2
"""Bytecode that Python writes beside a module, in parts of its source; measured on the wheels of the lock."""
_SOURCE: Final = Path(__file__).with_name("bootstrap.py")


def write_bundle(target: Path, about: Release, wheels: list[Path], lock: bytes, key: Ed25519PrivateKey) -> Release:
    """Write `target` and return what its note says: `about`, with the files and the room they take filled in."""
    contents = {BOOTSTRAP: _SOURCE.read_bytes(), LOCK: lock}
    contents |= {f"{WHEELS}/{wheel.name}": wheel.read_bytes() for wheel in wheels}
    parts = [
        Part(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        for path, content in sorted(contents.items())
    ]
    release = replace(about, files=parts, installed_bytes=sum(installed_bytes(wheel) for wheel in wheels))
    note = encode_release(release)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.new")
    with tarfile.open(draft, "w:", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, BOOTSTRAP, contents.pop(BOOTSTRAP), about.built_s)
        _add(tar, NOTE, note, about.built_s)
        _add(tar, SIGNATURE, sign(note, key), about.built_s)
        for path, content in sorted(contents.items()):
            _add(tar, path, content, about.built_s)
    draft.replace(target)
    return release


def installed_bytes(wheel: Path) -> int:
    """The room that a wheel takes once it is installed: whole blocks of its files, and of their bytecode."""
    total = 0.0
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            blocks = -(-entry.file_size // _BLOCK) * _BLOCK
            total += blocks * (1 + _BYTECODE) if entry.filename.endswith(".py") else blocks
    return round(total)


def new_key(path: Path) -> Path:
    """Make a key at `path`, for its owner alone, and the public half beside it, which is returned.

    Raise `FileExistsError` if there is a key already: whoever trusts it would have to be told.
    """
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    public = path.with_name(f"{path.name}.pub")
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return public


def read_key(path: Path) -> Ed25519PrivateKey:
    """The key at `path`; raise `ValueError` or `OSError` if there is none."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is no Ed25519 key")  # noqa: TRY004 - the caller shows both alike
    return key


def _add(tar: tarfile.TarFile, path: str, content: bytes, time_s: int) -> None:
    member = tarfile.TarInfo(path)
    member.size, member.mtime, member.mode = len(content), time_s, 0o644
    tar.addfile(member, io.BytesIO(content))
