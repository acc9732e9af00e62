"""How often an address may guess a password: a bounded table, so that guessing costs the guesser and not us."""

import ipaddress
import math
from collections import OrderedDict
from typing import Final

from cloud.store.clock import Clock

_FREE: Final = 5
"""Failures that cost nothing: people mistype."""
_FIRST_WAIT_S: Final = 2.0
_LONGEST_WAIT_S: Final = 900.0
_FORGOTTEN_AFTER_S: Final = 3600.0
_TABLE: Final = 4096


class Attempts:
    """Failed sign-ins by address; an IPv6 client is its /64. After the free ones each failure doubles the wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Whole seconds until this address may try again; 0 is now."""
        count, last_s = self._failures.get(_network(address), (0, 0.0))
        if count < _FREE:
            return 0
        wait = float(min(_FIRST_WAIT_S * 2 ** min(count - _FREE, 20), _LONGEST_WAIT_S))
        return max(0, math.ceil(last_s + wait - self._clock.mono_s()))

    def failed(self, address: str) -> None:
        """Count a wrong password, or a try of which that is not known yet."""
        key, now = _network(address), self._clock.mono_s()
        count, last_s = self._failures.pop(key, (0, now))
        self._failures[key] = (1 if now - last_s > _FORGOTTEN_AFTER_S else count + 1, now)
        while len(self._failures) > _TABLE:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the failures of an address that knew the password."""
        self._failures.pop(_network(address), None)

    def __len__(self) -> int:
        return len(self._failures)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return (
        address if isinstance(parsed, ipaddress.IPv4Address) else str(ipaddress.ip_network((parsed, 64), strict=False))
    )
