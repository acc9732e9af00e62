"""How often passwords may be guessed: by one address, of one account from one address, and of one account by all.

A right password forgives an address its wrong ones for the same account only, so that nobody who has an account of
their own guesses at another's for nothing. And an account that is guessed at from everywhere slows down for strangers,
never for a network from which somebody came in to it: so whoever guesses does not lock the owner out.
"""

from collections import OrderedDict
from typing import Final

from cloud.store.clock import Clock
from cloud.web.attempts import Attempts, network_of

_FREE_OF_ACCOUNT: Final = 20
_LONGEST_OF_ACCOUNT_S: Final = 60.0
_KNOWN: Final = 4096


class Guessing:
    """What `POST /v1/session` asks before it looks at a password."""

    def __init__(self, clock: Clock) -> None:
        self._by_address = Attempts(clock)
        self._by_both = Attempts(clock)
        self._by_account = Attempts(clock, free=_FREE_OF_ACCOUNT, longest_wait_s=_LONGEST_OF_ACCOUNT_S)
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait_s(self, address: str, name: str) -> int:
        """Whole seconds until this address may try this account again; 0 is now."""
        of_account = 0 if _both(address, name) in self._known else self._by_account.wait_s(name)
        return max(self._by_address.wait_s(address), of_account)

    def tried(self, address: str, name: str) -> None:
        """Count it as wrong until it is known to be right: tries at the same time count too."""
        self._by_address.failed(address)
        self._by_both.failed(_both(address, name))
        self._by_account.failed(name)

    def succeeded(self, address: str, name: str) -> None:
        """The password was right."""
        both = _both(address, name)
        wrong = self._by_both.succeeded(both)
        self._by_address.forgive(address, wrong)
        self._by_account.forgive(name, wrong)
        self._known.pop(both, None)
        self._known[both] = None
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _both(address: str, name: str) -> str:
    return f"{network_of(address)} {name}"[:160]
