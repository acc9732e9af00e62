"""The cloud's commands."""

import getpass
import logging
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from cloud.command_line import CONFIG, load, run_to_end, with_database
from cloud.daemon import ALL, Role, run_roles
from cloud.device_cli import device
from cloud.store.audit import Audit, Deed
from cloud.store.clock import SystemClock
from cloud.store.database import Database
from cloud.store.migrate import migrate
from cloud.store.sign_ins import SignIns
from cloud.trust_cli import authority
from cloud.web.account_cli import Desk, account_commands
from contract.times import to_wire


@click.group(
    epilog="""\b
Examples:
  afferent cloud run                               SQLite and a folder below ~/.local/state
  afferent cloud run --config /etc/afferent/cloud.toml
  afferent cloud check-config --config cloud.toml  say what is wrong with the settings, and where
  afferent cloud account first-password            what the first run made for the account admin
  afferent cloud account add ada --role operator   let somebody sign in
  afferent cloud token add ada --label dashboard   let a program in"""
)
def cloud_cli() -> None:
    """The cloud: take in what devices send, keep it, show it."""


@cloud_cli.command(
    epilog="""\b
Examples:
  afferent cloud run
  afferent cloud run --config cloud.toml

\b
A cloud.toml for a real broker, PostgreSQL and a bucket:
  [store]
  database_url = "postgresql://afferent@db.example.org/afferent"
  password_secret = "database-password"
  [broker]
  host = "mqtt.example.org"
  port = 8883
  tls = true
  [objects]
  type = "s3"
  bucket = "recordings" """
)
@CONFIG
def run(config_path: Path | None) -> None:
    """Ingest, serve and tidy in one process, until SIGTERM or Ctrl-C. The first run makes the account admin.

    Its password is in the file first-password in the state folder; `afferent cloud account first-password` prints it.
    """
    _be(config_path, ALL)


@cloud_cli.command(epilog="\b\nExamples:\n  afferent cloud serve --config /etc/afferent/cloud.toml")
@CONFIG
def serve(config_path: Path | None) -> None:
    """The API and the console alone, until SIGTERM. The first run makes the account admin, as `run` does."""
    _be(config_path, ["serve"])


@cloud_cli.command(epilog="\b\nExamples:\n  afferent cloud ingest --config /etc/afferent/cloud.toml")
@CONFIG
def ingest(config_path: Path | None) -> None:
    """Take in what devices send, and send them what is asked of them, until SIGTERM. Several may share the work."""
    _be(config_path, ["ingest"])


@cloud_cli.command(epilog="\b\nExamples:\n  afferent cloud worker --config /etc/afferent/cloud.toml")
@CONFIG
def worker(config_path: Path | None) -> None:
    """Erase, tidy up, and end what ran out, until SIGTERM."""
    _be(config_path, ["worker"])


@cloud_cli.command("check-config", epilog="\b\nExamples:\n  afferent cloud check-config --config cloud.toml")
@CONFIG
def check_config(config_path: Path | None) -> None:
    """Read the settings and say whether they are right; exit with 2 if not. Starts nothing, changes nothing.

    Whether secrets are in their places is not looked at, for only the unit is given those.
    """
    config = load(config_path)
    database = urlsplit(config.database_url)
    click.echo(f"The settings are right. Database: {database.scheme} at {database.hostname or database.path}.")
    click.echo(f"State folder: {config.state_path}")


@cloud_cli.command("migrate", epilog="\b\nExamples:\n  afferent cloud migrate --config /etc/afferent/cloud.toml")
@CONFIG
def migrate_command(config_path: Path | None) -> None:
    """Bring the database to this version's schema. Whatever runs does it too."""

    async def go(database: Database) -> None:
        click.echo(f"database at revision {await migrate(database)}")

    with_database(config_path, go)


@cloud_cli.group()
def token() -> None:
    """Bearer tokens of programs."""


@token.command("add", epilog="\b\nExamples:\n  afferent cloud token add ada --label dashboard")
@click.argument("name")
@click.option("--label", required=True, help="What the token is for.")
@CONFIG
def token_add(name: str, label: str, config_path: Path | None) -> None:
    """Print a new token with which a program may do what the account NAME may. It is shown this once."""

    async def go(database: Database) -> None:
        await migrate(database)
        now_ms = SystemClock().now_ms()
        made = await SignIns(database).issue(name, "bearer", label=label, now_ms=now_ms, expires_ms=None)
        deed = Deed(f"cli:{getpass.getuser()}", "token.add", name)
        await Audit(database).note(deed, now_ms)
        click.echo(made)

    with_database(config_path, go)


@token.command("list", epilog="\b\nExamples:\n  afferent cloud token list")
@CONFIG
def token_list(config_path: Path | None) -> None:
    """Show every token: its id, whose it is, since when, and what it is for. The tokens themselves are not kept."""

    async def go(database: Database) -> None:
        await migrate(database)
        for one in await SignIns(database).programs():
            click.echo(f"{one.id} {one.user:<32} since {to_wire(one.created_ms)}  {one.label}")

    with_database(config_path, go)


@token.command("remove", epilog="\b\nExamples:\n  afferent cloud token remove 0123456789abcdef")
@click.argument("token_id")
@CONFIG
def token_remove(token_id: str, config_path: Path | None) -> None:
    """End the token that `list` shows as TOKEN_ID; whoever holds it is let in no more."""

    async def go(database: Database) -> None:
        await migrate(database)
        deed = Deed(f"cli:{getpass.getuser()}", "token.remove", "")
        user = await SignIns(database).end_program(token_id, deed, now_ms=SystemClock().now_ms())
        if user is None:
            raise click.ClickException(f"there is no token {token_id!r}: see `afferent cloud token list`")
        click.echo(f"a token of {user} removed")

    with_database(config_path, go)


def _be(config_path: Path | None, roles: Collection[Role]) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("uvicorn", "alembic", "botocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    run_to_end(run_roles(load(config_path), roles))


def _state_of(config_path: Path | None) -> Path:
    return load(config_path).state_path


_DESK: Final = Desk(with_database, _state_of)
cloud_cli.add_command(account_commands(_DESK, "account"))
cloud_cli.add_command(account_commands(_DESK, "user", short_help="The same as account, by the name it had first."))
cloud_cli.add_command(authority)
cloud_cli.add_command(device)

if __name__ == "__main__":
    cloud_cli()
