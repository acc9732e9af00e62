"""Bringing a database to the schema that this version of the program expects."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from cloud.store.database import Database

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 7_233_041_191
"""PostgreSQL advisory lock held while migrating, so that two starting processes take turns. Any number will do."""


async def migrate(database: Database, revision: str = "head") -> str:
    """Apply what is missing up to `revision`, all or nothing; return the revision that the database is at then.

    One that a later release made is left as it is. Every revision only adds, so the release before works with it:
    beside the later one while servers are replaced one by one, and after that one was taken back.
    """
    async with database.migrating() as link:
        if not database.is_sqlite:
            await link.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        return await link.run_sync(_upgrade, revision)


def _upgrade(connection: Connection, revision: str) -> str:
    config = _config()
    newest, there = str(ScriptDirectory.from_config(config).get_current_head()), _revision(connection)
    if there > newest:
        return there
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    return _revision(connection)


def _revision(connection: Connection) -> str:
    """Empty for a database without a schema; revisions are numbers of four digits, and so in the order of texts."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
