"""Which table a row that was found somewhere in a damaged file belongs to, by its columns alone."""

import sqlite3
from collections.abc import Set
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from contract.messages import AnyBody
from edge.outbox.repair.pages import Cell, Value

_KINDS: Final[dict[str, tuple[type, ...]]] = {"INTEGER": (int,), "TEXT": (str,), "BLOB": (bytes,), "REAL": (float, int)}


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: str
    needed: bool
    alias: bool
    """It is the rowid itself and so not stored in the row."""


class Tables:
    """The tables of a store of the newest schema, but for some. `take` puts a row into the one that it fits."""

    def __init__(self, store: sqlite3.Connection, *, but: Set[str]) -> None:
        self._store = store
        listed = store.execute("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
        wanted = [(name, bool(wr)) for name, wr in listed.fetchall() if name not in but and name[:7] != "sqlite_"]
        self._tables = [name for name, _ in wanted]
        self._by_shape: dict[tuple[bool, int], list[tuple[str, list[_Column]]]] = {}
        for name, bare in wanted:
            columns = _columns(store, name, bare=bare)
            for length in _lengths(columns):
                self._by_shape.setdefault((bare, length), []).append((name, columns))

    def take(self, cell: Cell) -> None:
        """Keep a row of one of these tables; what is of an index or another table is passed over."""
        for name, columns in self._by_shape.get((cell.rowid is None, len(cell.values)), ()):
            if all(_is_of(value, column) for value, column in zip(cell.values, columns, strict=False)):
                self._insert(name, columns, cell)
                return

    def finish(self) -> None:
        """Rows whose parent is gone go too."""
        for name in self._tables:
            for _, _, parent, column, key, *_ in self._store.execute(f"PRAGMA foreign_key_list({name})").fetchall():
                self._store.execute(f"DELETE FROM {name} WHERE {column} NOT IN (SELECT {key} FROM {parent})")  # noqa: S608

    def _insert(self, name: str, columns: list[_Column], cell: Cell) -> None:
        given = columns[: len(cell.values)]
        values = [cell.rowid if column.alias else value for column, value in zip(given, cell.values, strict=True)]
        names, marks = ", ".join(column.name for column in given), ", ".join("?" * len(given))
        try:
            self._store.execute(f"INSERT OR IGNORE INTO {name} ({names}) VALUES ({marks})", values)  # noqa: S608
        except sqlite3.IntegrityError:
            return  # it only looked like one


def _columns(store: sqlite3.Connection, table: str, *, bare: bool) -> list[_Column]:
    """In the order in which they are stored: a table without rowids begins with its key."""
    described: list[tuple[Any, ...]] = store.execute(f"PRAGMA table_info({table})").fetchall()
    if bare:
        described.sort(key=lambda one: (one[5] == 0, one[5] or one[0]))
    return [
        _Column(
            name=name,
            kind=kind,
            needed=bool(notnull or (bare and key)),
            alias=not bare and bool(key) and kind == "INTEGER",
        )
        for _, name, kind, notnull, _, key in described
    ]


def _lengths(columns: list[_Column]) -> range:
    """How many columns a row may have: one from before the last ones were added has them not."""
    least = max((place for place, column in enumerate(columns, 1) if column.needed), default=len(columns))
    return range(least, len(columns) + 1)


def _is_of(value: Value, column: _Column) -> bool:
    if value is None:
        return column.alias or not column.needed
    if column.alias or not isinstance(value, _KINDS.get(column.kind, (object,))):
        return False
    return _is_body(value) if isinstance(value, bytes) else "\0" not in str(value)


def _is_body(value: bytes) -> bool:
    """Whoever reads a blob of ours expects the JSON of a body in it."""
    try:
        msgspec.json.decode(value, type=AnyBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
