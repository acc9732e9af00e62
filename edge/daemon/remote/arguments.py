"""The arguments of a command, as its handler wants them."""

from typing import TypeVar

import msgspec

from contract.errors import InvalidSettingsError
from contract.remote import Command
from contract.settings import decode_settings
from edge.sync.remote.handler import CommandFailedError

_T = TypeVar("_T", bound=msgspec.Struct)


def arguments_of(command: Command, kind: type[_T]) -> _T:
    """Raise `CommandFailedError` that names the argument and what would be right."""
    try:
        return decode_settings(command.arguments, kind)
    except InvalidSettingsError as error:
        raise CommandFailedError(f"arguments: {error}") from error
