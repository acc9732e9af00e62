"""Passwords as salted scrypt hashes, and tokens as digests: a copy of the database signs nobody in."""

import hashlib
import hmac
import secrets
from typing import Final

# 31 signs that nobody mistakes for another; 16 of them are 79 bits.
_SIGNS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_N, _R, _P = 2**14, 8, 1
"""16 MiB and some 50 ms a try: RFC 7914, section 2, for interactive sign-in."""
_PARTS: Final = 6
SHORTEST: Final = 10
"""Characters that a chosen password must have."""
LONGEST: Final = 256
"""Characters that a chosen password may have."""


def generate_password() -> str:
    """Sixteen signs in groups of four, such as `k7mq-x2fd-9hwa-tz4c`."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))


def hash_password(password: str) -> str:
    """`scrypt$n$r$p$salt$hash`. Takes tens of milliseconds of CPU."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_scrypt(password, salt, _N, _R, _P).hex()}"


def password_matches(stored: str, password: str) -> bool:
    """Whether `password` is the stored one. Takes tens of milliseconds of CPU: call it in a thread."""
    parts = stored.split("$")
    if len(parts) != _PARTS or parts[0] != "scrypt":
        return False
    n, r, p = map(int, parts[1:4])
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(parts[4]), n, r, p).hex(), parts[5])


def token_digest(token: str) -> str:
    """What is kept of a token; tokens are random and long, so a plain SHA-256 does."""
    return hashlib.sha256(token.encode()).hexdigest()


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=64 * 2**20, dklen=32
    )
