"""Writing so that a power cut leaves the old or the new; and never into a folder that is gone, for it was erased."""

import os
import secrets
from pathlib import Path

from edge.core.files import sync_folder


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` as a whole, durably; raise `OSError`, `FileNotFoundError` where its folder is gone."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
