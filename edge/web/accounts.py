"""Who has an account on this appliance: names, roles and the hashes of passwords, in one file that is replaced whole.

An appliance begins with the one account `admin`, whose password is `password.json`, as releases without accounts have
it. The file `accounts.json` is made by the first change, and from then on is the truth; `password.json` goes on to hold
the password of `admin`, so that going back to such a release does not bring an older password back to life.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from edge.core.errors import EdgeError
from edge.core.files import make_folder, write_private
from edge.web.passwords import PasswordFileError, StoredPassword, load_password
from edge.web.roles import AccountRole

ADMIN: Final = "admin"
"""The account that there is from the start, and that is meant where nobody is named."""
MOST_ACCOUNTS: Final = 32
AccountName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,31}(?![\s\S])",
        description="1 to 32 small letters, digits, dots, dashes or underscores, a letter or digit first",
    ),
]


class UnknownAccountError(EdgeError):
    """There is no account of that name."""


class AccountRefusedError(EdgeError):
    """The accounts may not become so: the name is taken, there are too many, or no admin would be left."""


class Account(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account as it lies on disk."""

    role: AccountRole
    password: StoredPassword
    since_ms: int = 0


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: Literal[1] = 1
    accounts: Annotated[dict[AccountName, Account], Meta(max_length=MOST_ACCOUNTS)]


class Accounts:
    """The accounts in a folder. The command line may change them beside the daemon: each sees what the other wrote."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "accounts.json"
        self._old_path = folder / "password.json"
        self._lock_path = folder / "lock"
        self._read: tuple[tuple[Path, int, int], dict[str, Account]] | None = None

    @property
    def begun(self) -> bool:
        """Whether there ever was a password here."""
        return self._path.exists() or self._old_path.exists()

    def all(self) -> dict[str, Account]:
        """Every account by its name. Raise `PasswordFileError` if the file is missing or damaged."""
        path = self._path if self._path.exists() else self._old_path
        try:
            found = path.stat()
        except OSError as error:
            raise PasswordFileError(f"{path} cannot be used: {error.strerror}") from error
        seen = (path, found.st_mtime_ns, found.st_ino)
        if self._read is None or self._read[0] != seen:
            self._read = (seen, self._load(path))
        return self._read[1]

    def of(self, name: str) -> Account | None:
        """One account. Raise `PasswordFileError`."""
        return self.all().get(name)

    def add(self, name: str, account: Account) -> None:
        """A new one. Raise `AccountRefusedError`, `PasswordFileError` or `OSError`."""
        with self._changing() as accounts:
            if name in accounts:
                raise AccountRefusedError(f"There is an account {name} already")
            accounts[name] = account

    def set_role(self, name: str, role: AccountRole) -> None:
        """Give another role. Raise as `add` does, or `UnknownAccountError`."""
        with self._changing() as accounts:
            accounts[name] = msgspec.structs.replace(_known(accounts, name), role=role)

    def set_password(self, name: str, password: StoredPassword) -> None:
        """Give another password. Raise as `set_role` does."""
        with self._changing() as accounts:
            accounts[name] = msgspec.structs.replace(_known(accounts, name), password=password)

    def remove(self, name: str) -> None:
        """Take one away. Raise as `set_role` does."""
        with self._changing() as accounts:
            _known(accounts, name)
            del accounts[name]

    def reset(self, account: Account) -> None:
        """Make `account` the admin's, whatever there was: the other accounts stay, unless their file is damaged.

        Raise `OSError`.
        """
        with self._locked():
            try:
                accounts = dict(self.all())
            except PasswordFileError:
                accounts = {}
            self._save({**accounts, ADMIN: account})

    def _load(self, path: Path) -> dict[str, Account]:
        if path == self._old_path:
            return {ADMIN: Account(role="admin", password=load_password(path))}
        try:
            return decode_accounts(path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise PasswordFileError(f"{path} cannot be used ({error})") from error

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        with self._locked():
            accounts = dict(self.all())
            yield accounts
            if len(accounts) > MOST_ACCOUNTS:
                raise AccountRefusedError(f"There are {MOST_ACCOUNTS} accounts already: remove one first")
            if not any(account.role == "admin" for account in accounts.values()):
                raise AccountRefusedError("The last admin stays: make somebody else admin first")
            self._save(accounts)

    def _save(self, accounts: dict[str, Account]) -> None:
        """Only the first account needs no file of accounts: such an appliance stays as older releases know it.

        The file that is the truth is written last: what fails before changed nothing.
        """
        owner = accounts.get(ADMIN)
        alone = owner is not None and owner.role == "admin" and len(accounts) == 1
        if owner is None:
            self._old_path.unlink(missing_ok=True)
        else:
            write_private(self._old_path, msgspec.json.encode(owner.password))
        if not alone or self._path.exists():
            write_private(self._path, msgspec.json.encode(_File(accounts=accounts)))
        self._read = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_folder(self._lock_path.parent, 0o700)
        if not self._lock_path.exists():
            write_private(self._lock_path, b"")
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def decode_accounts(content: bytes) -> dict[str, Account]:
    """The accounts in the bytes of their file. Raise `msgspec.DecodeError` for what is none, or has no admin."""
    accounts = msgspec.json.decode(content, type=_File).accounts
    if not any(account.role == "admin" for account in accounts.values()):
        raise msgspec.ValidationError("there is no admin among the accounts")
    return accounts


def check_name(name: str) -> str:
    """Return `name` if an account may be called so; raise `AccountRefusedError`."""
    try:
        return msgspec.convert(name, AccountName)
    except msgspec.ValidationError as error:
        raise AccountRefusedError(
            f"{name!r:.40} is no name of an account: use 1 to 32 small letters, digits, dots, dashes or underscores"
        ) from error


def _known(accounts: dict[str, Account], name: str) -> Account:
    if name not in accounts:
        raise UnknownAccountError(f"There is no account {name!r:.40}")
    return accounts[name]
