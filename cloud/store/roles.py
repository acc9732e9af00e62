"""What accounts of the cloud may do, as four steps of which each includes the ones before it."""

from typing import Final, Literal

Role = Literal["member", "viewer", "operator", "admin"]
"""A member sees what was recorded of themselves; a viewer everything and every device; an operator also says what
devices shall be and do; an admin also says who may, and which devices belong to the fleet."""
ROLES: Final[tuple[Role, ...]] = ("member", "viewer", "operator", "admin")


def reaches(role: Role, least: Role) -> bool:
    """Whether somebody of `role` may do what needs `least`."""
    return ROLES.index(role) >= ROLES.index(least)
