"""Sessions and what participants said in them, and what it takes to erase a participant.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables of sessions, and find predictions by person and session."""
    op.create_index("predictions_by_session", "predictions", ["device", "session_id"], unique=False)
    op.create_index("predictions_by_user", "predictions", ["device", "user_id"], unique=False)
    _create_sessions()
    _create_labels()
    op.create_table(
        "personal",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("device", "boot", "seq"),
    )
    op.create_index("personal_by_participant", "personal", ["device", "participant"], unique=False)
    op.create_index("personal_by_session", "personal", ["device", "session_id"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("sessions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device", "boot", "seq"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("video_id", sa.BigInteger(), nullable=True),
        sa.Column("stimulus", sa.Text(), nullable=True),
        sa.Column("sensor", sa.Text(), nullable=True),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device", "session_id"),
    )
    op.create_index("sessions_by_time", "sessions", ["start_ms", "device", "session_id"], unique=False)
    op.create_index("sessions_by_participant", "sessions", ["device", "participant"], unique=False)


def _create_labels() -> None:
    op.create_table(
        "labels",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("label_id", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("label_set", sa.Text(), nullable=False),
        sa.Column("probe", sa.Text(), nullable=True),
        sa.Column("valence", sa.Float(), nullable=True),
        sa.Column("arousal", sa.Float(), nullable=True),
        sa.Column("stimulus_ms", sa.BigInteger(), nullable=True),
        sa.Column("video_id", sa.BigInteger(), nullable=True),
        sa.Column("ask_id", sa.Text(), nullable=True),
        sa.Column("asked_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device", "session_id", "label_id"),
    )
    op.create_index("labels_by_time", "labels", ["at_ms", "device", "session_id", "label_id"], unique=False)
    op.create_index("labels_by_participant", "labels", ["device", "participant"], unique=False)
