"""Bringing a database to the schema that this version of the program expects."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from cloud.store.database import Database

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 7_233_041_191
"""PostgreSQL advisory lock held while migrating, so that two starting processes take turns. Any number will do."""


async def migrate(database: Database, revision: str = "head") -> str:
    """Apply what is missing up to `revision`, all or nothing; return the newest revision that there is."""
    async with database.migrating() as link:
        if not database.is_sqlite:
            await link.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await link.run_sync(_upgrade, revision)
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _upgrade(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
