"""What a row that was found somewhere in a damaged file says of itself."""

from contextlib import suppress
from typing import Final

from contract.codec import decode
from contract.errors import InvalidIdError, InvalidMessageError
from contract.ids import check_boot
from contract.messages import Record
from contract.times import from_wire
from edge.outbox.repair.pages import Cell
from edge.outbox.rows import kind_of

_RECORD_COLUMNS: Final = 6
_OUTBOX_COLUMNS: Final = 3
Read = tuple[int, int, Record, bytes]
"""Row, number of the run, record and payload."""


def record_of(cell: Cell) -> Read | None:
    """`(row, number of the run, record, payload)` if the cell is a record that is what it says."""
    if cell.rowid is None or cell.rowid < 1 or len(cell.values) != _RECORD_COLUMNS:
        return None
    _, number, kind, _, _, payload = cell.values
    if not isinstance(number, int) or not isinstance(payload, bytes):
        return None
    try:
        record = decode(payload, Record)
        from_wire(record.t)
    except InvalidMessageError:
        return None
    named = record.boot.startswith(f"{number:08d}-") and record.id == f"{record.boot}:{record.seq}"
    return (cell.rowid, number, record, payload) if named and kind == kind_of(record.body) else None


def waiting_of(cell: Cell) -> tuple[int, int] | None:
    """`(row, rank)` if the cell is one of the outbox."""
    if cell.rowid is None or cell.rowid < 1 or len(cell.values) != _OUTBOX_COLUMNS:
        return None
    alias, leaf, rank = cell.values
    return (cell.rowid, rank) if alias is None and isinstance(leaf, str) and isinstance(rank, int) else None


def run_of(cell: Cell) -> tuple[int, str, int] | None:
    """`(number, name, first row)` if the cell is a run."""
    alias, boot, first_row, *rest = (*cell.values, None, None, None)
    if cell.rowid is None or alias is not None or not isinstance(boot, str) or not isinstance(first_row, int):
        return None
    with suppress(InvalidIdError):
        if int(check_boot(boot)[:8]) == cell.rowid and first_row >= 1 and isinstance(rest[0], int):
            return cell.rowid, boot, first_row
    return None
