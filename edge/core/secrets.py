"""Secrets by name: from systemd's credentials or a folder that only the daemon reads, never from TOML or argv."""

import os
from pathlib import Path
from typing import Final

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.core.errors import EdgeError

_OF_FOLDER: Final = "afferent_"
"""What systemd puts before the name of a file of the folder that our units load as a whole."""


class SecretMissingError(EdgeError):
    """A setting names a secret that is in none of the places where secrets are looked for."""


def read_secret(name: str, folder: Path) -> str:
    """The secret `name`, without its final newline.

    Looked for in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`, of one file or of the folder that our units
    name), then in `folder`. Raise `SecretMissingError` if it is in neither, or cannot be read.
    """
    try:
        check_id(name, "secret")
    except InvalidIdError as error:
        raise SecretMissingError(str(error)) from error
    places = _places(name, folder)
    for place in places:
        try:
            return place.read_text(encoding="utf-8").rstrip("\n")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissingError(f"secret {name!r} in {place.parent} cannot be read: {error}") from error
    looked = " or ".join(map(str, places))
    raise SecretMissingError(f"secret {name!r} not found: put it into {looked}, readable by the daemon alone")


def _places(name: str, folder: Path) -> list[Path]:
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    loaded = [Path(given) / name, Path(given) / f"{_OF_FOLDER}{name}"] if given else []
    return [*loaded, folder / name]
