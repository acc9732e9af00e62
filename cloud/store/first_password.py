"""The password of the first start: kept in a file that only the cloud's own user reads, never in a log."""

from pathlib import Path

from cloud.store.private_file import write_private


class FirstPassword:
    """The file `first-password` in the state folder, there from the first start until the password is replaced."""

    def __init__(self, state: Path) -> None:
        self.path = state / "first-password"

    def keep(self, password: str) -> None:
        """Write it down durably, as a whole or not at all, for the owner of the state folder alone. Raise `OSError`."""
        write_private(self.path, f"{password}\n".encode())

    def read(self) -> str | None:
        """The password, or None where none is kept. Raise `OSError` for somebody who may not know it."""
        try:
            return self.path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """It is no longer the password. Raise `OSError`."""
        self.path.unlink(missing_ok=True)
