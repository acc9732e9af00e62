"""Who makes a request: the address, whether it is in a given network, and who signed in there."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from contract.errors import InvalidSettingsError

COOKIE: Final = "afferent_session"
_KEY: Final = "afferent.caller"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Caller:
    """One client as far as it can be known."""

    address: str
    program: str = ""
    """The User-Agent."""
    user: str | None = None
    token: str | None = None
    open: bool = False
    """Whether it is in a network that may use the routes of existing clients without sign-in."""
    scraper: bool = False
    """Whether it is in a network that may read the metrics without sign-in."""


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


def token_of(headers: Headers) -> str | None:
    """The session token: `Authorization: Bearer`, else the cookie."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie else None
