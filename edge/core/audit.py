"""Who did what: each change that somebody made, at the page or from afar, as a line that a power cut does not take.

Lines of JSON in numbered files: the newest is appended to, the oldest goes when there are too many, so the folder is
bounded. A line is on the disk before `note` returns, and it is in the journal too, where root alone can take it back.
No secret and no body of a request is ever noted. A line names participants by an alias, because an erased participant
leaves no name behind: the alias is made with a secret of this appliance.
"""

import hashlib
import logging
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contract.times import to_wire
from edge.core.audit_files import LAST, AuditFiles
from edge.core.clock import Clock
from edge.core.files import write_private

_SALT: Final = "salt"
_OFFSETS: Final = 2**32
"""A place in the log is one number: that of its file times this, and the byte at which its line begins."""
_LONGEST_LINE: Final = 4096
_OUT_OF_PLACE: Final = re.compile(r"[^ -~]")
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)  # whatever the level of all others: it may be set from afar, and who did that is to be told


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One line: who (`actor`) did what (`action`) on what (`target`), from where (`address`), and how it ended."""

    v: Literal[1] = 1
    t: Annotated[str, Meta(max_length=40)]
    """RFC 3339, UTC."""
    clock: Literal["trusted", "untrusted"]
    actor: Annotated[str, Meta(max_length=96)]
    address: Annotated[str, Meta(max_length=64)]
    action: Annotated[str, Meta(max_length=96)]
    target: Annotated[str, Meta(max_length=200)] = ""
    outcome: Annotated[str, Meta(max_length=120)] = "done"
    """`done`, or `refused`, `failed` or `limited` and why in few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are wanted: each word that is not empty has to be in that field."""

    actor: str = ""
    action: str = ""
    target: str = ""
    outcome: str = ""

    @property
    def needles(self) -> list[bytes]:
        """What stands in the line of each wanted entry: to look for that is much cheaper than to read it."""
        words = (self.actor, self.action, self.target, self.outcome)
        return [msgspec.json.encode(word)[1:-1] for word in words if word]

    def takes(self, entry: AuditEntry) -> bool:
        """Whether an entry is wanted."""
        return all(
            wanted in told
            for wanted, told in (
                (self.actor, entry.actor),
                (self.action, entry.action),
                (self.target, entry.target),
                (self.outcome, entry.outcome),
            )
        )


class AuditLog:
    """The log of one appliance in a folder of its own: `files` files of `file_bytes` at most. Safe between threads,
    and between the daemon and the command line. Every method looks at the disk: call it in a thread."""

    def __init__(self, folder: Path, *, clock: Clock, file_bytes: int = 2**20, files: int = 8) -> None:
        self._folder = folder
        self._clock = clock
        self._files = AuditFiles(folder, file_bytes=file_bytes, files=files)
        self._lock = threading.Lock()
        self._salt: bytes | None = None

    def note(self, actor: str, address: str, action: str, target: str = "", outcome: str = "done") -> bool:
        """Keep a line, cut to its bounds; return whether it is durable. Never raises: what was done is done.

        A disk that does not take the line is told in the journal, which has the line itself in any case.
        """
        entry = self._entry(actor, address, action, target=target, outcome=outcome)
        _log.info("audit: %s from %s: %s %s: %s", entry.actor, entry.address, entry.action, entry.target, entry.outcome)
        try:
            with self._lock:
                self._files.append(msgspec.json.encode(entry) + b"\n")
        except OSError as error:
            _log.error("the audit log in %s does not take this line: %s", self._folder, error)
            return False
        return True

    def alias(self, name: str) -> str:
        """A short name for a participant, the same each time on this appliance, from which nobody finds theirs."""
        try:
            salt = self._salt or self._read_salt()
        except OSError as error:
            _log.warning("the secret of the audit log in %s cannot be kept: %s", self._folder, error)
            salt = self._salt = secrets.token_bytes(16)
        return "~" + hashlib.blake2b(name.encode(errors="replace"), key=salt, digest_size=5).hexdigest()

    def newest(
        self, *, before: int | None = None, limit: int = 100, wanted: AuditFilter | None = None
    ) -> list[tuple[int, AuditEntry]]:
        """Up to `limit` entries with their places, newest first, from before that place. Raise `OSError`.

        Lines that cannot be read (torn by a power cut, or damaged) are passed over.
        """
        wanted = wanted or AuditFilter()
        found: list[tuple[int, AuditEntry]] = []
        for place, entry in self._backwards(before, wanted.needles):
            if wanted.takes(entry):
                found.append((place, entry))
                if len(found) >= limit:
                    break
        return found

    def _entry(self, actor: str, address: str, action: str, *, target: str, outcome: str) -> AuditEntry:
        now = self._clock.now()
        return AuditEntry(
            t=to_wire(now.wall_ms),
            clock="trusted" if now.trusted else "untrusted",
            actor=_within(actor, 96),
            address=_within(address, 64),
            action=_within(action, 96),
            target=_within(target, 200),
            outcome=_within(outcome, 120),
        )

    def _backwards(self, before: int | None, needles: list[bytes]) -> Iterator[tuple[int, AuditEntry]]:
        last_file, last_byte = divmod(before, _OFFSETS) if before is not None else (LAST + 1, 0)
        for number, content in self._files.newest_first(last_file):
            lines = content[:last_byte] if number == last_file else content
            yield from reversed([(number * _OFFSETS + at, entry) for at, entry in entries_of(lines, needles)])

    def _read_salt(self) -> bytes:
        path = self._folder / _SALT
        with self._lock:
            if not path.exists() or not path.stat().st_size:
                write_private(path, secrets.token_hex(16).encode("ascii"))
            self._salt = path.read_bytes()[:64]
        return self._salt


def entries_of(content: bytes, needles: Sequence[bytes] = ()) -> Iterator[tuple[int, AuditEntry]]:
    """The entries in the bytes of a file whose lines have all `needles`, each with the byte at which its line begins;
    what is no entry is left out."""
    at = 0
    for line in content.split(b"\n"):
        if 0 < len(line) <= _LONGEST_LINE and all(needle in line for needle in needles):
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # torn or damaged
                yield at, _DECODER.decode(line)
        at += len(line) + 1


def _within(text: str, most: int) -> str:
    return _OUT_OF_PLACE.sub("?", text)[:most]


_DECODER: Final = msgspec.json.Decoder(AuditEntry)
