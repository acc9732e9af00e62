"""One engine for either database, with what makes a commit durable and SQLite's writers polite."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cloud.store.errors import StoreError, StoreUnavailableError, UnstorableError

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_CONNECT_S: Final = 10.0
_COMMAND_S: Final = 60.0
_BUSY_S: Final = 15.0


class Database:
    """A database that is SQLite or PostgreSQL; `read` and `write` each give one transaction."""

    def __init__(self, url: str, *, password: str | None = None, pool_size: int = 5) -> None:
        """Connects to nothing yet. `url` as in `sqlite:///cloud.db` or `postgresql://user@host/name`."""
        self.url = _with_driver(url, password)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = (
            _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url, pool_size, command_s=_COMMAND_S)
        )
        self._writer = self._engine.execution_options(afferent_writes=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads. Raise `StoreUnavailableError` when the database is away."""
        with _translated():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durable once the block ends. Raise `StoreUnavailableError` or `UnstorableError`."""
        with _translated():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """As `write`, by a connection of its own whose statements take as long as they must: an index over years of
        records takes minutes, and would be begun anew for ever."""
        if self.is_sqlite:
            async with self.write() as link:
                yield link
            return
        engine = _postgres_engine(self.url, 1, command_s=None)
        try:
            with _translated():
                async with engine.begin() as link:
                    yield link
        finally:
            await engine.dispose()

    async def close(self) -> None:
        """Give back every connection."""
        await self._engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if meant := _meaning(error):
            raise meant(_first_line(error)) from error
        raise
    except (PoolTimeoutError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(_first_line(error)) from error
    except OverflowError as error:
        raise UnstorableError(str(error)) from error
    except Exception as error:  # asyncpg's own errors come through bare while a connection is being made
        if type(error).__module__.startswith("asyncpg."):
            raise StoreUnavailableError(_first_line(error)) from error
        raise


def _meaning(error: DBAPIError) -> type[StoreError] | None:
    """What it is for whoever must decide; None where that is unknown."""
    if _is_of_values(error):
        return UnstorableError
    if isinstance(error, OperationalError | InterfaceError) or _is_outage(error):
        return StoreUnavailableError
    return None


def _is_of_values(error: DBAPIError) -> bool:
    """Whether PostgreSQL or its driver refuses what was given, however often (SQLSTATE classes 22, 54)."""
    by_driver = error.orig is not None and isinstance(error.orig.__cause__, ValueError)
    return by_driver or isinstance(error, DataError) or _state(error) in {"22", "54"}


def _is_outage(error: DBAPIError) -> bool:
    """Whether the connection went, or PostgreSQL is going down or short of something (SQLSTATE classes 08, 53, 57)."""
    return error.connection_invalidated or _state(error) in {"08", "53", "57", "40"}


def _state(error: DBAPIError) -> str:
    """The class of the SQLSTATE; empty where the database has none."""
    return str(getattr(error.orig, "sqlstate", "") or "")[:2]


def _first_line(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:300]


def _with_driver(url: str, password: str | None) -> URL:
    parsed = make_url(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite" and not parsed.database:
        raise ValueError("sqlite:///PATH needs the path of a file")
    parsed = parsed.set(drivername=_DRIVERS[kind])
    return parsed.set(password=password) if password else parsed


def _postgres_engine(url: URL, pool_size: int, *, command_s: float | None) -> AsyncEngine:
    settings = {"application_name": "afferent"}
    arguments = {"timeout": _CONNECT_S, "command_timeout": command_s, "server_settings": settings}
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=_CONNECT_S,
        pool_pre_ping=True,
        connect_args=arguments,
    )


def _sqlite_engine(url: URL) -> AsyncEngine:
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, connect_args={"timeout": _BUSY_S})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Durable at every commit (an ack follows it), readers beside the writer, and transactions begun by us alone."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: one that began by reading could not wait for another to finish.
    writes = connection.get_execution_options().get("afferent_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
