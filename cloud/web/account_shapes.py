"""What the API says and takes about accounts. Times are milliseconds since the epoch, UTC."""

from typing import Annotated

from msgspec import Meta, Struct

from cloud.store.passwords import LONGEST, SHORTEST
from cloud.store.roles import Role

Password = Annotated[str, Meta(min_length=SHORTEST, max_length=LONGEST)]


class AccountView(Struct, frozen=True, kw_only=True):
    """An account: its role, its open sessions, and how many tokens of programs act for it."""

    name: str
    role: Role
    created_ms: int
    sign_ins: int
    programs: int


class AccountList(Struct, frozen=True, kw_only=True):
    """All of them, by name."""

    items: list[AccountView]


class TieView(Struct, frozen=True, kw_only=True):
    """On this device they take part under this name."""

    device: str
    person: str


class TieList(Struct, frozen=True, kw_only=True):
    """Whom an account is, by device."""

    items: list[TieView]


class NewAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who shall be let in; without a password one is made."""

    name: str
    role: Role = "viewer"
    password: Password | None = None


class NewRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account may do from now on."""

    role: Role


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password; without one one is made."""

    password: Password | None = None


class OwnPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own password, changed by whoever knows the one that was."""

    old: str
    new: Password


class MadePassword(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose password it is; the password itself only where it was made here, shown this once."""

    name: str
    password: str | None = None
