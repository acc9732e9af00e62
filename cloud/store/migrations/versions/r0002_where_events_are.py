"""Where in the picture an event was, and which recording shows it.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what events of zones and lines say."""
    with op.batch_alter_table("events") as events:
        events.add_column(sa.Column("zone", sa.Text(), nullable=True))
        events.add_column(sa.Column("track", sa.BigInteger(), nullable=True))
        events.add_column(sa.Column("recording_id", sa.Text(), nullable=True))
        events.add_column(sa.Column("merged", sa.BigInteger(), server_default="0", nullable=False))
