"""From bytes on a topic to a command or a desired state; what is neither is named as far as it can be."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from contract.codec import decode
from contract.errors import ContractError, InvalidIdError, InvalidMessageError
from contract.ids import check_id
from contract.remote import Command, Desired
from contract.times import from_wire

MOST_COMMAND_BYTES: Final = 64 * 1024
NAMELESS: Final = "unreadable"
"""The name in the record of a command whose own cannot be read."""
_COMMANDS: Final = "cmd/"
_MOST_VERSION: Final = 2**53


@dataclass(frozen=True, slots=True)
class Garbage:
    """No command. `command_id` is empty where not even that is known; then nobody can be told."""

    command_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class BadDesired:
    """No desired state; `version` is 0 where that cannot be read."""

    version: int
    reason: str


def read_command(leaf: str, payload: bytes) -> Command | Garbage | None:
    """The command on the topic leaf `cmd/{id}`; None for an empty payload, which takes a retained message away."""
    if not payload:
        return None
    command_id = _id_of(leaf.removeprefix(_COMMANDS))
    if len(payload) > MOST_COMMAND_BYTES:
        return Garbage(command_id, NAMELESS, f"{len(payload)} bytes are more than the {MOST_COMMAND_BYTES} it may have")
    try:
        command = decode(payload, Command)
        span_of(command)
    except (ContractError, OverflowError) as error:
        return Garbage(command_id, _id_of(_plain(payload).get("name")) or NAMELESS, f"no command: {error}")
    if command.command_id != command_id:
        return Garbage(command_id, command.name, f"on this topic lies a command with the id {command.command_id}")
    return command


def span_of(command: Command) -> tuple[int, int]:
    """When it was issued and when it expires, in ms since 1970. Raise `InvalidMessageError` if one is no time."""
    return from_wire(command.issued), from_wire(command.expires)


def read_desired(payload: bytes) -> Desired | BadDesired | None:
    """The desired state; None for an empty payload, which is what stands where nobody desires anything."""
    if not payload:
        return None
    try:
        return decode(payload, Desired)
    except InvalidMessageError as error:
        return BadDesired(_version_of(_plain(payload).get("version")), str(error))


def _id_of(found: Any) -> str:
    """It if it is an id, else nothing."""
    try:
        return check_id(found, "id") if isinstance(found, str) else ""
    except InvalidIdError:
        return ""


def _version_of(found: Any) -> int:
    known = isinstance(found, int) and not isinstance(found, bool) and 0 < found <= _MOST_VERSION
    return int(found) if known else 0


def _plain(payload: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
