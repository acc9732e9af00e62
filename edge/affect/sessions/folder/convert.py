"""Makes the tables of a session's folder out of its journals, and says at last that the folder is whole.

It runs as a short-lived process of its own, so that neither pyarrow's memory nor its work is ever the appliance's:
`python -m edge.affect.sessions.folder.convert FOLDER FORM`. It may be killed at any point and begun again.
"""

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from edge.affect.sessions.folder.entries import Entry, Predicted, unpack
from edge.affect.sessions.folder.findings import Findings
from edge.affect.sessions.folder.journal import JournalReader
from edge.affect.sessions.folder.layout import SessionNote, Table, read_note, write_note
from edge.affect.sessions.folder.sheets import CONTENT_TYPES, Form, Wanted, form_of, sheet
from edge.affect.sessions.folder.tables import ALL, SessionTime, rows_of

JOURNAL: Final = "journal.bin"
"""What the session delivered while it ran."""
CLOSING: Final = "closing.bin"
"""What was kept elsewhere while it ran: labels, markers, and predictions that the journal may lack."""
_NICENESS: Final = 10
_KILLED_FIRST: Final = "800"
"""Of 1000: where memory is short, this process goes and not the appliance; it is begun again."""
_BLOCK: Final = 1 << 20


def convert(folder: Path, form: Form) -> SessionNote:
    """Make the folder whole and return its note; one that is whole already is tidied only.

    Raise `OSError` if the disk refuses, `ValueError` if there is no note of a session that ended.
    """
    with _alone_in(folder):
        return _convert(folder, form)


def digest_of(path: Path) -> tuple[int, str]:
    """Length and SHA-256 of a file; raise `OSError`."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _convert(folder: Path, form: Form) -> SessionNote:
    note = read_note(folder)
    if note is None or note.state == "running":
        raise ValueError(f"{folder.name} is no folder of a session that ended")
    if note.state == "closing":
        _remove_tables(folder)
        note = _make(folder, note, form)
        write_note(folder, note)
    for journal in (JOURNAL, CLOSING):
        (folder / journal).unlink(missing_ok=True)
    return note


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One that an appliance left behind as it was killed ends first."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make(folder: Path, note: SessionNote, form: Form) -> SessionNote:
    time = SessionTime(note)
    found, journals = Findings(note, time), [JournalReader(folder / name) for name in (JOURNAL, CLOSING)]
    drafts = {columns.table: folder / f".{columns.table}.part" for columns in ALL}
    with ExitStack() as stack:
        sheets = {one.table: stack.enter_context(sheet(form, drafts[one.table], one)) for one in ALL}
        for entry in _once_each(journals):
            found.hear(entry)
            for table, row in rows_of(entry, time):
                sheets[table].add(row)
    files = []
    for table, draft in drafts.items():
        path = draft.replace(folder / f"{table}.{form}")
        size, digest = digest_of(path)
        files.append(
            Table(
                name=path.name,
                content_type=CONTENT_TYPES[form],
                rows=sheets[table].rows,
                size_bytes=size,
                sha256=digest,
            )
        )
    learned = found.told(sum(journal.torn_bytes for journal in journals))
    return msgspec.structs.replace(learned, state="whole", files=files)


def _once_each(journals: list[JournalReader]) -> Iterator[Entry]:
    """Every entry; a prediction that both journals have, as the first one has it."""
    seen = set[tuple[str, int]]()
    for journal in journals:
        for payload in journal:
            for entry in unpack(payload):
                if isinstance(entry, Predicted):
                    key = (entry.body.source, entry.body.segment_index)
                    if key in seen:
                        continue
                    seen.add(key)
                yield entry


def _remove_tables(folder: Path) -> None:
    """What an earlier try left, perhaps in another form."""
    for columns in ALL:
        for name in (f".{columns.table}.part", *(f"{columns.table}.{form}" for form in CONTENT_TYPES)):
            (folder / name).unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """As a process: 0, or 1 with the reason on standard error."""
    with suppress(OSError):  # where the service may not
        os.nice(_NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST, encoding="ascii")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # a fifth less memory, measured
    folder, wanted = arguments
    try:
        convert(Path(folder), form_of(msgspec.convert(wanted, Wanted)))
    except (OSError, ValueError, ModuleNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
