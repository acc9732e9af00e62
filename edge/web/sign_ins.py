"""Who is signed in, from where and until when: tokens that outlive a restart, of which only the digests are kept.

A copy of the state folder signs nobody in. Bounded: of too many of one account, or of too many links, those go that
would end first, so nobody pushes somebody else out.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec
from anyio import to_thread
from msgspec import Struct

from edge.core.files import write_private

_MOST_OF_ONE: Final = 64
_MOST_LINKS: Final = 256
_log = logging.getLogger(__name__)


class SignIn(Struct, frozen=True, kw_only=True):
    """One sign-in of an account, or a link that an account gave to a participant."""

    expires_ms: int
    salt: str
    """The password's salt at sign-in: another password has another salt and so ends what it signed in."""
    participant: str | None = None
    """Whom a link is for; None is the account itself."""
    account: str = "admin"
    """Whose password opened it."""
    since_ms: int = 0
    address: str = ""
    program: str = ""


class SignIns:
    """The table of them, and its file. Belongs to the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open = _load(path)
        self._one_at_a_time = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def of(self, token: str) -> SignIn | None:
        """What a token stands for, be it over or not."""
        return self._open.get(key_of(token))

    def all(self) -> list[tuple[str, SignIn]]:
        """Every one with its key, the digest of its token."""
        return list(self._open.items())

    async def open(self, made: SignIn) -> str:
        """Keep a new one; return its token, which is told once."""
        token = secrets.token_urlsafe(32)
        self._open[key_of(token)] = made
        self._forget_first(made)
        await self._save()
        return token

    def forget(self, token: str) -> None:
        """Drop what is over; the file follows with the next change."""
        self._open.pop(key_of(token), None)

    async def end(self, keys: Iterable[str]) -> int:
        """End these; how many there were."""
        ended = sum(self._open.pop(key, None) is not None for key in list(keys))
        if ended:
            await self._save()
        return ended

    async def change(self, token: str, into: Callable[[SignIn], SignIn]) -> None:
        """Change one, if it is there."""
        key = key_of(token)
        if key in self._open:
            self._open[key] = into(self._open[key])
            await self._save()

    def _forget_first(self, like: SignIn) -> None:
        links = like.participant is not None
        same = [key for key, one in self._open.items() if _kind(one) == _kind(like)]
        same.sort(key=lambda key: self._open[key].expires_ms)
        for key in same[: max(0, len(same) - (_MOST_LINKS if links else _MOST_OF_ONE))]:
            del self._open[key]

    async def _save(self) -> None:
        """What there is by then, one after the other: an older state written last would sign in again who went."""
        async with self._one_at_a_time:
            try:
                await to_thread.run_sync(write_private, self._path, msgspec.json.encode(self._open))
            except OSError as error:
                _log.warning("sessions will not outlive a restart: %s cannot be written: %s", self._path, error)


def key_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _kind(one: SignIn) -> str | None:
    """Links are counted together, sign-ins by account."""
    return one.account if one.participant is None else None


def _load(path: Path) -> dict[str, SignIn]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, SignIn])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        _log.warning("everybody must sign in again: %s cannot be read: %s", path, error)
        return {}
