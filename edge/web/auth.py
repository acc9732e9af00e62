"""Signing in: accounts with passwords, sessions that outlive a restart, and the links of participants.

A session is a random token; only its digest is kept. Another password ends every session that the old one opened, also
when another process (the command line) set it, and so does the end of an account. A link is a session of a participant,
who may do nothing but take part in their own viewings (X.6); it ends with the password of whoever made it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from anyio import to_thread

from edge.core.clock import Clock
from edge.web.accounts import ADMIN, Account, Accounts
from edge.web.attempts import Attempts
from edge.web.callers import is_within, parse_networks
from edge.web.passwords import (
    NOBODYS,
    PasswordFileError,
    StoredPassword,
    generate_password,
    hash_password,
    matches,
)
from edge.web.roles import AccountRole
from edge.web.sign_ins import SignIn, SignIns, key_of

USER: Final = ADMIN
_HOUR_MS: Final = 3_600_000
_MOST_WAITING: Final = 8
_LONGEST_PASSWORD: Final = 256
_DAY_MS: Final = 86_400_000
_FREE_OF_ACCOUNT: Final = 20
_LONGEST_WAIT_OF_ACCOUNT_S: Final = 60.0
_PROGRAM_LENGTH: Final = 120
_LOOPBACK: Final = parse_networks(("127.0.0.0/8", "::1/128"), "loopback")


class WrongPasswordError(Exception):
    """The password is not that of the account, or there is no such account: nobody is told which."""


class TooManyAttemptsError(Exception):
    """Somebody guessed too often; it may be tried again after `retry_after_s` seconds."""

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
    """Whom a token signs in: an account, or one participant."""

    participant: str | None = None
    """None is an account."""
    account: str = USER
    """The account, or the one that made the link."""
    role: AccountRole = "viewer"


class Auth:
    """The accounts and the sessions of one appliance, in a folder of its own. Belongs to the event loop."""

    def __init__(self, folder: Path, *, clock: Clock, session_days: int = 30) -> None:
        self.accounts = Accounts(folder)
        self.sign_ins = SignIns(folder / "sessions.json")
        self._clock = clock
        self._session_ms = session_days * _DAY_MS
        self._attempts = Attempts(clock)
        self._attempts_at = Attempts(clock, free=_FREE_OF_ACCOUNT, longest_wait_s=_LONGEST_WAIT_OF_ACCOUNT_S)
        self._attempts_of_both = Attempts(clock)
        self._checking = asyncio.Semaphore(1)
        self._waiting = 0

    def ensure_password(self, keep: Callable[[str], object] = str) -> str | None:
        """At the first start, make the admin's password and return it to be shown once; afterwards None.

        It is given to `keep` before it is the password, so that a power cut leaves none that nobody knows. Raise
        `PasswordFileError` if the accounts cannot be read.
        """
        if self.accounts.begun:
            self.accounts.all()
            return None
        password = generate_password()
        keep(password)
        return self._set(password)

    def reset(self) -> str:
        """Set a new generated password for the admin, which ends the admin's sessions; return it to be shown once."""
        return self._set(generate_password())

    def _set(self, password: str) -> str:
        now_ms = self._clock.now().wall_ms
        self.accounts.reset(Account(role="admin", password=hash_password(password), since_ms=now_ms))
        return password

    async def sign_in(self, password: str, address: str, *, account: str = USER, program: str = "") -> NewSession:
        """Open a session. Raise `WrongPasswordError`, `TooManyAttemptsError`, or `PasswordFileError`."""
        found = await self.check(account, password, address)
        now_ms = self._clock.now().wall_ms
        return await self._open(
            SignIn(
                expires_ms=now_ms + self._session_ms,
                salt=found.password.salt,
                account=account,
                since_ms=now_ms,
                address=address,
                program=program[:_PROGRAM_LENGTH],
            )
        )

    async def check(self, account: str, password: str, address: str) -> Account:
        """The account, if this is its password. Raise as `sign_in` does. A name that is none takes as long."""
        wait = self._wait_s(account, address)
        if wait or self._waiting >= _MOST_WAITING:
            raise TooManyAttemptsError(wait or 1)
        found = self.accounts.of(account)
        if not await self._matches(found.password if found else NOBODYS, password) or found is None:
            self._attempts.failed(address)
            self._attempts_at.failed(account)
            self._attempts_of_both.failed(f"{address}@{account}")
            raise WrongPasswordError
        # Who knows one password is not forgiven what was guessed of another.
        self._attempts.forgive(address, self._attempts_of_both.succeeded(f"{address}@{account}"))
        self._attempts_at.succeeded(account)
        return found

    async def hashed(self, password: str) -> StoredPassword:
        """What is kept of a password, made in a thread."""
        return await to_thread.run_sync(hash_password, password)

    async def set_own_password(self, token: str, password: StoredPassword) -> None:
        """Change the password of the account that `token` signs in; its other sessions and its links end."""
        signed = self.who(token)
        if signed is None or signed.participant is not None:
            return
        await to_thread.run_sync(partial(self.accounts.set_password, signed.account, password))
        await self.sign_ins.change(token, lambda one: msgspec.structs.replace(one, salt=password.salt))

    def user_of(self, token: str) -> str | None:
        """The account that the token signs in, if it does."""
        signed = self.who(token)
        return signed.account if signed and signed.participant is None else None

    def who(self, token: str) -> Signed | None:
        """Whom the token signs in, if it does."""
        session = self.sign_ins.of(token)
        if session is None:
            return None
        account = self._holder(session)
        if account is None:
            self.sign_ins.forget(token)
            return None
        return Signed(session.participant, session.account, account.role)

    def lasts_s(self, token: str) -> int:
        """Seconds for which the link of this token still works; 0 for what is none."""
        session, signed = self.sign_ins.of(token), self.who(token)
        if session is None or signed is None or signed.participant is None:
            return 0
        return max(0, session.expires_ms - self._clock.now().wall_ms) // 1000

    async def link(self, participant: str, hours: float, *, by: str = USER) -> NewSession:
        """A token that signs this participant in for so long. Raise `PasswordFileError`."""
        maker = self.accounts.of(by)
        if maker is None:
            raise PasswordFileError(f"there is no account {by} that could make a link")
        now_ms = self._clock.now().wall_ms
        expires_ms = now_ms + int(hours * _HOUR_MS)
        return await self._open(
            SignIn(
                expires_ms=expires_ms, salt=maker.password.salt, account=by, participant=participant, since_ms=now_ms
            )
        )

    async def revoke(self, participant: str) -> int:
        """End every link of a participant; how many there were."""
        return await self.sign_ins.end(key for key, one in self.sign_ins.all() if one.participant == participant)

    async def sign_out(self, token: str) -> None:
        """End a session; an unknown token is no error."""
        await self.sign_ins.end([key_of(token)])

    async def end_all(self, account: str) -> int:
        """End every session of an account; how many there were."""
        return await self.sign_ins.end([key for key, _ in self.live(account)])

    def live(self, account: str | None = None) -> list[tuple[str, SignIn]]:
        """The sign-ins that are not over, of one account or of all; links are none."""
        return [
            (key, one)
            for key, one in self.sign_ins.all()
            if one.participant is None and account in {None, one.account} and self._holder(one) is not None
        ]

    @property
    def sessions(self) -> int:
        """How many sessions are kept, ended ones that nobody asked for since included."""
        return len(self.sign_ins)

    def _holder(self, session: SignIn) -> Account | None:
        """The account whose password opened a session; None if the session is over."""
        try:
            account = self.accounts.of(session.account)
        except PasswordFileError:
            return None
        over = session.expires_ms <= self._clock.now().wall_ms
        return None if over or account is None or account.password.salt != session.salt else account

    def _wait_s(self, account: str, address: str) -> int:
        """The address' own wait, and the account's for those from where nobody is signed in to it.

        So whoever guesses from ever new addresses is slowed down, but cannot keep people out of where they work.
        """
        wait = self._attempts.wait_s(address)
        if wait or is_within(address, _LOOPBACK):
            return wait
        at_account = self._attempts_at.wait_s(account)
        return at_account if at_account and not self._is_at_home(account, address) else 0

    def _is_at_home(self, account: str, address: str) -> bool:
        return address != "unknown" and any(one.address == address for _, one in self.live(account))

    async def _matches(self, stored: StoredPassword, password: str) -> bool:
        if len(password) > _LONGEST_PASSWORD:
            return False
        self._waiting += 1
        try:
            async with self._checking:
                return await to_thread.run_sync(matches, stored, password)
        finally:
            self._waiting -= 1

    async def _open(self, made: SignIn) -> NewSession:
        return NewSession(await self.sign_ins.open(made), made.expires_ms)
