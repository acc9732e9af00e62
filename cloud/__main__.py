"""The cloud's commands."""

import logging
import sys
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

import click

from cloud.command_line import CONFIG, load, run_to_end, with_database
from cloud.config import CloudConfig
from cloud.daemon import ALL, Role, run_roles
from cloud.device_cli import device
from cloud.store.accounts import FIRST_USER, Accounts
from cloud.store.clock import SystemClock
from cloud.store.database import Database
from cloud.store.first_password import FirstPassword
from cloud.store.migrate import migrate
from cloud.store.passwords import SHORTEST, generate_password
from cloud.trust_cli import authority


@click.group(
    epilog="""\b
Examples:
  afferent cloud run                               SQLite and a folder below ~/.local/state
  afferent cloud run --config /etc/afferent/cloud.toml
  afferent cloud check-config --config cloud.toml  say what is wrong with the settings, and where
  afferent cloud user first-password               what the first run made for the user admin
  afferent cloud user add ada                      let somebody sign in
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
    """Ingest, serve and tidy in one process, until SIGTERM or Ctrl-C. The first run makes the user admin.

    Its password is in the file first-password in the state folder; `afferent cloud user first-password` prints it.
    """
    _be(config_path, ALL)


@cloud_cli.command(epilog="\b\nExamples:\n  afferent cloud serve --config /etc/afferent/cloud.toml")
@CONFIG
def serve(config_path: Path | None) -> None:
    """The API and the console alone, until SIGTERM. The first run makes the user admin, as `run` does."""
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
def user() -> None:
    """People who may sign in."""


@user.command(
    "add",
    epilog="""\b
Examples:
  afferent cloud user add ada                 asks; an empty answer makes a password
  afferent cloud user add ada < password.txt  takes the first line
  afferent cloud user add ada --replace       a new password; ends all of ada's sessions""",
)
@click.argument("name")
@click.option("--replace", is_flag=True, help="Give an existing user a new password.")
@CONFIG
def user_add(name: str, replace: bool, config_path: Path | None) -> None:
    """Add the user NAME. The password is never taken from the command line."""
    password = _ask_password()
    chosen = password or generate_password()
    if not name.strip() or len(name) > 64 or not name.isprintable():  # noqa: PLR2004
        raise click.ClickException("a name has 1 to 64 printable characters")

    async def go(database: Database) -> None:
        await migrate(database)
        await Accounts(database).add_user(name, chosen, SystemClock().now_ms(), replace=replace)
        click.echo(f"user {name} added" if password else f"user {name} added, password: {chosen}")

    with_database(config_path, go)
    if name == FIRST_USER:
        _forget_first_password(load(config_path))


@user.command("first-password", epilog="\b\nExamples:\n  sudo afferent cloud user first-password")
@CONFIG
def user_first_password(config_path: Path | None) -> None:
    """Print the password of the user admin that the first run made, until it is replaced."""
    first = FirstPassword(load(config_path).state_path)
    try:
        password = first.read()
    except OSError as error:
        raise click.ClickException(f"{first.path}: {error.strerror}; run this as the cloud's user") from error
    if not password:
        raise click.ClickException(
            f"none is in {first.path}; a new one: afferent cloud user add {FIRST_USER} --replace"
        )
    click.echo(password)


@cloud_cli.group()
def token() -> None:
    """Bearer tokens of programs."""


@token.command("add", epilog="\b\nExamples:\n  afferent cloud token add ada --label dashboard")
@click.argument("name")
@click.option("--label", required=True, help="What the token is for.")
@CONFIG
def token_add(name: str, label: str, config_path: Path | None) -> None:
    """Print a new token with which a program acts as the user NAME. It is shown this once."""

    async def go(database: Database) -> None:
        accounts = Accounts(database)
        await migrate(database)
        if not await accounts.user_exists(name):
            raise click.ClickException(f"there is no user {name!r}: afferent cloud user add {name}")
        now = SystemClock().now_ms()
        click.echo(await accounts.issue(name, "bearer", label=label, now_ms=now, expires_ms=None))

    with_database(config_path, go)


def _be(config_path: Path | None, roles: Collection[Role]) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("uvicorn", "alembic", "botocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    run_to_end(run_roles(load(config_path), roles))


def _ask_password() -> str:
    if sys.stdin.isatty():
        words = "Password (empty makes one)"
        password: str = click.prompt(words, default="", hide_input=True, confirmation_prompt=True, show_default=False)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if password and len(password) < SHORTEST:
        raise click.ClickException(f"a password needs {SHORTEST} characters or more")
    return password


def _forget_first_password(config: CloudConfig) -> None:
    first = FirstPassword(config.state_path)
    try:
        first.forget()
    except OSError as error:
        click.echo(f"{first.path} is out of date and cannot be removed: {error.strerror}", err=True)


cloud_cli.add_command(authority)
cloud_cli.add_command(device)

if __name__ == "__main__":
    cloud_cli()
