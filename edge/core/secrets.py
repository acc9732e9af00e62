"""Secrets by name: from systemd's credentials or a folder that only the daemon reads, never from TOML or argv."""

import os
from pathlib import Path

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.core.errors import EdgeError


class SecretMissingError(EdgeError):
    """A setting names a secret that is in none of the places where secrets are looked for."""


def read_secret(name: str, folder: Path) -> str:
    """The secret `name`, without its final newline.

    Looked for in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`), then in `folder`. Raise `SecretMissingError`
    if it is in neither, or cannot be read.
    """
    try:
        check_id(name, "secret")
    except InvalidIdError as error:
        raise SecretMissingError(str(error)) from error
    places = [Path(credentials)] if (credentials := os.environ.get("CREDENTIALS_DIRECTORY")) else []
    for place in [*places, folder]:
        try:
            return (place / name).read_text(encoding="utf-8").rstrip("\n")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissingError(f"secret {name!r} in {place} cannot be read: {error}") from error
    looked = " or ".join(str(place / name) for place in [*places, folder])
    raise SecretMissingError(f"secret {name!r} not found: put it into {looked}, readable by the daemon alone")
