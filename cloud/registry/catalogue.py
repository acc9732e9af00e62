"""What models there are, read from their manifests; a model whose file is not what its manifest says is told."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from contract.errors import InvalidManifestError
from contract.manifest import Manifest, decode_manifest


class Entry(NamedTuple):
    """One manifest file: the model it describes, or what is wrong with it."""

    path: Path
    manifest: Manifest | None
    problem: str = ""


class Catalogue:
    """Lists the models of a folder, at any depth. Reads the disk: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        """The folder need not be there yet."""
        self._folder = folder

    def entries(self) -> list[Entry]:
        """Every `*.json` beside which a model should lie, by path."""
        return [_read(path) for path in sorted(self._folder.rglob("*.json"))]


def _read(path: Path) -> Entry:
    try:
        manifest = decode_manifest(path.read_bytes())
        with (path.parent / manifest.file).open("rb") as model:
            found = hashlib.file_digest(model, "sha256").hexdigest()
    except InvalidManifestError as error:
        return Entry(path, None, str(error))
    except OSError as error:
        return Entry(path, None, f"{error.filename}: {error.strerror}")
    if found != manifest.sha256:
        return Entry(path, manifest, f"{manifest.file} has the digest {found[:12]}…, not {manifest.sha256[:12]}…")
    return Entry(path, manifest)
