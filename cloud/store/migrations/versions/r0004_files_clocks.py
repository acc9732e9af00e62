"""Files beside recordings, clocks that were put right, and what of object storage is to be erased.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns and tables; what is there already stays as it is."""
    op.add_column("records", sa.Column("shift_ms", sa.BigInteger(), nullable=True))
    op.add_column("recordings", sa.Column("session_id", sa.Text(), nullable=True))
    op.add_column("recordings", sa.Column("participant", sa.Text(), nullable=True))
    op.create_index("recordings_by_session", "recordings", ["device", "session_id"], unique=False)
    op.create_index("recordings_by_participant", "recordings", ["device", "participant"], unique=False)
    op.add_column("ledger", sa.Column("file_id", sa.Text(), nullable=True))
    op.add_column("erasures", sa.Column("objects", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("erasures", sa.Column("objects_deleted", sa.BigInteger(), nullable=False, server_default="0"))
    _create_files()
    _create_clock_fixes()
    _create_doomed()


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("participant", sa.Text(), nullable=True),
        sa.Column("camera", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device", "file_id"),
    )
    op.create_index("files_by_time", "files", ["start_ms", "device", "file_id"], unique=False)
    op.create_index("files_by_id", "files", ["file_id"], unique=False)
    op.create_index("files_by_session", "files", ["device", "session_id"], unique=False)
    op.create_index("files_by_participant", "files", ["device", "participant"], unique=False)


def _create_clock_fixes() -> None:
    op.create_table(
        "clock_fixes",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("of_boot", sa.Text(), nullable=False),
        sa.Column("at_mono_ms", sa.BigInteger(), nullable=False),
        sa.Column("wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("jump_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", "boot", "seq"),
    )
    op.create_index("clock_fixes_by_run", "clock_fixes", ["device", "of_boot"], unique=False)


def _create_doomed() -> None:
    op.create_table(
        "doomed",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("device", "key"),
    )
    op.create_index("doomed_by_due", "doomed", ["done_ms", "due_ms"], unique=False)
    op.create_index("doomed_by_erasure", "doomed", ["device", "boot", "seq"], unique=False)
