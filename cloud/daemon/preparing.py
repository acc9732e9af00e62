"""Before anything is done with the database: bring it to this version's schema, and see that somebody can sign in."""

import asyncio
import logging
import random

from cloud.daemon.life import Part
from cloud.store.accounts import FIRST_USER, Accounts
from cloud.store.clock import Backoff, Clock
from cloud.store.database import Database
from cloud.store.errors import StoreUnavailableError
from cloud.store.first_password import FirstPassword
from cloud.store.migrate import migrate

_log = logging.getLogger(__name__)


class Prepared:
    """Runs parts once the database is ready for them; one that is away is waited for.

    With `first_password` the first user is made too, where there is none.
    """

    def __init__(
        self, database: Database, *, first_password: FirstPassword | None, clock: Clock, rng: random.Random
    ) -> None:
        self._database = database
        self._first_password = first_password
        self._clock = clock
        self._rng = rng

    async def run(self, parts: dict[str, Part]) -> None:
        """Prepare, then run all `parts`, by name, until cancelled."""
        await self._prepare()
        async with asyncio.TaskGroup() as group:
            for name, part in parts.items():
                group.create_task(part(), name=name)

    async def _prepare(self) -> None:
        backoff = Backoff(self._rng, first_s=0.5)
        while True:
            try:
                revision = await migrate(self._database)
                if self._first_password:
                    await _ensure_user(Accounts(self._database), self._first_password, self._clock)
            except StoreUnavailableError as error:
                _log.warning("the database is away: %s", error)
                await self._clock.sleep(backoff.next())
            else:
                _log.info("the database is at revision %s", revision)
                return


async def _ensure_user(accounts: Accounts, first_password: FirstPassword, clock: Clock) -> None:
    """At the first start make one; where no password can be kept, nobody can sign in and all else goes on."""
    try:
        await accounts.first_user(clock.now_ms(), first_password.keep)
        kept = first_password.path.exists()
    except OSError as error:
        _log.error("nobody can sign in: %s; add somebody with: afferent cloud account add NAME", error)
        return
    if kept:
        words = "sign in as %s: the first password is in %s, and `afferent cloud account first-password` prints it"
        _log.info(words, FIRST_USER, first_password.path)
