"""The composition root: puts the cloud's parts together into one process that ingests and serves."""

import asyncio
import logging
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from sqlalchemy.exc import ArgumentError

from cloud.config import CloudConfig
from cloud.ingest.embedded import EmbeddedBroker
from cloud.ingest.eraser import Eraser
from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.service import Ingest
from cloud.ingest.tidier import Tidier
from cloud.objects.folder import FolderStorage
from cloud.objects.s3 import S3Storage
from cloud.objects.settings import S3Settings
from cloud.objects.storage import ObjectStorage
from cloud.objects.uploads import NoUploads, S3Uploads, Uploads
from cloud.registry.catalogue import Catalogue
from cloud.store.accounts import FIRST_USER, Accounts
from cloud.store.clock import Backoff, Clock, SystemClock
from cloud.store.database import Database
from cloud.store.doomed import DoomedObjects
from cloud.store.errors import StoreUnavailableError
from cloud.store.first_password import FirstPassword
from cloud.store.intake import Intake
from cloud.store.migrate import migrate
from cloud.store.queries import Queries
from cloud.web.app import create_app
from cloud.web.deps import WebDeps
from cloud.web.server import WebServer
from contract.errors import InvalidSettingsError

_log = logging.getLogger(__name__)
_WATCHDOG_S: Final = 5.0


async def serve(config: CloudConfig) -> None:
    """Everything, until a signal: what is expected to fail is waited for by the part that needs it."""
    clock, rng, registry = SystemClock(), random.Random(), CollectorRegistry()  # noqa: S311 - jitter
    _make_state(config)
    async with (
        _opened(open_database(config)) as database,
        _opened(_storage(config)) as storage,
        _opened(_uploads(config)) as uploads,
    ):
        metrics = IngestMetrics(registry)
        ingest = Ingest(
            Intake(database, rejected_limit=config.store.rejected_limit),
            config.broker,
            password=config.secret(config.broker.password_secret),
            uploads=uploads,
            metrics=metrics,
            clock=clock,
            rng=rng,
        )
        eraser = Eraser(DoomedObjects(database), storage, metrics=metrics, clock=clock, rng=rng)
        deps = _web_deps(
            config=config, database=database, storage=storage, ingest=ingest, registry=registry, clock=clock
        )
        web = WebServer(create_app(deps), config.web, clock=clock, rng=rng, on_listening=_tell_ready)
        work = {
            "web": web.run(),
            "ingest": _ingest((ingest.run, eraser.run), database, FirstPassword(config.state_path), clock, rng),
            "watchdog": _watchdog(clock),
        }
        if isinstance(config.objects, S3Settings):
            older_than_s = config.objects.abandoned_days * 86_400.0
            work["tidier"] = Tidier(storage, metrics=metrics, clock=clock, older_than_s=older_than_s).run()
        if config.broker.embedded:
            work["broker"] = EmbeddedBroker(config.broker.port, clock).run()
        await _until_signalled(work)
    _log.info("stopped")


def open_database(config: CloudConfig) -> Database:
    """The database that `config` names; nothing is connected yet. Raise `InvalidSettingsError`."""
    password = config.secret(config.store.password_secret)
    try:
        return Database(config.database_url, password=password, pool_size=config.store.pool_size)
    except (ArgumentError, ValueError) as error:
        raise InvalidSettingsError(f"$.store.database_url: {error}") from error
    except OSError as error:
        raise InvalidSettingsError(f"$.store.database_url: {error.filename}: {error.strerror}") from error


def _make_state(config: CloudConfig) -> None:
    try:
        config.state_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidSettingsError(f"$.state_dir: {error.filename}: {error.strerror}") from error


async def _ingest(
    parts: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    database: Database,
    first_password: FirstPassword,
    clock: Clock,
    rng: random.Random,
) -> None:
    """Migrate, make sure that somebody can sign in, then run `parts`; a database that is away is waited for."""
    backoff = Backoff(rng, first_s=0.5)
    while True:
        try:
            revision = await migrate(database)
            await _ensure_user(Accounts(database), first_password, clock)
        except StoreUnavailableError as error:
            _log.warning("the database is away: %s", error)
            await clock.sleep(backoff.next())
        else:
            break
    _log.info("the database is at revision %s", revision)
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part())


async def _ensure_user(accounts: Accounts, first_password: FirstPassword, clock: Clock) -> None:
    """At the first start make one; where no password can be kept, nobody can sign in and all else goes on."""
    try:
        await accounts.first_user(clock.now_ms(), first_password.keep)
        kept = first_password.path.exists()
    except OSError as error:
        _log.error("nobody can sign in: %s; add somebody with: afferent cloud user add NAME", error)
        return
    if kept:
        words = "sign in as %s: the first password is in %s, and `afferent cloud user first-password` prints it"
        _log.info(words, FIRST_USER, first_password.path)


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


def _uploads(config: CloudConfig) -> Uploads:
    objects = config.objects
    if isinstance(objects, S3Settings):
        access_key, secret_key = config.secret(objects.access_key_secret), config.secret(objects.secret_key_secret)
        return S3Uploads(objects, access_key=access_key, secret_key=secret_key)
    return NoUploads()


_Closable = TypeVar("_Closable", Database, ObjectStorage, Uploads)


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
