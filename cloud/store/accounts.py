"""Accounts of people and programs: who there is, by which password, and in which role.

Every change is noted in the audit by the transaction that makes it, and changes wait for each other: so there is always
an admin.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.audit import Deed, note_within
from cloud.store.database import Database
from cloud.store.errors import AccountRefusedError, AlreadyExistsError, UnknownAccountError
from cloud.store.passwords import generate_password, hash_password
from cloud.store.roles import Role
from cloud.store.tables import ties, tokens, users
from cloud.store.ties import Ties

FIRST_USER: Final = "admin"
MOST_ACCOUNTS: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", re.ASCII)
"""No colon: `cli:` and `device:` name others in the audit. No slash: it is a part of a path."""
_LOCK: Final = 7_233_041_193
"""PostgreSQL advisory lock of who changes accounts. Any number will do, but those of the other locks."""


class Account(NamedTuple):
    """An account as it is shown; `sign_ins` and `programs` count its sessions and its bearer tokens."""

    name: str
    role: Role
    created_ms: int
    sign_ins: int
    programs: int


class Accounts:
    """Who there is. Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ties = Ties(database)

    async def add(self, name: str, password: str, deed: Deed, *, role: Role | None, now_ms: int) -> Role:
        """Add an account; the role that it has: the first one is an admin's, another is a viewer's where none is given.

        Raise `AlreadyExistsError`, or `AccountRefusedError`, also for a first account that would be less than admin.
        """
        if not _NAME.fullmatch(name):
            raise AccountRefusedError("a name has 1 to 64 letters, digits and . _ @ + -, a letter or digit first")
        stored = await asyncio.to_thread(hash_password, password)
        async with self._changing() as link:
            count = await _count(link)
            if count >= MOST_ACCOUNTS:
                raise AccountRefusedError(f"there are {count} accounts already")
            given = _role_of(role, is_first=not count)
            if await _known(link, name):
                raise AlreadyExistsError(f"account {name!r} exists already")
            row = {"name": name, "password": stored, "created_ms": now_ms, "role": given}
            await link.execute(insert(users), row)
            await link.execute(delete(ties).where(ties.c.user == name))  # left by a program of before there were any
            await note_within(link, deed._replace(detail=given), now_ms)
        return given

    async def first_user(self, now_ms: int, keep: Callable[[str], None]) -> bool:
        """Where there is no account at all, make `FIRST_USER` with a generated password; return whether it was so.

        `keep` writes the password down before there is such an account, so that dying in between locks nobody out, and
        while nobody else makes one. Raise the `OSError` that it may raise.
        """
        async with self._database.read() as link:
            if await _count(link):
                return False
        password = generate_password()
        stored = await asyncio.to_thread(hash_password, password)
        async with self._changing() as link:
            if await _count(link):
                return False
            problem = await asyncio.to_thread(_problem_of, keep, password)
            if problem is None:
                row = {"name": FIRST_USER, "password": stored, "created_ms": now_ms, "role": "admin"}
                await link.execute(insert(users), row)
                await note_within(link, Deed("cloud", "account.add", FIRST_USER, detail="admin"), now_ms)
        if problem:
            raise problem
        return True

    async def all(self, now_ms: int) -> list[Account]:
        """Every account, by name."""
        held = tokens.c
        alive = held.expires_ms.is_(None) | (held.expires_ms >= now_ms)
        counted = select(held.user, held.kind, func.count()).where(alive).group_by(held.user, held.kind)
        async with self._database.read() as link:
            counts = {(user, kind): int(count) for user, kind, count in await link.execute(counted)}
            rows = (await link.execute(select(users).order_by(users.c.name))).all()
        return [
            Account(
                row.name,
                row.role,
                row.created_ms,
                counts.get((row.name, "session"), 0),
                counts.get((row.name, "bearer"), 0),
            )
            for row in rows
        ]

    async def set_role(self, name: str, role: Role, deed: Deed, *, now_ms: int) -> None:
        """Give another role, from the next request on. Raise `UnknownAccountError`; the last admin stays one."""
        async with self._changing() as link:
            before = await _role(link, name)
            if role != "admin":
                await _check_admin_left(link, name)
            await link.execute(update(users).where(users.c.name == name).values(role=role))
            await note_within(link, deed._replace(detail=f"{before} to {role}"), now_ms)

    async def set_password(
        self, name: str, password: str, deed: Deed, *, now_ms: int, but_digest: str | None = None
    ) -> None:
        """Give another password, which ends every session and token, but the one of that digest.

        Raise `UnknownAccountError`.
        """
        stored = await asyncio.to_thread(hash_password, password)
        async with self._changing() as link:
            await _role(link, name)
            await link.execute(update(users).where(users.c.name == name).values(password=stored))
            ended = delete(tokens).where(tokens.c.user == name)
            if but_digest:
                ended = ended.where(tokens.c.digest != but_digest)
            await link.execute(ended)
            await note_within(link, deed, now_ms)

    async def remove(self, name: str, deed: Deed, *, now_ms: int) -> None:
        """Take an account away, with its sessions, tokens and ties.

        Raise `UnknownAccountError`; the last admin stays.
        """
        async with self._changing() as link:
            await _role(link, name)
            await _check_admin_left(link, name)
            await link.execute(delete(users).where(users.c.name == name))
            await link.execute(delete(tokens).where(tokens.c.user == name))
            await link.execute(delete(ties).where(ties.c.user == name))
            await note_within(link, deed, now_ms)

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in which nobody else changes accounts."""
        async with self._database.write() as link:
            if not self._database.is_sqlite:
                await link.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield link


def _role_of(role: Role | None, *, is_first: bool) -> Role:
    if is_first and role not in {None, "admin"}:
        raise AccountRefusedError("the first account is an admin's: without one nobody could make another")
    return role or ("admin" if is_first else "viewer")


def _problem_of(keep: Callable[[str], None], password: str) -> OSError | None:
    """Why it was not kept. Inside a transaction it would be taken for one of the database."""
    try:
        keep(password)
    except OSError as error:
        return error
    return None


async def _count(link: AsyncConnection) -> int:
    return int((await link.execute(select(func.count()).select_from(users))).scalar_one())


async def _known(link: AsyncConnection, name: str) -> bool:
    return (await link.execute(_of(name))).first() is not None


async def _role(link: AsyncConnection, name: str) -> Role:
    found: Role | None = (await link.execute(_of(name))).scalar_one_or_none()
    if found is None:
        raise UnknownAccountError(f"there is no account {name!r:.80}")
    return found


async def _check_admin_left(link: AsyncConnection, name: str) -> None:
    """Raise `AccountRefusedError` where `name` is the only admin."""
    admins = set((await link.execute(select(users.c.name).where(users.c.role == "admin"))).scalars())
    if admins == {name}:
        raise AccountRefusedError(f"{name!r:.80} is the last admin: make another one first")


def _of(name: str) -> Any:
    return select(users.c.role).where(users.c.name == ("" if "\0" in name else name))
