"""What finds the records that a clock fix moves, and the recording or file of an object, without reading all of them.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the indexes."""
    some = sa.text("clock <> 'trusted'")
    moment = ["device", "boot", "mono_ms"]
    op.create_index("records_by_moment", "records", moment, sqlite_where=some, postgresql_where=some)
    op.create_index("recordings_by_key", "recordings", ["device", "key"])
    op.create_index("files_by_key", "files", ["device", "key"])
