"""Identifiers that end up in topics, object keys, URLs and paths; checked once, at the door.

A record is identified everywhere by `(device, boot, seq)`: `device` is chosen by the operator, `boot` names one run of
the device's daemon, `seq` counts that run's records from 1 without holes.
"""

import re
import secrets
from typing import Annotated, Final

import msgspec

from contract.errors import InvalidIdError

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BOOT: Final = re.compile(r"[0-9]{8}-[0-9a-f]{8}")

# `$` would let a final newline pass in Python; "nothing more" says what is meant, there and in JSON Schema.
Id = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?![\s\S])",
        description="1 to 64 letters, digits, dots, dashes or underscores, not starting with a punctuation mark",
    ),
]
BootId = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{8}-[0-9a-f]{8}(?![\s\S])", description="one run of a device's daemon")
]


def check_id(value: str, what: str = "id") -> str:
    """Return `value` if it can name a device, camera, recording or model; raise `InvalidIdError` otherwise."""
    if not _ID.fullmatch(value):
        raise InvalidIdError(
            f"{what} {value!r:.80}: use 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first"
        )
    return value


def check_boot(value: str) -> str:
    """Return `value` if it is a boot id; raise `InvalidIdError` otherwise."""
    if not _BOOT.fullmatch(value):
        raise InvalidIdError(f"boot id {value!r:.80}: expected eight digits, a dash and eight hex digits")
    return value


def new_boot(number: int) -> str:
    """Name run `number` (1 or more) of a daemon. Text order is run order; the random tail tells two stores apart."""
    return f"{number:08d}-{secrets.token_hex(4)}"


def record_id(boot: str, seq: int) -> str:
    """The id of a record within its device, as it stands in the envelope and in `Last-Event-ID`."""
    return f"{boot}:{seq}"


def new_token(prefix: str) -> str:
    """An unguessable id such as `rec-9f2c41d07ab3e815` for a recording, an event or a command."""
    return f"{prefix}-{secrets.token_hex(8)}"
