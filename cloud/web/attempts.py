"""How often a password or token may be guessed: bounded tables, so that guessing costs the guesser and not us."""

import ipaddress
import math
from collections import OrderedDict
from typing import Final

from cloud.store.clock import Clock

_FIRST_WAIT_S: Final = 2.0
_FORGOTTEN_AFTER_S: Final = 3600.0
_TABLE: Final = 4096


class Attempts:
    """Failures by address or by name; an IPv6 client is its /64. After the `free` ones each failure doubles the wait,
    up to `longest_wait_s` seconds."""

    def __init__(self, clock: Clock, *, free: int = 5, longest_wait_s: float = 900.0) -> None:
        self._clock = clock
        self._free = free
        self._longest_wait_s = longest_wait_s
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, who: str) -> int:
        """Whole seconds until this address or name may try again; 0 is now."""
        count, last_s = self._failures.get(network_of(who), (0, 0.0))
        if count < self._free:
            return 0
        wait = float(min(_FIRST_WAIT_S * 2 ** min(count - self._free, 20), self._longest_wait_s))
        return max(0, math.ceil(last_s + wait - self._clock.mono_s()))

    def failed(self, who: str) -> None:
        """Count a wrong one, or a try of which that is not known yet."""
        key, now = network_of(who), self._clock.mono_s()
        count, last_s = self._failures.pop(key, (0, now))
        self._failures[key] = (1 if now - last_s > _FORGOTTEN_AFTER_S else count + 1, now)
        while len(self._failures) > _TABLE:
            self._failures.popitem(last=False)

    def succeeded(self, who: str) -> int:
        """Forget the failures of whoever knew it; how many there were."""
        return self._failures.pop(network_of(who), (0, 0.0))[0]

    def forgive(self, who: str, count: int) -> None:
        """Forget so many of the failures."""
        key = network_of(who)
        failures, last_s = self._failures.get(key, (0, 0.0))
        if failures > count:
            self._failures[key] = (failures - count, last_s)
        else:
            self._failures.pop(key, None)

    def __len__(self) -> int:
        return len(self._failures)


def network_of(who: str) -> str:
    """An address' network; what is none stands for itself, shortened."""
    try:
        parsed = ipaddress.ip_address(who.partition("%")[0])
    except ValueError:
        return who[:160]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
