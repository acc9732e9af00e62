"""The cloud's commands, and how its parts are put together: one process that ingests and serves."""

import asyncio
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click
from prometheus_client import CollectorRegistry

from cloud.config import CloudConfig, load_config
from cloud.ingest.embedded import BrokerNotInstalledError, EmbeddedBroker
from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.service import Ingest
from cloud.objects.folder import FolderStorage
from cloud.objects.s3 import S3Storage
from cloud.objects.settings import S3Settings
from cloud.objects.storage import ObjectStorage
from cloud.registry.catalogue import Catalogue
from cloud.store.accounts import Accounts
from cloud.store.clock import Backoff, Clock, SystemClock
from cloud.store.database import Database
from cloud.store.errors import AlreadyExistsError, StoreUnavailableError
from cloud.store.intake import Intake
from cloud.store.migrate import migrate
from cloud.store.passwords import SHORTEST, generate_password
from cloud.store.queries import Queries
from cloud.web.app import create_app
from cloud.web.deps import WebDeps
from cloud.web.server import WebServer
from contract.errors import ContractError, InvalidSettingsError

_log = logging.getLogger("cloud")
_T = TypeVar("_T")
_WATCHDOG_S: Final = 5.0
_CONFIG: Final = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="TOML file; /etc/afferent/cloud.toml if it is there, else defaults.",
)


@click.group(
    epilog="""\b
Examples:
  afferent cloud run                               SQLite and a folder below ~/.local/state
  afferent cloud run --config /etc/afferent/cloud.toml
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
@_CONFIG
def run(config_path: Path | None) -> None:
    """Ingest and serve, until SIGTERM or Ctrl-C. The first run prints the password of the user admin."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("uvicorn", "alembic", "botocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    _asyncio_run(_serve(_load(config_path)))


@cloud_cli.command("migrate", epilog="\b\nExamples:\n  afferent cloud migrate --config /etc/afferent/cloud.toml")
@_CONFIG
def migrate_command(config_path: Path | None) -> None:
    """Bring the database to this version's schema. `run` does it too."""

    async def go(database: Database) -> None:
        click.echo(f"database at revision {await migrate(database)}")

    _with_database(config_path, go)


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
@_CONFIG
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

    _with_database(config_path, go)


@cloud_cli.group()
def token() -> None:
    """Bearer tokens of programs."""


@token.command("add", epilog="\b\nExamples:\n  afferent cloud token add ada --label dashboard")
@click.argument("name")
@click.option("--label", required=True, help="What the token is for.")
@_CONFIG
def token_add(name: str, label: str, config_path: Path | None) -> None:
    """Print a new token with which a program acts as the user NAME. It is shown this once."""

    async def go(database: Database) -> None:
        accounts = Accounts(database)
        await migrate(database)
        if not await accounts.user_exists(name):
            raise click.ClickException(f"there is no user {name!r}: afferent cloud user add {name}")
        now = SystemClock().now_ms()
        click.echo(await accounts.issue(name, "bearer", label=label, now_ms=now, expires_ms=None))

    _with_database(config_path, go)


def _ask_password() -> str:
    if sys.stdin.isatty():
        words = "Password (empty makes one)"
        password: str = click.prompt(words, default="", hide_input=True, confirmation_prompt=True, show_default=False)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if password and len(password) < SHORTEST:
        raise click.ClickException(f"a password needs {SHORTEST} characters or more")
    return password


def _load(config_path: Path | None) -> CloudConfig:
    try:
        return load_config(config_path)
    except ContractError as error:
        raise click.ClickException(str(error)) from error


def _database(config: CloudConfig) -> Database:
    password = config.secret(config.store.password_secret)
    return Database(config.database_url, password=password, pool_size=config.store.pool_size)


def _with_database(config_path: Path | None, action: Callable[[Database], Awaitable[None]]) -> None:
    config = _load(config_path)

    async def go() -> None:
        database = _database(config)
        try:
            await action(database)
        finally:
            await database.close()

    _asyncio_run(go())


def _asyncio_run(work: Coroutine[Any, Any, _T]) -> _T:
    try:
        return asyncio.run(work)
    except (InvalidSettingsError, StoreUnavailableError, AlreadyExistsError, BrokerNotInstalledError) as error:
        raise click.ClickException(str(error)) from error


async def _serve(config: CloudConfig) -> None:
    """Everything, until a signal: what is expected to fail is waited for by the part that needs it."""
    clock, rng, registry = SystemClock(), random.Random(), CollectorRegistry()  # noqa: S311 - jitter
    config.state_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with _opened(_database(config)) as database, _opened(_storage(config)) as storage:
        ingest = Ingest(
            Intake(database, rejected_limit=config.store.rejected_limit),
            config.broker,
            password=config.secret(config.broker.password_secret),
            metrics=IngestMetrics(registry),
            clock=clock,
            rng=rng,
        )
        deps = _web_deps(
            config=config, database=database, storage=storage, ingest=ingest, registry=registry, clock=clock
        )
        web = WebServer(create_app(deps), config.web, clock=clock, rng=rng, on_listening=_tell_ready)
        work = {"web": web.run(), "ingest": _ingest(ingest, database, clock, rng), "watchdog": _watchdog(clock)}
        if config.broker.embedded:
            work["broker"] = EmbeddedBroker(config.broker.port, clock).run()
        await _until_signalled(work)
    _log.info("stopped")


async def _ingest(ingest: Ingest, database: Database, clock: Clock, rng: random.Random) -> None:
    backoff = Backoff(rng, first_s=0.5)
    while True:
        try:
            revision = await migrate(database)
            password = await Accounts(database).first_user(clock.now_ms())
        except StoreUnavailableError as error:
            _log.warning("the database is away: %s", error)
            await clock.sleep(backoff.next())
        else:
            break
    _log.info("the database is at revision %s", revision)
    if password:
        click.echo(f"\n  First start: sign in as  admin  with the password  {password}  (shown this once)\n")
    await ingest.run()


async def _until_signalled(work: dict[str, Coroutine[Any, Any, None]]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine, name=name) for name, coroutine in work.items()]
        await stop.wait()
        _notify("STOPPING=1")
        for task in tasks:
            task.cancel()


def _web_deps(
    *,
    config: CloudConfig,
    database: Database,
    storage: ObjectStorage,
    ingest: Ingest,
    registry: CollectorRegistry,
    clock: Clock,
) -> WebDeps:
    objects = config.objects
    redirect = isinstance(objects, S3Settings) and objects.redirect
    endpoint = urlsplit(objects.endpoint) if isinstance(objects, S3Settings) else urlsplit("")
    origin = f"{endpoint.scheme}://{endpoint.netloc}" if endpoint.netloc else "https:"
    return WebDeps(
        settings=config.web,
        queries=Queries(database),
        accounts=Accounts(database),
        storage=storage,
        catalogue=Catalogue(config.models_path),
        registry=registry,
        clock=clock,
        ingest_state=lambda: "" if ingest.connected and not ingest.store_detail else "away",
        metrics_token=config.secret(config.web.metrics_token_secret),
        link_s=objects.link_s if isinstance(objects, S3Settings) and redirect else None,
        media_origin=origin if redirect else "",
    )


def _storage(config: CloudConfig) -> ObjectStorage:
    objects = config.objects
    if isinstance(objects, S3Settings):
        access_key, secret_key = config.secret(objects.access_key_secret), config.secret(objects.secret_key_secret)
        return S3Storage(objects, access_key=access_key, secret_key=secret_key)
    return FolderStorage(config.objects_path)


_Closable = TypeVar("_Closable", Database, ObjectStorage)


@asynccontextmanager
async def _opened(part: _Closable) -> AsyncIterator[_Closable]:
    try:
        yield part
    finally:
        await part.close()


def _tell_ready(url: str) -> None:
    _log.info("READY %s", url)
    _notify("READY=1", f"STATUS=serving {url}")


async def _watchdog(clock: Clock) -> None:
    """Tell systemd that the event loop turns."""
    while True:
        _notify("WATCHDOG=1")
        await clock.sleep(_WATCHDOG_S)


def _notify(*lines: str) -> None:
    """One datagram by the protocol of sd_notify(3); nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.connect("\0" + address[1:] if address.startswith("@") else address)
        link.sendall("\n".join(lines).encode())


if __name__ == "__main__":
    cloud_cli()
