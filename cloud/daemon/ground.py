"""What the parts of a process stand on: the database, object storage, clocks. Each is opened when first asked for."""

import random
from contextlib import AsyncExitStack
from functools import cached_property

from prometheus_client import CollectorRegistry
from sqlalchemy.exc import ArgumentError

from cloud.config import CloudConfig
from cloud.objects.folder import FolderStorage
from cloud.objects.s3 import S3Storage
from cloud.objects.settings import S3Settings
from cloud.objects.storage import ObjectStorage
from cloud.objects.uploads import NoUploads, S3Uploads, Uploads
from cloud.store.clock import SystemClock
from cloud.store.database import Database
from cloud.trust.desk import TrustDesk, trust_desk
from contract.errors import InvalidSettingsError


class Ground:
    """Of one process. What was opened is closed by the stack; a secret is read only where it is needed."""

    def __init__(self, config: CloudConfig, stack: AsyncExitStack) -> None:
        self.config = config
        self.clock = SystemClock()
        self.rng = random.Random()  # noqa: S311 - jitter
        self.registry = CollectorRegistry()
        self._stack = stack

    @cached_property
    def database(self) -> Database:
        """Nothing is connected yet. Raise `InvalidSettingsError`."""
        database = open_database(self.config)
        self._stack.push_async_callback(database.close)
        return database

    @cached_property
    def storage(self) -> ObjectStorage:
        """Objects, to be read and deleted."""
        storage = _storage(self.config)
        self._stack.push_async_callback(storage.close)
        return storage

    @cached_property
    def uploads(self) -> Uploads:
        """What answers devices that have no credentials of object storage."""
        uploads = _uploads(self.config)
        self._stack.push_async_callback(uploads.close)
        return uploads

    @cached_property
    def trust(self) -> TrustDesk:
        """What certifies devices; there need not be an authority."""
        return trust_desk(self.config.trust, self.config.state_path, database=self.database, clock=self.clock)


def open_database(config: CloudConfig) -> Database:
    """The database that `config` names; nothing is connected yet. Raise `InvalidSettingsError`."""
    password = config.secret(config.store.password_secret)
    try:
        return Database(config.database_url, password=password, pool_size=config.store.pool_size)
    except (ArgumentError, ValueError) as error:
        raise InvalidSettingsError(f"$.store.database_url: {error}") from error
    except OSError as error:
        raise InvalidSettingsError(f"$.store.database_url: {error.filename}: {error.strerror}") from error


def make_state(config: CloudConfig) -> None:
    """The state folder, private. Raise `InvalidSettingsError`."""
    try:
        config.state_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidSettingsError(f"$.state_dir: {error.filename}: {error.strerror}") from error


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
