"""What a request does, as those further in find it out: noted in the scope, where the audit trail reads it."""

from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

_KEY: Final = "afferent.deed"


@dataclass(slots=True)
class Deed:
    """What one request does, for the audit log."""

    action: str = ""
    """Empty where nothing is to be noted."""
    actor: str = ""
    """Who, where only the handler knows it."""
    target: str = ""
    """On what, where the path does not say it."""


def open_deed(scope: Scope) -> Deed:
    """Begin to note; what is found out is in the deed that this returns."""
    deed = Deed()
    scope[_KEY] = deed
    return deed


def begin_deed(scope: Scope, action: str) -> None:
    """The route is found: this is what the request is about to do."""
    deed_of(scope).action = action


def deed_of(scope: Scope) -> Deed:
    """The deed of this request; one that nobody reads where none is noted."""
    found = scope.get(_KEY)
    return found if isinstance(found, Deed) else Deed()
