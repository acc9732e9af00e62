"""What every command of the cloud needs: the configuration, the database, and errors as one clear line."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from cloud.config import CloudConfig, load_config
from cloud.daemon import open_database
from cloud.ingest.embedded import BrokerNotInstalledError
from cloud.store.database import Database
from cloud.store.errors import AccountError, StoreUnavailableError
from contract.errors import ContractError, InvalidSettingsError

_T = TypeVar("_T")
CONFIG: Final = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="TOML file; /etc/afferent/cloud.toml if it is there, else defaults.",
)
"""The option that each command has; its parameter is `config_path`."""


class WrongSettingError(click.ClickException):
    """A setting is not as it may be: what no restart mends, which the units tell by the exit code."""

    exit_code = 2


def load(config_path: Path | None) -> CloudConfig:
    """The configuration; raise `WrongSettingError` that says what is wrong with it."""
    try:
        return load_config(config_path)
    except ContractError as error:
        raise WrongSettingError(str(error)) from error


def with_database(config_path: Path | None, action: Callable[[Database], Awaitable[_T]]) -> _T:
    """Run `action` on the database that is meant, and close it. Nothing is migrated."""
    config = load(config_path)

    async def go() -> _T:
        database = open_database(config)
        try:
            return await action(database)
        finally:
            await database.close()

    return run_to_end(go())


def run_to_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Run `work`; what can go wrong for an operator's reasons becomes one line."""
    try:
        return asyncio.run(work)
    except InvalidSettingsError as error:
        raise WrongSettingError(str(error)) from error
    except (StoreUnavailableError, AccountError, BrokerNotInstalledError) as error:
        raise click.ClickException(str(error)) from error
