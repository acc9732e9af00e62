"""Who is signed in: one administrator, a generated password, sessions that outlive a restart, links of participants.

A session is a random token; only its SHA-256 is kept, in memory and in a file, so a copy of the state folder signs
nobody in. A new password ends every session, also when another process (the command line) set it. A link is a session
of a participant, who may do nothing but take part in their own viewings (X.6); it ends with the password too.
"""

import asyncio
import hashlib
import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from anyio import to_thread
from msgspec import Struct

from edge.core.clock import Clock
from edge.core.files import write_private
from edge.web.attempts import Attempts
from edge.web.passwords import (
    PasswordFileError,
    StoredPassword,
    generate_password,
    load_password,
    matches,
    store_password,
)

USER: Final = "admin"
_MOST_SESSIONS: Final = 64
_MOST_LINKS: Final = 256
_HOUR_MS: Final = 3_600_000
_MOST_WAITING: Final = 8
_LONGEST_PASSWORD: Final = 256
_DAY_MS: Final = 86_400_000
_log = logging.getLogger(__name__)


class WrongPasswordError(Exception):
    """The password is not the one that was set."""


class TooManyAttemptsError(Exception):
    """This address guessed too often; it may try again after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many wrong passwords: try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in that worked. The token is given out once."""

    token: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Signed:
    """Whom a token signs in: the administrator, or one participant."""

    participant: str | None = None
    """None is the administrator."""


class _Session(Struct, frozen=True, kw_only=True):
    expires_ms: int
    salt: str
    """The password's salt at sign-in: another password has another salt and so ends the session."""
    participant: str | None = None


class Auth:
    """The password and the sessions of one appliance, in a folder of its own. Belongs to the event loop."""

    def __init__(self, folder: Path, *, clock: Clock, session_days: int = 30) -> None:
        self._password_path = folder / "password.json"
        self._sessions_path = folder / "sessions.json"
        self._clock = clock
        self._session_ms = session_days * _DAY_MS
        self._attempts = Attempts(clock)
        self._sessions: dict[str, _Session] = _load_sessions(self._sessions_path)
        self._checking = asyncio.Semaphore(1)
        self._waiting = 0
        self._stored: tuple[int, StoredPassword] | None = None

    def ensure_password(self) -> str | None:
        """At the first start, make a password and return it to be shown once; afterwards None.

        Raise `PasswordFileError` if its file is damaged.
        """
        if not self._password_path.exists():
            return self.reset()
        load_password(self._password_path)
        return None

    def reset(self) -> str:
        """Set a new generated password, end every session and return the password to be shown once."""
        password = generate_password()
        store_password(self._password_path, password)
        self._sessions.clear()
        self._sessions_path.unlink(missing_ok=True)
        return password

    async def sign_in(self, password: str, address: str) -> NewSession:
        """Open a session. Raise `WrongPasswordError`, `TooManyAttemptsError`, or `PasswordFileError`."""
        wait = self._attempts.wait_s(address)
        if wait or self._waiting >= _MOST_WAITING:
            raise TooManyAttemptsError(wait or 1)
        stored = self._password()
        if not await self._check(stored, password):
            self._attempts.failed(address)
            raise WrongPasswordError
        self._attempts.succeeded(address)
        return await self._open(stored, lasts_ms=self._session_ms)

    def user_of(self, token: str) -> str | None:
        """`USER` if the token is the administrator's, else None."""
        signed = self.who(token)
        return USER if signed and signed.participant is None else None

    def who(self, token: str) -> Signed | None:
        """Whom the token signs in, if it does."""
        key = _key(token)
        session = self._sessions.get(key)
        if session is None:
            return None
        if session.expires_ms <= self._clock.now().wall_ms or session.salt != self._salt():
            del self._sessions[key]
            return None
        return Signed(session.participant)

    def lasts_s(self, token: str) -> int:
        """Seconds for which the link of this token still works; 0 for what is none."""
        signed = self.who(token)
        if signed is None or signed.participant is None:
            return 0
        return max(0, self._sessions[_key(token)].expires_ms - self._clock.now().wall_ms) // 1000

    async def link(self, participant: str, hours: float) -> NewSession:
        """A token that signs this participant in for so long. Raise `PasswordFileError`."""
        return await self._open(self._password(), participant=participant, lasts_ms=int(hours * _HOUR_MS))

    async def revoke(self, participant: str) -> int:
        """End every link of a participant; how many there were."""
        mine = [key for key, session in self._sessions.items() if session.participant == participant]
        for key in mine:
            del self._sessions[key]
        if mine:
            await self._save()
        return len(mine)

    async def sign_out(self, token: str) -> None:
        """End a session; an unknown token is no error."""
        if self._sessions.pop(_key(token), None):
            await self._save()

    @property
    def sessions(self) -> int:
        """How many sessions are kept, ended ones that nobody asked for since included."""
        return len(self._sessions)

    async def _check(self, stored: StoredPassword, password: str) -> bool:
        if len(password) > _LONGEST_PASSWORD:
            return False
        self._waiting += 1
        try:
            async with self._checking:
                return await to_thread.run_sync(matches, stored, password)
        finally:
            self._waiting -= 1

    async def _open(self, stored: StoredPassword, *, lasts_ms: int, participant: str | None = None) -> NewSession:
        token = secrets.token_urlsafe(32)
        expires_ms = self._clock.now().wall_ms + lasts_ms
        self._sessions[_key(token)] = _Session(expires_ms=expires_ms, salt=stored.salt, participant=participant)
        self._forget_first(links=participant is not None)
        await self._save()
        return NewSession(token, expires_ms)

    def _forget_first(self, *, links: bool) -> None:
        """Of too many sessions of one kind those go that would end first: links never push an administrator out."""
        same = [key for key, session in self._sessions.items() if (session.participant is not None) is links]
        same.sort(key=lambda key: self._sessions[key].expires_ms)
        for key in same[: max(0, len(same) - (_MOST_LINKS if links else _MOST_SESSIONS))]:
            del self._sessions[key]

    async def _save(self) -> None:
        content = msgspec.json.encode(self._sessions)
        try:
            await to_thread.run_sync(write_private, self._sessions_path, content)
        except OSError as error:
            _log.warning("sessions will not outlive a restart: %s cannot be written: %s", self._sessions_path, error)

    def _salt(self) -> str | None:
        """The present password's; None where there is no password that could be used."""
        try:
            return self._password().salt
        except PasswordFileError:
            return None

    def _password(self) -> StoredPassword:
        try:
            changed_ns = self._password_path.stat().st_mtime_ns
        except OSError as error:
            raise PasswordFileError(f"{self._password_path} cannot be used: {error.strerror}") from error
        if self._stored is None or self._stored[0] != changed_ns:
            self._stored = (changed_ns, load_password(self._password_path))
        return self._stored[1]


def _key(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _load_sessions(path: Path) -> dict[str, _Session]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, _Session])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        _log.warning("everybody must sign in again: %s cannot be read: %s", path, error)
        return {}
