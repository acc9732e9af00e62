"""Who an account is: on which device, under which name they take part.

A name means somebody on one device alone: a second box may call another person so. What a member may see is therefore
what somebody who may has tied to the account, and nothing by the likeness of names.
"""

import unicodedata
from typing import Final, NamedTuple

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.audit import Deed, note_within
from cloud.store.database import Database
from cloud.store.errors import AccountRefusedError, UnknownAccountError
from cloud.store.tables import ties, users
from contract.errors import InvalidIdError
from contract.ids import check_id

MOST_TIES: Final = 1000
"""Of one account."""
LONGEST_NAME: Final = 200
_UNNAMED: Final = {"Cc", "Cs"}
"""Control characters, and halves of characters that no database keeps."""


class Tie(NamedTuple):
    """On this device they take part under this name."""

    device: str
    person: str


class Ties:
    """Whose records are whose. Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, account: str) -> list[Tie]:
        """Those of an account, by device. Raise `UnknownAccountError`."""
        held = ties.c
        async with self._database.read() as link:
            await _check_known(link, account)
            return [
                Tie(row.device, row.person)
                for row in await link.execute(held_by(account).order_by(held.device, held.person))
            ]

    async def tie(self, account: str, tie: Tie, deed: Deed, *, now_ms: int) -> None:
        """From the next request on they see what is recorded of that person there; again changes nothing.

        Raise `UnknownAccountError`, or `AccountRefusedError` for what names nobody, or for too many.
        """
        _check(tie)
        async with self._database.write() as link:
            await _check_known(link, account, hold=True)
            held = {Tie(row.device, row.person) for row in await link.execute(held_by(account))}
            if tie in held:
                return
            if len(held) >= MOST_TIES:
                raise AccountRefusedError(f"{account} is tied to {MOST_TIES} persons already")
            await link.execute(insert(ties), {"user": account, **tie._asdict()})
            await note_within(link, _of_device(deed, tie), now_ms)

    async def untie(self, account: str, tie: Tie, deed: Deed, *, now_ms: int) -> None:
        """From the next request on they see nothing more of it; what is not tied is let be.

        Raise `UnknownAccountError`, or `AccountRefusedError` for what names nobody.
        """
        _check(tie)
        held = ties.c
        async with self._database.write() as link:
            await _check_known(link, account, hold=True)
            which = (held.user == account, held.device == tie.device, held.person == tie.person)
            if (await link.execute(delete(ties).where(*which))).rowcount:
                await note_within(link, _of_device(deed, tie), now_ms)


def names_a_person(name: str) -> bool:
    """Whether a device can call somebody so: whatever it delivers as a name, but nothing, and no control characters."""
    return 0 < len(name) <= LONGEST_NAME and not any(unicodedata.category(one) in _UNNAMED for one in name)


def held_by(account: str) -> Select[tuple[str, str]]:
    """Device and person of each tie of an account."""
    return select(ties.c.device, ties.c.person).where(ties.c.user == account)


def _of_device(deed: Deed, tie: Tie) -> Deed:
    """The person is not named: an erased one leaves no name behind, and the audit is not erased."""
    return deed._replace(detail=f"a person of {tie.device}")


def _check(tie: Tie) -> None:
    try:
        check_id(tie.device, "device")
    except InvalidIdError as error:
        raise AccountRefusedError(str(error)) from error
    if not names_a_person(tie.person):
        raise AccountRefusedError(f"a person's name on a device has 1 to {LONGEST_NAME} characters, none of control")


async def _check_known(link: AsyncConnection, account: str, *, hold: bool = False) -> None:
    """`hold`: who takes the account away meanwhile waits, and takes its ties too; a later one of that name has none."""
    query = select(users.c.name).where(users.c.name == ("" if "\0" in account else account))
    if (await link.execute(query.with_for_update() if hold else query)).first() is None:
        raise UnknownAccountError(f"there is no account {account!r:.80}")
