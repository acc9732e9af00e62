"""What of desired states is kept on the disk: the one in force, the one being taken, and why one was put aside.

Each is a small file, replaced as a whole; a power cut at any step leaves the old or the new one. The highest version
among them is the highest that was ever heard of.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from contract.remote import MOST_BYTES, Desired, Refused
from edge.core.files import sync_folder, write_private

MOST_STARTS: Final = 3
"""Starts without READY after which a desired state is put aside."""
_IN_FORCE: Final = "in-force.json"
_TAKING: Final = "taking.json"
_ASIDE: Final = "aside.json"
_T = TypeVar("_T", bound=Struct)
_log = logging.getLogger(__name__)


class Taking(Struct, frozen=True, kw_only=True):
    """A desired state that is being taken; `starts` counts the starts with it that have not come up yet."""

    desired: Desired
    starts: int = 0


class Aside(Struct, frozen=True, kw_only=True):
    """The last desired state that was refused, and why."""

    version: int
    refused: list[Refused]


class DesiredFolder:
    """`<state>/remote`. Methods that write raise `OSError` if the disk does not take it; then nothing has changed.

    They may be called in any thread: one is wanted while another ends.
    """

    def __init__(self, folder: Path) -> None:
        """Read what is there; what cannot be read counts as not there, and is said in the log."""
        self._folder = folder
        self._lock = threading.Lock()
        self.in_force = self._read(_IN_FORCE, Desired)
        self.taking = self._read(_TAKING, Taking)
        self.aside = self._read(_ASIDE, Aside)
        if self.taking and self.taking.desired.version <= self.version:
            self.taking = None  # killed between the two steps of `confirm`

    @property
    def version(self) -> int:
        """The version in force, 0 while none is."""
        return self.in_force.version if self.in_force else 0

    @property
    def seen(self) -> int:
        """The highest version that was heard of."""
        taking = self.taking.desired.version if self.taking else 0
        return max(self.version, taking, self.aside.version if self.aside else 0)

    @property
    def refused(self) -> Sequence[Refused]:
        """Why the highest version is not in force; empty if it is, or is being taken."""
        return self.aside.refused if self.aside and self.aside.version == self.seen != self.version else ()

    def take(self, desired: Desired) -> None:
        """It is being taken from now on, instead of any other."""
        with self._lock:
            self._keep_taking(Taking(desired=desired))

    def count_start(self) -> None:
        """The daemon starts with what is being taken."""
        with self._lock:
            if self.taking:
                self._keep_taking(msgspec.structs.replace(self.taking, starts=self.taking.starts + 1))

    def forgive_start(self) -> None:
        """The start that was counted last failed for a reason that lies not in what is being taken."""
        with self._lock:
            if self.taking and self.taking.starts:
                self._keep_taking(msgspec.structs.replace(self.taking, starts=self.taking.starts - 1))

    def confirm(self, version: int) -> bool:
        """What is being taken is in force; False, and nothing is, if it is another version by now."""
        with self._lock:
            if self.taking is None or self.taking.desired.version != version:
                return False
            self._write(_IN_FORCE, self.taking.desired)
            self.in_force = self.taking.desired
            self._forget_taking()
            return True

    def refuse(self, version: int, refused: Sequence[Refused]) -> None:
        """Put this version aside, be it heard of, being taken or in force."""
        with self._lock:
            self._write(_ASIDE, aside := Aside(version=version, refused=list(refused)[:50]))
            self.aside = aside
            if self.taking and self.taking.desired.version <= version:
                self._forget_taking()
            if self.version == version:
                self._remove(_IN_FORCE)
                self.in_force = None

    def _keep_taking(self, taking: Taking) -> None:
        self._write(_TAKING, taking)
        self.taking = taking

    def _forget_taking(self) -> None:
        self._remove(_TAKING)
        self.taking = None

    def _remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)
        sync_folder(self._folder)

    def _write(self, name: str, content: Struct) -> None:
        write_private(self._folder / name, msgspec.json.encode(content))

    def _read(self, name: str, kind: type[_T]) -> _T | None:
        path = self._folder / name
        try:
            raw = path.read_bytes()
            return msgspec.json.decode(raw[: 2 * MOST_BYTES], type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            _log.error("%s cannot be read, the device goes on without it: %s", path, error)
            return None


def refused_at(path: str, reason: Any) -> Refused:
    """A refusal within the bounds that a message has."""
    return Refused(path=path[:200], reason=str(reason)[:1000])
