"""What people with an account may do, as three steps of which each includes the ones before it."""

from typing import Final, Literal

AccountRole = Literal["viewer", "operator", "admin"]
"""A viewer sees; an operator also runs cameras, recordings and sessions; an admin also says who may."""
ROLES: Final[tuple[AccountRole, ...]] = ("viewer", "operator", "admin")


def reaches(role: AccountRole, least: AccountRole) -> bool:
    """Whether somebody of `role` may do what needs `least`."""
    return ROLES.index(role) >= ROLES.index(least)
