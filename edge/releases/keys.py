"""Who may sign releases: Ed25519 keys in a folder that root alone writes. A signature by any of them will do."""

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.releases.errors import BundleRefusedError, ReleaseError

MOST_SIGNATURE_BYTES: Final = 4096


def load_keys(folder: Path) -> list[Ed25519PublicKey]:
    """The keys in `folder/*.pub` (PEM); raise `ReleaseError` if there is none, or one that is no Ed25519 key."""
    try:
        keys = [_load_key(path) for path in sorted(folder.glob("*.pub"))]
    except OSError as error:
        raise ReleaseError(f"{error.filename or folder}: {error.strerror}") from error
    if not keys:
        raise ReleaseError(
            f"no key in {folder}/*.pub: put the public key there that releases are signed with, or name --keys"
        )
    return keys


def check_signature(content: bytes, signature: bytes, keys: list[Ed25519PublicKey]) -> None:
    """Raise `BundleRefusedError` unless one line of `signature` (`<key id> <base64>`) is of one of `keys`."""
    known = {key_id(key): key for key in keys}
    named = []
    for line in signature[:MOST_SIGNATURE_BYTES].decode("ascii", "replace").splitlines():
        name, _, encoded = line.partition(" ")
        named.append(name[:16])
        if name in known and _is_valid(known[name], encoded, content):
            return
    raise BundleRefusedError(
        f"the release is not signed by a key that is trusted here (it names {', '.join(named) or 'none'}; trusted: "
        f"{', '.join(known)}): put its public key among the trusted ones if you know where it is from"
    )


def sign(content: bytes, key: Ed25519PrivateKey) -> bytes:
    """One line of a signature file."""
    return f"{key_id(key.public_key())} {base64.b64encode(key.sign(content)).decode()}\n".encode()


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 digits of the key's SHA-256: finds a key, proves nothing."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _load_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ReleaseError(f"{path} is no public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ReleaseError(f"{path} is no Ed25519 key")
    return key


def _is_valid(key: Ed25519PublicKey, encoded: str, content: bytes) -> bool:
    try:
        key.verify(base64.b64decode(encoded, validate=True), content)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
