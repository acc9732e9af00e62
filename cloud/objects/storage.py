"""The protocol of object storage: what is there, its bytes, a link to it, its end. Writing is the devices' business."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol


class ObjectsError(Exception):
    """Root of the errors of object storage."""


class ObjectMissingError(ObjectsError):
    """Nothing lies under that key."""


class ObjectsUnavailableError(ObjectsError):
    """The storage cannot be reached or refuses us now; trying again later may help."""


class ObjectInfo(NamedTuple):
    """What is known of an object without reading it."""

    size_bytes: int
    etag: str
    """Changes whenever the content does; without quotes."""


class ObjectStorage(Protocol):
    """Every method raises `ObjectMissingError` or `ObjectsUnavailableError` and no other error of its driver."""

    async def head(self, key: str) -> ObjectInfo:
        """What is known of the object."""
        ...

    def read(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        """Bytes `first` to `last`, both inclusive, in pieces. Closing the iterator lets the object go."""
        ...

    async def link(self, key: str, valid_s: int, media_type: str) -> str | None:
        """An address from which anybody can read the object for `valid_s` seconds; None where there is none."""
        ...

    async def delete(self, key: str) -> None:
        """Delete the object, whole or in the making; what is not there is deleted already."""
        ...

    async def tidy(self, older_than_s: float) -> int:
        """Abort uploads of devices that were begun so long ago and never completed; return how many."""
        ...

    async def check(self) -> None:
        """Return if the storage answers."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def check_key(key: str) -> str:
    """Return `key` if it can only mean an object below the root; raise `ObjectMissingError` otherwise."""
    if "\0" in key or "\\" in key or {"", ".", ".."} & set(key.split("/")):
        raise ObjectMissingError(f"{key!r:.120} is no key of an object")
    return key
