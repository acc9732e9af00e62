"""What a device without credentials asks the cloud for, so that its files reach object storage all the same.

The cloud begins, lists, completes, aborts and confirms with its own credentials, for keys of the asking device alone;
the bytes go straight from the device to the storage by addresses that are signed for one part each and soon expire.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contract.ids import Id

Number = Annotated[int, Meta(ge=1, le=10_000)]
Digest = Annotated[str, Meta(max_length=64)]
Operation = Literal["check", "put", "begin", "part", "held", "complete", "abort", "confirm", "delete"]
"""`delete` is for an object that nobody was told of: one whose file was given up while its last bytes went."""
Refusal = Literal["unknown_upload", "damaged", "unavailable", "forbidden", "invalid"]


class StorageRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question on the topic `requests`, at QoS 1. May be asked again under the same `request_id`."""

    v: Literal[1] = 1
    request_id: Id
    operation: Operation
    key: Annotated[str, Meta(max_length=500)] = ""
    content_type: Annotated[str, Meta(max_length=100)] = "application/octet-stream"
    size_bytes: Annotated[int, Meta(ge=0)] = 0
    """Of the part for `part`, of the whole otherwise."""
    md5: Digest = ""
    """Base64, of the bytes that `put` or `part` will carry."""
    sha256: Digest = ""
    """Hex, of the whole, where it is known."""
    upload_id: Annotated[str, Meta(max_length=1000)] = ""
    number: Number = 1
    tags: dict[str, Annotated[str, Meta(max_length=200)]] = {}
    """Tags by number, for `complete`, `held` and `confirm`."""


class StorageReply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer on the topic `replies`. What was not asked for is empty."""

    v: Literal[1] = 1
    request_id: Id
    refused: Refusal | None = None
    detail: str = ""
    url: str = ""
    headers: dict[str, str] = {}
    """Must be sent with the bytes as they are: they are signed."""
    expires_s: int = 0
    upload_id: str = ""
    tags: dict[str, str] = {}
    """What of `held` is held."""
    confirmed: bool = False


def joined_tag(tags: Mapping[int, str]) -> str:
    """The ETag, without quotes, of an object made of parts with these ETags; empty if they are no MD5 digests.

    MD5 of the parts' MD5 digests in their order, a dash and how many they are: so do S3 and what speaks it, where a
    service does not encrypt with a key of its own.
    """
    try:
        digests = b"".join(bytes.fromhex(tags[number].strip('"')) for number in sorted(tags))
    except ValueError:
        return ""
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(tags)}" if tags else ""
