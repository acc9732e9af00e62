"""A store as an older version of the software left it: its schema, and records that nobody indexed since."""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from contract.messages import AnyBody
from contract.topics import leaf_of
from edge.core.clock import Stamp
from edge.outbox.rows import kind_of, make_row

BOOT: Final = "00000001-0badcafe"


def old_store(folder: Path, version: int, bodies: Sequence[AnyBody], at: Stamp | None = None) -> str:
    """Make `store.db` at schema `version`, with one run that told these, all of it unacknowledged; return its name."""
    at = at or Stamp(1_000_000_000, 1_780_000_000_000, True)
    scripts = sorted(entry.name for entry in files("edge.outbox").joinpath("schema").iterdir())
    database = sqlite3.connect(folder / "store.db")
    for script in scripts[:version]:
        database.executescript(files("edge.outbox").joinpath("schema", script).read_text(encoding="utf-8"))
    database.execute("INSERT INTO boots (number, boot, first_row, started_ms) VALUES (1, ?, 1, ?)", (BOOT, at.wall_ms))
    for row, body in enumerate(bodies, start=1):
        new = make_row(row, boot=BOOT, seq=row, at=at, body=body)
        values = (row, kind_of(body), new.t_ms, new.payload)
        database.execute("INSERT INTO records (row, boot, kind, t_ms, payload) VALUES (?, 1, ?, ?, ?)", values)
        database.execute("INSERT INTO outbox VALUES (?, ?, 2)", (row, leaf_of(body)))
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.close()
    return BOOT
