"""Whom records name that could not be read, stored before anybody looked: no erasure found them.

Revision ID: 0010
Revises: 0009
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ID = re.compile(rb'"id"\s*:\s*"([0-9]{8}-[0-9a-f]{8}):([0-9]{1,19})"')
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_LONGEST_NAME = 200
_AT_ONCE = 500
_DEVICE_LEVEL = 2
"""Of a topic."""
_KEY = ("device", "boot", "seq")


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


_RECORDS = _table("records", *_KEY, "kind", "body")
_PERSONAL = _table("personal", *_KEY, "participant", "session_id")
_ERASURES = _table("erasures", *_KEY, "participant", "sessions")
_REJECTED = _table("rejected", "id", "topic", "payload")


def upgrade() -> None:
    """Note whom they name; take the content of those who were erased since, and every second copy of one."""
    link = op.get_bind()
    erased: dict[str, list[sa.RowMapping]] = {}
    for gone in link.execute(sa.select(_ERASURES)).mappings():
        erased.setdefault(gone["device"], []).append(gone)
    for row in _unreadable(link):
        participant, session = _named(row["body"])
        at = {name: row[name] for name in _KEY}
        if any(_takes(gone, row, participant, session) for gone in erased.get(row["device"], ())):
            link.execute(sa.update(_RECORDS).where(*_is_at(**at)).values(kind="erased", body='{"kind":"erased"}'))
        elif participant or session:
            link.execute(sa.insert(_PERSONAL).values(**at, participant=participant, session_id=session))
    _empty_copies(link)


def _unreadable(link: sa.Connection) -> Iterator[sa.RowMapping]:
    """Those of which nobody noted whom they name, a few at a time."""
    columns, mine = _RECORDS.c, _PERSONAL.c
    key = sa.tuple_(columns.device, columns.boot, columns.seq)
    noted = sa.exists().where(mine.device == columns.device, mine.boot == columns.boot, mine.seq == columns.seq)
    query = sa.select(columns.device, columns.boot, columns.seq, columns.body)
    query = query.where(columns.kind == "unreadable", ~noted).order_by(*key).limit(_AT_ONCE)
    rows = link.execute(query).mappings().all()
    while rows:
        yield from rows
        last = sa.tuple_(*(sa.literal(rows[-1][name]) for name in _KEY))
        rows = link.execute(query.where(key > last)).mappings().all()


def _named(body: str) -> tuple[str | None, str | None]:
    try:
        found = json.loads(body)
        if found.get("kind") == "unreadable" and "payload" in found:
            found = json.loads(found["payload"])["body"]
        participant, user, session = (_name(found.get(key)) for key in ("participant", "user_id", "session_id"))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None, None
    return participant or user, session


def _name(found: Any) -> str | None:
    """What a database can keep."""
    is_name = isinstance(found, str) and len(found) <= _LONGEST_NAME and "\0" not in found
    return found if is_name and not _HALF_CHARACTER.search(found) else None


def _takes(gone: sa.RowMapping, row: sa.RowMapping, participant: str | None, session: str | None) -> bool:
    is_theirs = participant == gone["participant"] or session in json.loads(gone["sessions"])
    return is_theirs and (row["boot"], row["seq"]) < (gone["boot"], gone["seq"])


def _empty_copies(link: sa.Connection) -> None:
    """What is among the records stands there alone, from where an erasure takes it."""
    for row in link.execute(sa.select(_REJECTED)).all():
        found, levels = _ID.search(row.payload), row.topic.split("/")
        if not found or len(levels) <= _DEVICE_LEVEL or int(found[2]) >= 2**63:
            continue
        at = _is_at(levels[_DEVICE_LEVEL], found[1].decode(), int(found[2]))
        if link.execute(sa.select(_RECORDS.c.seq).where(*at)).first():
            link.execute(sa.update(_REJECTED).where(_REJECTED.c.id == row.id).values(payload=b""))


def _is_at(device: str, boot: str, seq: int) -> list[sa.ColumnElement[bool]]:
    return [_RECORDS.c.device == device, _RECORDS.c.boot == boot, _RECORDS.c.seq == seq]
