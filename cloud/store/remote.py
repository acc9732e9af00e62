"""The tables about looking after devices, each asked through its own class, over one database."""

from dataclasses import dataclass

from cloud.store.audit import Audit
from cloud.store.commands import Commands
from cloud.store.database import Database
from cloud.store.desired import DesiredStates
from cloud.store.fleet import Fleet


@dataclass(frozen=True, kw_only=True)
class Remote:
    """What devices are, shall be and shall do, and who asked."""

    fleet: Fleet
    desired: DesiredStates
    commands: Commands
    audit: Audit


def remote_over(database: Database) -> Remote:
    """All of them."""
    return Remote(
        fleet=Fleet(database),
        desired=DesiredStates(database),
        commands=Commands(database),
        audit=Audit(database),
    )
