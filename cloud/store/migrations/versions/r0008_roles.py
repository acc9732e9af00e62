"""Roles of accounts, and what is of one person found without looking through everybody's.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Until now every account might do everything: each goes on to, and an admin may then make some of them less.

    The column's own default is the least: what an older program, still running beside, adds is nobody's key to the
    fleet.
    """
    op.add_column("users", sa.Column("role", sa.Text(), nullable=False, server_default="member"))
    op.execute(sa.text("UPDATE users SET role = 'admin'"))
    _create_index("predictions", "user_id", ["start_ms", "device", "boot", "seq"])
    _create_index("recordings", "participant", ["start_ms", "device", "recording_id"])
    _create_index("files", "participant", ["start_ms", "device", "file_id"])


def _create_index(table: str, person: str, order: list[str]) -> None:
    some = sa.text(f"{person} IS NOT NULL")
    op.create_index(f"{table}_of_person", table, [person, *order], sqlite_where=some, postgresql_where=some)
