"""Who makes a request: the address, whether it is in a given network, and who signed in there."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal

from starlette.datastructures import Headers
from starlette.types import Scope

from contract.errors import InvalidSettingsError
from edge.web.roles import AccountRole, reaches

COOKIE: Final = "afferent_session"
LINK_COOKIE: Final = "afferent_participant"
Role = AccountRole | Literal["participant"]
_KEY: Final = "afferent.caller"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Caller:
    """One client as far as it can be known."""

    address: str
    program: str = ""
    """The User-Agent."""
    user: str | None = None
    """The account, where somebody signed in to one."""
    rank: AccountRole = "viewer"
    """What the account may do; of no account it says nothing."""
    token: str | None = None
    """The one that signs the caller in, else one that was sent in vain."""
    participant: str | None = None
    """The participant whose link the caller came by: such a caller never is more than that, wherever it is."""
    vain: bool = False
    """Whether `Authorization` carried a token that signs nobody in (any more)."""
    open: bool = False
    """Whether it is in a network that may use the routes of existing clients without sign-in."""
    scraper: bool = False
    """Whether it is in a network that may read the metrics without sign-in."""

    @property
    def role(self) -> Role | None:
        """What the caller signed in as."""
        return "participant" if self.participant is not None else self.rank if self.user is not None else None

    def is_at_least(self, least: AccountRole) -> bool:
        """Whether somebody signed in to an account that may do what needs `least`."""
        return self.user is not None and self.participant is None and reaches(self.rank, least)

    @property
    def subject(self) -> str | None:
        """The only participant whose data this caller may see and make; None is no such bound."""
        return self.participant


def caller_of(scope: Scope) -> Caller:
    """The caller whom `remember` noted; an unknown one if nobody did."""
    found = scope.get(_KEY)
    return found if isinstance(found, Caller) else Caller("unknown")


def remember(scope: Scope, caller: Caller) -> None:
    """Note the caller for those further in."""
    scope[_KEY] = caller


def parse_networks(names: Sequence[str], setting: str) -> tuple[Network, ...]:
    """Networks in CIDR form; raise `InvalidSettingsError` that names the place in `setting`."""
    found = []
    for place, name in enumerate(names):
        try:
            found.append(ipaddress.ip_network(name))
        except ValueError as error:
            raise InvalidSettingsError(f"$.{setting}[{place}]: {name!r:.60} is not a network: {error}") from error
    return tuple(found)


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address, an IPv4 one in IPv6 clothes included, is in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


def address_of(scope: Scope, headers: Headers, *, behind_proxy: bool) -> str:
    """The client's address, or `unknown` for what an unconfigured proxy passed on: its own address proves nothing."""
    if not behind_proxy and ("x-forwarded-for" in headers or "forwarded" in headers):
        return "unknown"
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def tokens_of(headers: Headers) -> list[str]:
    """The tokens to try, in this order. A Bearer token is the caller's word who it is: then no cookie counts.

    The cookie of an account goes before that of a link, so that trying a link does not sign its maker out.
    """
    if bearer := bearer_of(headers):
        return [bearer]
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return []
    return [cookies[name].value for name in (COOKIE, LINK_COOKIE) if name in cookies]


def bearer_of(headers: Headers) -> str | None:
    """The token of `Authorization: Bearer`."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None
