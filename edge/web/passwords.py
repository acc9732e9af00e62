"""Passwords: generated ones are shown once, and all are kept only as a salted scrypt hash."""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from edge.core.errors import EdgeError

# 31 signs that nobody mistakes for another; 16 of them are 79 bits.
_SIGNS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS: Final = 4
_GROUP: Final = 4
# 16 MiB and some 50 ms a try: RFC 7914, section 2, at the strength it gives for interactive sign-in.
_N, _R, _P = 2**14, 8, 1
_MOST_N: Final = 2**15


class PasswordFileError(EdgeError):
    """The file with the password's hash is there but cannot be used."""


_Hex = Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){1,64}(?![\s\S])")]


class StoredPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password as it lies on disk: hexadecimal salt and scrypt hash."""

    v: int = 1
    n: Annotated[int, Meta(ge=2, le=_MOST_N)] = _N
    r: Annotated[int, Meta(ge=1, le=_R)] = _R
    p: Annotated[int, Meta(ge=1, le=4)] = _P
    salt: _Hex
    hash: _Hex


NOBODYS: Final = StoredPassword(salt="00" * 16, hash="00" * 32)
"""Compared with where there is no such account, so that the answer takes as long."""


def generate_password() -> str:
    """Sixteen signs in groups of four, such as `k7mq-x2fd-9hwa-tz4c`."""
    groups = ("".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def hash_password(password: str) -> StoredPassword:
    """What is kept of `password`. Takes tens of milliseconds of CPU: call it in a thread."""
    salt = secrets.token_bytes(16)
    return StoredPassword(salt=salt.hex(), hash=_hash(password, salt, _N, _R, _P).hex())


def load_password(path: Path) -> StoredPassword:
    """Read it back; raise `PasswordFileError` with the remedy if the file is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=StoredPassword)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PasswordFileError(f"{path} cannot be used ({error})") from error


def matches(stored: StoredPassword, password: str) -> bool:
    """Whether `password` is the stored one. Takes tens of milliseconds of CPU: call it in a thread."""
    try:
        found = _hash(password, bytes.fromhex(stored.salt), stored.n, stored.r, stored.p)
    except ValueError:
        return False  # scrypt knows no such strength: nobody made that file
    return hmac.compare_digest(found.hex(), stored.hash)


def _hash(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=64 * 2**20, dklen=32)
