"""How often an address may guess a password: a bounded table, so that guessing costs the guesser and not us."""

import ipaddress
import math
from collections import OrderedDict
from typing import Final

from edge.core.clock import Clock

_FIRST_WAIT_S: Final = 2.0
_DOUBLINGS: Final = 16
_FORGOTTEN_AFTER_S: Final = 3600.0
_TABLE: Final = 1024


class Attempts:
    """Failed sign-ins by address or by account; an IPv6 client is its /64. After the `free` ones each failure doubles
    the wait, up to `longest_wait_s` seconds."""

    def __init__(self, clock: Clock, *, free: int = 5, longest_wait_s: float = 900.0) -> None:
        self._clock = clock
        self._free = free
        self._longest_wait_s = longest_wait_s
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, name: str) -> int:
        """Whole seconds until this address or account may try again; 0 is now."""
        count, last_s = self._failures.get(_network(name), (0, 0.0))
        if count < self._free:
            return 0
        wait = min(_FIRST_WAIT_S * 2 ** min(count - self._free, _DOUBLINGS), self._longest_wait_s)
        return max(0, math.ceil(last_s + float(wait) - self._now_s()))

    def failed(self, name: str) -> None:
        """Count a wrong password."""
        key, now = _network(name), self._now_s()
        count, last_s = self._failures.pop(key, (0, now))
        self._failures[key] = (1 if now - last_s > _FORGOTTEN_AFTER_S else count + 1, now)
        while len(self._failures) > _TABLE:
            self._failures.popitem(last=False)

    def succeeded(self, name: str) -> int:
        """Forget the failures of whoever knew the password; how many there were."""
        return self._failures.pop(_network(name), (0, 0.0))[0]

    def forgive(self, name: str, count: int) -> None:
        """Forget so many of the failures."""
        key = _network(name)
        failures, last_s = self._failures.get(key, (0, 0.0))
        if failures > count:
            self._failures[key] = (failures - count, last_s)
        else:
            self._failures.pop(key, None)

    def __len__(self) -> int:
        return len(self._failures)

    def _now_s(self) -> float:
        return self._clock.mono_ns() / 1e9


def _network(name: str) -> str:
    """An address' network; what is none stands for itself, shortened."""
    address = name.partition("%")[0]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return name[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if parsed.version == 4:  # noqa: PLR2004 - the version of IP
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
