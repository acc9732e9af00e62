"""Writing a table row by row, as Parquet or as CSV (RFC 4180), in bounded memory.

pyarrow is optional and imported only where a Parquet table is begun.
"""

import csv
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol

from edge.affect.sessions.folder.tables import Columns, Row

Form = Literal["parquet", "csv"]
Wanted = Literal["auto", "parquet", "csv"]
ROW_GROUP: Final = 16_384
CONTENT_TYPES: Final[dict[Form, str]] = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv"}


class Sheet(Protocol):
    """A table that is being written. Leaving its block without an error makes it durable."""

    rows: int

    def add(self, row: Row) -> None:
        """One more row, in the order of the columns."""
        ...

    def __enter__(self) -> "Sheet": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def form_of(wanted: Wanted) -> Form:
    """The form that this machine writes; raise `ModuleNotFoundError` if Parquet is asked for and cannot be."""
    there = _has_pyarrow()
    if wanted == "parquet" and not there:
        raise ModuleNotFoundError("Parquet is asked for, but pyarrow is not installed: install the extra `parquet`")
    return "parquet" if there and wanted != "csv" else "csv"


def sheet(form: Form, path: Path, columns: Columns) -> Sheet:
    """A new table at `path`; raise `OSError`."""
    make: Callable[[Path, Columns], Sheet] = ParquetSheet if form == "parquet" else CsvSheet
    return make(path, columns)


class CsvSheet:
    """Comma, CRLF, quotes where needed, UTF-8; None is an empty field and so is an empty text; truth is 0 or 1."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self.rows = 0
        self._file = path.open("w", encoding="utf-8", errors="surrogatepass", newline="")
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(columns.names)

    def add(self, row: Row) -> None:
        """One more."""
        self._writer.writerow([int(cell) if isinstance(cell, bool) else cell for cell in row])
        self.rows += 1

    def __enter__(self) -> "CsvSheet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())


class ParquetSheet:
    """Row groups of `ROW_GROUP`; words as dictionaries; Zstandard."""

    def __init__(self, path: Path, columns: Columns) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.rows = 0
        self._arrow = pa
        kinds = {
            "int": pa.int64(),
            "float": pa.float64(),
            "text": pa.string(),
            "word": pa.dictionary(pa.int32(), pa.string()),
            "bool": pa.bool_(),
        }
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in columns.columns])
        self._waiting: list[Row] = []
        self._file = path.open("wb")
        try:
            self._writer: Any = pq.ParquetWriter(self._file, self._schema, compression="zstd")
        except BaseException:
            self._file.close()
            raise

    def add(self, row: Row) -> None:
        """One more."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) >= ROW_GROUP:
            self._write()

    def __enter__(self) -> "ParquetSheet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._write()
                self._writer.close()
                self._file.flush()
                os.fsync(self._file.fileno())

    def _write(self) -> None:
        if self._waiting:
            columns = zip(*self._waiting, strict=True)
            arrays = [
                self._arrow.array(cells, type=field.type) for cells, field in zip(columns, self._schema, strict=True)
            ]
            self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))
            self._waiting = []


def _has_pyarrow() -> bool:
    try:
        return find_spec("pyarrow") is not None
    except ValueError:  # it was made absent
        return False
