"""Who an account is on which device, said by somebody instead of guessed by the name.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing is tied: the names that matched until now may be those of others, which only people can tell."""
    op.create_table(
        "ties",
        sa.Column("user", sa.Text(), primary_key=True),
        sa.Column("device", sa.Text(), primary_key=True),
        sa.Column("person", sa.Text(), primary_key=True),
    )
    op.create_index("ties_by_person", "ties", ["device", "person"])
