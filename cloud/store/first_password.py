"""The password of the first start: kept in a file that only the cloud's own user reads, never in a log."""

import os
import secrets
from pathlib import Path


class FirstPassword:
    """The file `first-password` in the state folder, there from the first start until the password is replaced."""

    def __init__(self, state: Path) -> None:
        self.path = state / "first-password"

    def keep(self, password: str) -> None:
        """Write it down durably, as a whole or not at all, for the owner of the state folder alone. Raise `OSError`."""
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                _give_to_owner_of(self.path.parent, file.fileno())
                file.write(f"{password}\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)

    def read(self) -> str | None:
        """The password, or None where none is kept. Raise `OSError` for somebody who may not know it."""
        try:
            return self.path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """It is no longer the password. Raise `OSError`."""
        self.path.unlink(missing_ok=True)


def _give_to_owner_of(folder: Path, handle: int) -> None:
    """What root writes has to be read by the cloud's own user."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
