"""Messages to bytes and back: UTF-8 JSON, strict on the way in."""

from typing import Any, TypeVar

import msgspec

from contract.errors import InvalidMessageError
from contract.messages import Ack, Record, Status
from contract.remote import Command, Desired, Reported
from contract.storage import StorageReply, StorageRequest

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_STORAGE_BYTES = 1 << 20
"""Of questions about object storage and their answers: they may name 10,000 parts."""
Message = Record | Status | Ack | StorageRequest | StorageReply | Desired | Reported | Command
_M = TypeVar("_M", Record, Status, Ack, StorageRequest, StorageReply, Desired, Reported, Command)
_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    """One message as UTF-8 JSON."""
    return _encoder.encode(message)


def decode(payload: bytes, kind: type[_M]) -> _M:
    """Read one message of `kind`; raise `InvalidMessageError` that names the field if it is not one."""
    most = MAX_STORAGE_BYTES if kind in {StorageRequest, StorageReply} else MAX_PAYLOAD_BYTES
    if len(payload) > most:
        raise InvalidMessageError(f"{len(payload)} bytes are more than the {most} a message may have")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessageError(f"not a {kind.__name__}: {error}") from error


def json_schemas() -> dict[str, Any]:
    """The JSON Schema of each message that goes over the wire, by name."""
    _, components = msgspec.json.schema_components((Record, Status, Ack, Desired, Reported, Command))
    return components
