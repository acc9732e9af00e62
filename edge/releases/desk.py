"""How the appliance, which may change nothing of itself, asks for an update, and hears what became of it.

It writes `request.json` into `update/` of its state folder and reads `result.json` there. The updater is root and
trusts neither the folder's content nor its names: nothing is followed, and nothing but a small plain file is read.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contract.ids import Id
from edge.releases.errors import ReleaseError, StuckRequestError

FOLDER: Final = "update"
REQUEST: Final = "request.json"
RESULT: Final = "result.json"
_MOST_BYTES: Final = 16 * 1024
_DRAFT: Final = ".result.json.new"
_ASIDE: Final = ".no-file"
Text = Annotated[str, Meta(max_length=2048)]


class UpdateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Please take the bundle at `url`, or go back to the release before. What it asks for must be signed anyway."""

    v: Literal[1] = 1
    request: Id
    """Told again in the result; one that was done is not done twice."""
    action: Literal["update", "rollback"] = "update"
    url: Text = ""
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?(?![\s\S])")] = ""
    """Of the bundle; needed for an update."""


class UpdateResult(Struct, frozen=True, kw_only=True):
    """What became of a request. Anything but `under_way` is the end of it."""

    v: Literal[1] = 1
    request: str
    state: Literal["under_way", "succeeded", "failed"]
    phase: str = ""
    release: str = ""
    reason: str = ""
    t: str


def write_request(state: Path, request: UpdateRequest) -> None:
    """Ask, durably: for the appliance. Raise `OSError` if the disk does not take it."""
    folder = state / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _replace(handle, REQUEST, f".{REQUEST}.new", msgspec.json.encode(request))
    finally:
        os.close(handle)


def read_result(state: Path) -> UpdateResult | None:
    """What became of the last request: for the appliance; None if there is no word of it, or none to be understood."""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode((state / FOLDER / RESULT).read_bytes(), type=UpdateResult)
    return None


class Desk:
    """The updater's side of the folder in `state`."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def take(self) -> UpdateRequest | None:
        """The request that lies there, if any. Raise `ReleaseError`, having deleted it, if it is not one, and
        `StuckRequestError` if it cannot even be deleted."""
        with self._folder() as folder:
            if folder is None:
                return None
            try:
                raw = _read(folder)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise self._refused(error.strerror or str(error)) from error
        try:
            return msgspec.json.decode(raw, type=UpdateRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._refused(str(error)) from error

    def clear(self) -> None:
        """Delete the request; raise `StuckRequestError` if it cannot be."""
        with self._folder() as folder:
            if folder is None:
                return
            try:
                _remove(folder, REQUEST)
            except OSError as error:
                words = f"{self._state / FOLDER / REQUEST} cannot be deleted ({error.strerror}): delete it by hand"
                raise StuckRequestError(words) from error

    def tell(self, result: UpdateResult) -> None:
        """Say what became of a request, to whom the folder belongs. Raise `OSError` if it cannot be said."""
        with self._folder() as folder:
            if folder is not None:
                _replace(folder, RESULT, _DRAFT, msgspec.json.encode(result))

    def _refused(self, why: str) -> ReleaseError:
        why = f"{REQUEST} is not taken: {why}"
        try:
            self.clear()
        except StuckRequestError as error:
            return StuckRequestError(f"{why}; and {error}")
        return ReleaseError(why)

    @contextmanager
    def _folder(self) -> Iterator[int | None]:
        """The folder itself, whatever its name is made to be meanwhile; None if there is none, or it is a link."""
        try:
            handle = os.open(self._state / FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            yield handle
        finally:
            os.close(handle)


def _read(folder: int) -> bytes:
    handle = os.open(REQUEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1 or seen.st_uid != os.fstat(folder).st_uid:
            raise OSError(0, "it is no plain file of the appliance's own")
        if seen.st_size > _MOST_BYTES:
            raise OSError(0, f"it has more than {_MOST_BYTES} bytes")
        return os.read(handle, _MOST_BYTES)
    finally:
        os.close(handle)


def _replace(folder: int, name: str, draft: str, content: bytes) -> None:
    """A new file that nobody else could have prepared, given to the folder's owner, under its name in one step."""
    _remove(folder, draft)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb") as file:
        if os.geteuid() == 0:
            owner = os.fstat(folder)
            os.fchown(handle, owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(handle)
    try:
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except IsADirectoryError:
        _remove(folder, name)
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def _remove(folder: int, name: str) -> None:
    """Root deletes no folder of somebody else's: one in the place of a file is moved aside, unless one was before."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        os.rename(name, _ASIDE, src_dir_fd=folder, dst_dir_fd=folder)
