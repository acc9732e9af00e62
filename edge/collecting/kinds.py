"""Which kind of file a video is: its first bytes say it better than the client, whose browser may not make what it
thinks (one family of browsers records MP4 where programs expect WebM)."""

from typing import Final

from contract.errors import InvalidMessageError

DEFAULT: Final = "webm"
HEAD_BYTES: Final = 12
_CONTENT_TYPES: Final = {"webm": "video/webm", "mp4": "video/mp4"}
_EBML: Final = b"\x1a\x45\xdf\xa3"


def told_extension(raw: str) -> str:
    """An extension as a client names it (U2.1), with or without a dot; raise `InvalidMessageError` for another."""
    name = raw.strip().lower().removeprefix(".")
    if name and name not in _CONTENT_TYPES:
        raise InvalidMessageError(f"file_extension {raw!r:.40} is none of {sorted(_CONTENT_TYPES)}")
    return name


def extension_of(head: bytes, told: str) -> str:
    """What the first `HEAD_BYTES` of a video show, else what was told, else WebM (S2.4)."""
    if head.startswith(_EBML):
        return "webm"
    if head[4:8] == b"ftyp":
        return "mp4"
    return told or DEFAULT


def content_type_of(extension: str) -> str:
    """Its media type."""
    return _CONTENT_TYPES.get(extension, "application/octet-stream")
