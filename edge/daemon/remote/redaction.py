"""What of settings leaves the device: neither a secret, which is in none, nor what may hold one by mistake."""

from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

_ADDRESSES: Final = ("url", "endpoint", "cloud")
HIDDEN: Final = "(set)"


def redacted(plain: Any) -> Any:
    """Plain settings without user names, names of secrets, arguments of programs, and the queries of addresses."""
    if isinstance(plain, dict):
        return {key: _hidden(key, value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [redacted(one) for one in plain]
    return plain


def _hidden(key: str, value: Any) -> Any:
    if key == "username" or key.endswith("_secret"):
        return HIDDEN if value else ""
    if key == "argv" and isinstance(value, list | tuple):
        return [*value[:1], HIDDEN] if len(value) > 1 else list(value)
    if key in _ADDRESSES and isinstance(value, str):
        return _address(value)
    return redacted(value)


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        return HIDDEN
    if not parts.scheme and not parts.netloc:
        return value.partition("?")[0]
    query = HIDDEN if parts.query or parts.fragment else ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))
