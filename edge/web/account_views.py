"""What the routes of accounts and of the audit log take and say."""

from typing import Annotated

from msgspec import Meta, Struct

from contract.messages import EpochMs
from edge.core.audit import AuditEntry
from edge.web.accounts import AccountName
from edge.web.roles import AccountRole

ChosenPassword = Annotated[str, Meta(min_length=10, max_length=256, description="10 to 256 signs")]


class AccountView(Struct, frozen=True, kw_only=True):
    """An account."""

    name: str
    role: AccountRole
    since_ms: EpochMs
    """0 where it was made before that was noted."""
    sign_ins: int
    """How many sessions are open."""


class AccountsView(Struct, frozen=True, kw_only=True):
    """Every account, by name."""

    accounts: list[AccountView]


class NewAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to add; without a password one is made and told once."""

    name: AccountName
    role: AccountRole
    password: ChosenPassword | None = None


class NewRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another role."""

    role: AccountRole


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password; without one one is made and told once."""

    password: ChosenPassword | None = None


class OwnPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password that was, and the one that shall be."""

    old: Annotated[str, Meta(max_length=256)]
    new: ChosenPassword


class ChangedAccount(Struct, frozen=True, kw_only=True):
    """An account as it is now. `password` is a new one that was made; it is told here and nowhere else."""

    account: AccountView
    password: str | None = None


class SignInView(Struct, frozen=True, kw_only=True):
    """An open session."""

    id: str
    account: str
    since_ms: EpochMs
    expires_ms: EpochMs
    address: str
    program: str
    """The User-Agent."""
    here: bool
    """Whether it is the one that asks."""


class SignInsView(Struct, frozen=True, kw_only=True):
    """Open sessions, newest first: an admin sees everybody's, others their own."""

    sign_ins: list[SignInView]


class Ended(Struct, frozen=True, kw_only=True):
    """How many sessions were ended."""

    ended: int


class AuditLine(Struct, frozen=True, kw_only=True):
    """A line of the audit log with its place, the cursor of `before`."""

    place: Annotated[int, Meta(ge=0)]
    entry: AuditEntry


class AuditPage(Struct, frozen=True, kw_only=True):
    """Some lines, newest first. `next` is the cursor for older ones, None at the end."""

    lines: list[AuditLine]
    next: int | None
