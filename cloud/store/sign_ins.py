"""Who comes in: people by their passwords, browsers and programs by tokens, of which only digests are kept."""

import asyncio
import secrets
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import and_, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.audit import Deed, note_within
from cloud.store.database import Database
from cloud.store.errors import AccountRefusedError, UnknownAccountError
from cloud.store.passwords import password_matches, token_digest
from cloud.store.roles import Role
from cloud.store.tables import tokens, users

_NOBODY: Final = "scrypt$16384$8$1$" + "00" * 16 + "$" + "00" * 32
"""Compared with when there is no such account, so that a guess at a name takes as long as one at a password."""
_TRIES_AT_ONCE: Final = 2
MOST_SESSIONS: Final = 50
"""Of one account; the oldest ends."""
MOST_PROGRAMS: Final = 100
"""Bearer tokens of one account: they never end by themselves."""
_ID: Final = 16
"""Hex digits of a token's digest by which it is called."""
Kind = Literal["session", "bearer"]


class Caller(NamedTuple):
    """Who presents a token, of which kind, and what their account may do."""

    user: str
    kind: str
    role: Role


class Pass(NamedTuple):
    """A token that was just made: shown this once."""

    token: str
    role: Role


class Program(NamedTuple):
    """A bearer token as it is shown; `id` names it, and opens nothing."""

    id: str
    user: str
    label: str
    created_ms: int


class SignIns:
    """Passwords and tokens. Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tries = asyncio.Semaphore(_TRIES_AT_ONCE)

    async def check_password(self, name: str, password: str) -> bool:
        """Whether the account exists and this is its password."""
        return await self._matching(name, password) is not None

    async def sign_in(self, name: str, password: str, *, label: str, now_ms: int, expires_ms: int) -> Pass | None:
        """A session for whoever knows the password; None for whoever does not.

        A password that is replaced meanwhile opens nothing any more.
        """
        stored = await self._matching(name, password)
        if stored is None:
            return None
        async with self._database.write() as link:
            query = select(users.c.role).where(users.c.name == name, users.c.password == stored).with_for_update()
            role: Role | None = (await link.execute(query)).scalar_one_or_none()
            if role is None:
                return None
            await _end_oldest(link, name)
            return Pass(await _issue(link, name, "session", label, now_ms=now_ms, expires_ms=expires_ms), role)

    async def issue(self, user: str, kind: Kind, *, label: str, now_ms: int, expires_ms: int | None) -> str:
        """A new token of `user`: returned once, kept as a digest. What has expired is forgotten at the same time.

        Raise `UnknownAccountError`, or `AccountRefusedError` where it has as many as may be.
        """
        async with self._database.write() as link:
            query = select(users.c.name).where(users.c.name == user).with_for_update()
            if (await link.execute(query)).first() is None:
                raise UnknownAccountError(f"there is no account {user!r:.80}")
            count = select(func.count()).where(tokens.c.user == user, tokens.c.kind == "bearer")
            if kind == "bearer" and (await link.execute(count)).scalar_one() >= MOST_PROGRAMS:
                raise AccountRefusedError(f"{user!r:.80} has {MOST_PROGRAMS} tokens: a new password ends them all")
            return await _issue(link, user, kind, label, now_ms=now_ms, expires_ms=expires_ms)

    async def caller(self, token: str, now_ms: int) -> Caller | None:
        """Who holds `token`; None if it is unknown, expired or revoked, or its account is gone."""
        held = tokens.c
        query = select(held.user, held.kind, users.c.role).join(users, users.c.name == held.user)
        query = query.where(held.digest == token_digest(token))
        query = query.where(or_(held.expires_ms.is_(None), held.expires_ms >= now_ms))
        async with self._database.read() as link:
            row = (await link.execute(query)).first()
        return Caller(*row) if row else None

    async def revoke(self, token: str) -> None:
        """End a session or a bearer token."""
        async with self._database.write() as link:
            await link.execute(delete(tokens).where(tokens.c.digest == token_digest(token)))

    async def programs(self) -> list[Program]:
        """Every bearer token, by account and age."""
        held = tokens.c
        query = select(held.digest, held.user, held.label, held.created_ms).where(held.kind == "bearer")
        query = query.order_by(held.user, held.created_ms, held.digest)
        async with self._database.read() as link:
            return [Program(row[0][:_ID], *row[1:]) for row in await link.execute(query)]

    async def end_program(self, program_id: str, deed: Deed, *, now_ms: int) -> str | None:
        """End the bearer token of this id; whose it was, or None if there is none."""
        held = tokens.c
        mine = and_(held.kind == "bearer", func.substr(held.digest, 1, _ID) == program_id)
        async with self._database.write() as link:
            user: str | None = (
                await link.execute(delete(tokens).where(mine).returning(held.user))
            ).scalar_one_or_none()
            if user is not None:
                await note_within(link, deed._replace(target=user, detail=program_id), now_ms)
        return user

    async def account_exists(self, name: str) -> bool:
        """Whether there is such an account."""
        return await self._stored(name) is not None

    async def _matching(self, name: str, password: str) -> str | None:
        """The stored hash, if there is one and it is of this password. Takes as long if there is none."""
        stored = await self._stored(name)
        async with self._tries:
            matches = await asyncio.to_thread(password_matches, stored or _NOBODY, password)
        return stored if matches else None

    async def _stored(self, name: str) -> str | None:
        query = select(users.c.password).where(users.c.name == name.replace("\0", ""))
        async with self._database.read() as link:
            found: str | None = (await link.execute(query)).scalar_one_or_none()
        return None if "\0" in name else found


async def _issue(
    link: AsyncConnection, user: str, kind: Kind, label: str, *, now_ms: int, expires_ms: int | None
) -> str:
    token = f"aff_{secrets.token_urlsafe(32)}"
    row: dict[str, Any] = {
        "digest": token_digest(token),
        "user": user,
        "kind": kind,
        "label": label.replace("\0", "")[:200],
        "created_ms": now_ms,
        "expires_ms": expires_ms,
    }
    await link.execute(delete(tokens).where(tokens.c.expires_ms < now_ms))
    await link.execute(insert(tokens), row)
    return token


async def _end_oldest(link: AsyncConnection, user: str) -> None:
    """Make room for one more session."""
    held = tokens.c
    mine = select(held.digest).where(held.user == user, held.kind == "session")
    kept = mine.order_by(held.created_ms.desc(), held.digest).limit(MOST_SESSIONS - 1)
    await link.execute(delete(tokens).where(held.user == user, held.kind == "session", held.digest.not_in(kept)))
