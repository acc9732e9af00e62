"""What every object storage can do. All methods block; any number of threads may call them at the same time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from edge.core.errors import LinkError

SLICE_BYTES: Final = 65_536


class UploadUnknownError(LinkError):
    """The target no longer knows an upload that was begun: it was aborted, or expired."""


class ObjectDamagedError(LinkError):
    """What arrived is not what was sent."""


class UploadCancelledError(LinkError):
    """We are stopping; the part under way is sent again next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A file to be: its key, its whole size, SHA-256 (hex) and media type.

    While it still grows `sha256` is empty and `size_bytes` is what there is of it; from `complete` on both are of the
    whole.
    """

    key: str
    size_bytes: int = 0
    sha256: str = ""
    content_type: str = "video/mp4"
    part_bytes: int = 0
    """Of the upload in parts that it goes by, which keeps it when settings change; 0 for the target's."""


class Abandoned(NamedTuple):
    """An upload in parts that was begun and neither completed nor aborted."""

    key: str
    upload_id: str


Sending = Callable[[int], None]
"""Called with how many bytes of the part are handed over so far; raises `UploadCancelledError` to stop."""


class Target(Protocol):
    """One object storage. Every error is a `LinkError` whose words say what to look at.

    A small object goes by `put`; a bigger one by `begin`, `put_part` for each part from 1 (each of `part_bytes` but the
    last, in any order and side by side), `complete`. After either, `confirm` must hold before the file may be
    forgotten. A *tag* is the target's word for a part that it holds: keep it as it is.
    """

    @property
    def part_bytes(self) -> int:
        """Bytes of one part, and the biggest object that `put` is used for."""
        ...

    def check(self) -> None:
        """Raise `LinkError` if the storage cannot be used now."""
        ...

    def put(self, thing: Object, data: bytes, sending: Sending) -> None:
        """Store a whole object; an object of the same key is replaced."""
        ...

    def begin(self, thing: Object) -> str:
        """Begin an upload in parts, also of what still grows; return the target's name for it."""
        ...

    def held(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> dict[int, str]:
        """Those of the parts with these tags that the target still holds; asked before an upload goes on.

        Raise `UploadUnknownError` if it does not know the upload any more.
        """
        ...

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Store one part, again if it was stored before; return its tag. Raise `UploadUnknownError` to begin again."""
        ...

    def complete(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> None:
        """Make the object of its parts. Raise `UploadUnknownError` to begin again, also when it is already complete."""
        ...

    def abort(self, key: str, upload_id: str) -> None:
        """Throw away an upload that will not be completed; unknown ones are ignored."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object that nobody was told of; what is not there is deleted already."""
        ...

    def confirm(self, thing: Object, tags: Mapping[int, str]) -> bool:
        """Whether the object is there as it was sent: its size, and its digest or what its parts' tags add up to.

        `tags` are of all its parts; none of an object that went by `put`.
        """
        ...

    def abandoned(self, prefix: str, older_than_s: float) -> list[Abandoned]:
        """Uploads of keys that begin with `prefix` and were begun so long ago, by the storage's own clock.

        Empty where the storage's owner cleans up by itself.
        """
        ...

    def close(self) -> None:
        """Let go of connections. Nothing may be under way."""
        ...
