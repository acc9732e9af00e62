"""The register of trust in the database: who was invited, what was signed, what was revoked.

Nothing that the authority signs is handed out before it stands here, and a token is redeemed in the same transaction
that registers what it bought. Revocation locks the same rows first, so that nothing slips by it. Each is noted in the
audit by the transaction that does it.
"""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.audit import Deed, note_within
from cloud.store.database import Database
from cloud.store.tables import certificates, enrolments
from cloud.trust.authority import Issued
from cloud.trust.papers import Kind, Revoked

DEVICES: Final[tuple[Kind, ...]] = ("device",)
OTHERS: Final[tuple[Kind, ...]] = ("server", "client")
_DAY_MS: Final = 86_400_000
_KEPT_MS: Final = 400 * _DAY_MS
"""For so long after its end a certificate is still listed; longer than it may be renewed."""
_LIST_LOCK: Final = 7_233_041_192
"""PostgreSQL advisory lock of who writes the list of the revoked. Any number will do, but the migration's."""


class Asker(NamedTuple):
    """Who asks, for the audit: a user, or `cli:ACCOUNT`, and from where."""

    name: str
    address: str = ""


class Invitation(NamedTuple):
    """A token as it is kept: its secret is not here."""

    id: str
    device: str
    digest: str
    expires_ms: int
    used_ms: int | None
    key_digest: str | None

    def opens(self, secret: str) -> bool:
        """Whether `secret` is the token's."""
        return hmac.compare_digest(self.digest, _digest(secret))


class Held(NamedTuple):
    """A certificate as it stands in the register."""

    serial: str
    kind: str
    name: str
    key_digest: str
    pem: str
    issued_ms: int
    expires_ms: int
    revoked_ms: int | None


class Standing(NamedTuple):
    """How one device stands: its newest certificate, and whether an invitation waits for it."""

    device: str
    expires_ms: int | None
    revoked_ms: int | None
    invited_until_ms: int | None


class Register:
    """Invitations and certificates. Every method may raise `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invite(self, device: str, *, by: Asker, now_ms: int, expires_ms: int) -> tuple[str, str]:
        """A new invitation: its id and its secret, which is returned once and kept as a digest.

        Unused ones of the same device die, and what is long over is forgotten.
        """
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = {
            "id": token_id,
            "device": device,
            "digest": _digest(secret),
            "by": by.name[:200],
            "created_ms": now_ms,
            "expires_ms": expires_ms,
        }
        mine, kept = enrolments.c, certificates.c
        async with self._database.write() as link:
            unused = and_(mine.device == device, mine.used_ms.is_(None))
            await link.execute(delete(enrolments).where(or_(unused, mine.expires_ms < now_ms - _KEPT_MS)))
            await link.execute(delete(certificates).where(kept.expires_ms < now_ms - _KEPT_MS))
            await link.execute(insert(enrolments), row)
            await note_within(link, Deed(by.name, "device.invite", device, address=by.address), now_ms)
        return token_id, secret

    async def invitation(self, token_id: str) -> Invitation | None:
        """The one with this id."""
        query = select(*(enrolments.c[name] for name in Invitation._fields)).where(enrolments.c.id == token_id)
        async with self._database.read() as link:
            row = (await link.execute(query)).first()
        return Invitation(*row) if row else None

    async def redeem(self, invitation: Invitation, issued: Issued, now_ms: int) -> bool:
        """Use the invitation up and register what it bought; False if it was used, or died, meanwhile."""
        mine = enrolments.c
        good = and_(mine.id == invitation.id, mine.used_ms.is_(None), mine.expires_ms >= now_ms)
        async with self._database.write() as link:
            spent = update(enrolments).where(good).values(used_ms=now_ms, key_digest=issued.key_digest)
            if (await link.execute(spent)).rowcount != 1:
                return False
            await link.execute(insert(certificates), issued._asdict())
            await note_within(link, _by_device(issued, "device.enrol"), now_ms)
        return True

    async def replace(self, old: Held, issued: Issued, *, now_ms: int, most: int) -> bool:
        """Register the successor of `old`; False if that was revoked meanwhile, or its name got `most` in a day."""
        mine = certificates.c
        async with self._database.write() as link:
            locked = await link.execute(select(mine.revoked_ms).where(mine.serial == old.serial).with_for_update())
            if locked.scalar_one() is not None or await _since(link, old.name, now_ms - _DAY_MS) >= most:
                return False
            await link.execute(insert(certificates), issued._asdict())
            await note_within(link, _by_device(issued, "certificate.renew"), now_ms)
        return True

    async def add(self, issued: Issued) -> None:
        """Register what an operator had signed."""
        async with self._database.write() as link:
            await link.execute(insert(certificates), issued._asdict())

    async def certificate(self, serial: str) -> Held | None:
        """The one with this serial number, in hex."""
        found = await self._certificates(certificates.c.serial == serial)
        return found[0] if found else None

    async def live_of_key(self, name: str, key_digest: str, now_ms: int) -> Held | None:
        """The newest certificate of a device of this name and key that has neither run out nor been revoked."""
        mine = certificates.c
        same = and_(_is_of(name), mine.key_digest == key_digest, mine.revoked_ms.is_(None))
        found = await self._certificates(and_(same, mine.expires_ms > now_ms))
        return found[0] if found else None

    async def is_overtaken(self, held: Held, before_ms: int) -> bool:
        """Whether its device got a newer certificate before that moment."""
        mine = certificates.c
        newer = and_(_is_of(held.name), mine.issued_ms > held.issued_ms, mine.issued_ms < before_ms)
        async with self._database.read() as link:
            return (await link.execute(select(mine.serial).where(newer).limit(1))).first() is not None

    async def certificates_of(self, device: str) -> list[Held]:
        """All of a device, newest first."""
        return await self._certificates(_is_of(device))

    async def devices(self) -> list[Standing]:
        """Every device that was invited or has a certificate, by name."""
        mine, kept = enrolments.c, certificates.c
        until = func.max(mine.expires_ms).label("until")
        waiting = select(mine.device, until).where(mine.used_ms.is_(None)).group_by(mine.device)
        signed = select(kept.name, kept.expires_ms, kept.revoked_ms).where(kept.kind == "device")
        signed = signed.order_by(kept.issued_ms)
        async with self._database.read() as link:
            invited = {row.device: int(row.until) for row in await link.execute(waiting)}
            newest = {row.name: (row.expires_ms, row.revoked_ms) for row in await link.execute(signed)}
        return [
            Standing(name, *newest.get(name, (None, None)), invited_until_ms=invited.get(name))
            for name in sorted(invited.keys() | newest.keys())
        ]

    async def revoke(self, name: str, *, by: Asker, now_ms: int, kinds: Collection[Kind] = DEVICES) -> int:
        """End every certificate of these kinds of a common name, and every invitation of a device; how many that were.

        A server may be called as a device is: who may end the one does not end the other by it.
        """
        mine, is_device = certificates.c, "device" in kinds
        alive = and_(mine.name == name, mine.kind.in_(kinds), mine.revoked_ms.is_(None))
        async with self._database.write() as link:
            if is_device:
                await link.execute(delete(enrolments).where(enrolments.c.device == name))
            await link.execute(select(mine.serial).where(alive).with_for_update())
            done = await link.execute(update(certificates).where(alive).values(revoked_ms=now_ms))
            said, action = f"{done.rowcount} certificates", "device.revoke" if is_device else "certificate.revoke"
            await note_within(link, Deed(by.name, action, name, detail=said, address=by.address), now_ms)
        return int(done.rowcount)

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[list[Revoked]]:
        """What is revoked and not yet forgotten; inside the block nobody else writes a list of it."""
        mine = certificates.c
        query = select(mine.serial, mine.revoked_ms).where(mine.revoked_ms.is_not(None)).order_by(mine.serial)
        async with self._database.write() as link:
            if not self._database.is_sqlite:
                await link.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LIST_LOCK})
            yield [Revoked(int(row.serial, 16), row.revoked_ms) for row in await link.execute(query)]

    async def _certificates(self, condition: Any) -> list[Held]:
        columns = [certificates.c[name] for name in Held._fields]
        query = select(*columns).where(condition).order_by(certificates.c.issued_ms.desc())
        async with self._database.read() as link:
            return [Held(*row) for row in await link.execute(query)]


def _is_of(device: str) -> ColumnElement[bool]:
    return and_(certificates.c.name == device, certificates.c.kind == "device")


async def _since(link: AsyncConnection, device: str, since_ms: int) -> int:
    """How many certificates a device got."""
    young = and_(_is_of(device), certificates.c.issued_ms > since_ms)
    return int((await link.execute(select(func.count()).select_from(certificates).where(young))).scalar_one())


def _by_device(issued: Issued, action: str) -> Deed:
    return Deed(f"device:{issued.name}", action, issued.name, detail=f"serial {issued.serial}")


def _digest(secret: str) -> str:
    """Secrets are random and long, so a plain SHA-256 does."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
