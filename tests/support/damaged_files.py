"""Ways in which a failing card or a power cut changes a small JSON file: each takes its path."""

from collections.abc import Callable
from pathlib import Path

import msgspec

Damage = Callable[[Path], None]


def saying(**fields: object) -> Damage:
    """It is whole JSON, and says that."""

    def write(path: Path) -> None:
        path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | fields))

    return write


def changed(change: Callable[[bytes], bytes]) -> Damage:
    """Its bytes are what `change` makes of them."""

    def write(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return write


def folder(path: Path) -> None:
    """A folder is in its place."""
    path.unlink()
    path.mkdir()


def dangling(path: Path) -> None:
    """A link to nowhere is in its place."""
    path.unlink()
    path.symlink_to("nowhere")
