"""Everything about trust over one folder and one database, put together the same for the web and the command line."""

from dataclasses import dataclass
from pathlib import Path

from cloud.store.clock import Clock
from cloud.store.database import Database
from cloud.trust.authority import Authority
from cloud.trust.enrolment import Enrolment
from cloud.trust.issuing import Issuing
from cloud.trust.register import Register
from cloud.trust.revocation import Revocation
from cloud.trust.settings import TrustSettings


@dataclass(frozen=True, kw_only=True)
class TrustDesk:
    """The parts, sharing authority and register."""

    authority: Authority
    register: Register
    enrolment: Enrolment
    revocation: Revocation
    issuing: Issuing
    clock: Clock


def trust_desk(settings: TrustSettings, state: Path, *, database: Database, clock: Clock) -> TrustDesk:
    """The parts for `settings`, where `state` is the cloud's folder. Opens nothing: there may be no authority yet."""
    authority = Authority(Path(settings.folder).expanduser() if settings.folder else state / "authority")
    register = Register(database)
    return TrustDesk(
        authority=authority,
        register=register,
        enrolment=Enrolment(authority=authority, register=register, settings=settings, clock=clock),
        revocation=Revocation(authority=authority, register=register, clock=clock),
        issuing=Issuing(authority=authority, register=register, clock=clock),
        clock=clock,
    )
