"""Users, their sessions and the bearer tokens of their programs."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from cloud.store import tables
from cloud.store.database import Database
from cloud.store.errors import AlreadyExistsError
from cloud.store.passwords import generate_password, hash_password, password_matches, token_digest

_NOBODY: Final = "scrypt$16384$8$1$" + "00" * 16 + "$" + "00" * 32
"""Compared with when there is no such user, so that a guess at a name takes as long as one at a password."""
_TRIES_AT_ONCE: Final = 2
FIRST_USER: Final = "admin"
Kind = Literal["session", "bearer"]


class Caller(NamedTuple):
    """Who presents a token, and of which kind."""

    user: str
    kind: str


class Accounts:
    """Everything about who may come in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tries = asyncio.Semaphore(_TRIES_AT_ONCE)

    async def add_user(self, name: str, password: str, now_ms: int, *, replace: bool = False) -> None:
        """Add a user; with `replace`, give an existing one a new password and end all sessions and tokens of theirs.

        Raise `AlreadyExistsError` if there is one of that name.
        """
        row = {"name": name, "password": await asyncio.to_thread(hash_password, password), "created_ms": now_ms}
        try:
            async with self._database.write() as link:
                if replace:
                    await link.execute(delete(tables.users).where(tables.users.c.name == name))
                    await link.execute(delete(tables.tokens).where(tables.tokens.c.user == name))
                await link.execute(insert(tables.users), row)
        except IntegrityError as error:
            raise AlreadyExistsError(f"user {name!r} exists already") from error

    async def first_user(self, now_ms: int, keep: Callable[[str], None]) -> bool:
        """Where there is no user at all, make `FIRST_USER` with a generated password; return whether it was so.

        `keep` writes the password down before there is such a user, so that dying in between locks nobody out.
        """
        async with self._database.read() as link:
            if (await link.execute(select(func.count()).select_from(tables.users))).scalar_one():
                return False
        password = generate_password()
        await asyncio.to_thread(keep, password)
        try:
            await self.add_user(FIRST_USER, password, now_ms)
        except AlreadyExistsError:
            return False
        return True

    async def check_password(self, name: str, password: str) -> bool:
        """Whether the user exists and this is the password."""
        query = select(tables.users.c.password).where(tables.users.c.name == name.replace("\0", ""))
        async with self._database.read() as link:
            stored = (await link.execute(query)).scalar_one_or_none()
        async with self._tries:
            matches = await asyncio.to_thread(password_matches, stored or _NOBODY, password)
        return matches and stored is not None

    async def issue(self, user: str, kind: Kind, *, label: str, now_ms: int, expires_ms: int | None) -> str:
        """A new token of `user`: returned once, kept as a digest. What has expired is forgotten at the same time."""
        token = f"aff_{secrets.token_urlsafe(32)}"
        row: dict[str, Any] = {
            "digest": token_digest(token),
            "user": user,
            "kind": kind,
            "label": label.replace("\0", "")[:200],
            "created_ms": now_ms,
            "expires_ms": expires_ms,
        }
        async with self._database.write() as link:
            await link.execute(delete(tables.tokens).where(tables.tokens.c.expires_ms < now_ms))
            await link.execute(insert(tables.tokens), row)
        return token

    async def caller(self, token: str, now_ms: int) -> Caller | None:
        """Who holds `token`; None if it is unknown, expired or revoked."""
        held = tables.tokens.c
        query = select(held.user, held.kind).where(held.digest == token_digest(token))
        query = query.where(or_(held.expires_ms.is_(None), held.expires_ms >= now_ms))
        async with self._database.read() as link:
            row = (await link.execute(query)).first()
        return Caller(row.user, row.kind) if row else None

    async def revoke(self, token: str) -> None:
        """End a session or a bearer token."""
        async with self._database.write() as link:
            await link.execute(delete(tables.tokens).where(tables.tokens.c.digest == token_digest(token)))

    async def user_exists(self, name: str) -> bool:
        """Whether there is such a user."""
        query = select(func.count()).select_from(tables.users).where(tables.users.c.name == name)
        async with self._database.read() as link:
            return bool((await link.execute(query)).scalar_one())
