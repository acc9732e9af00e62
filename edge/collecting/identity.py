"""Under which name a participant is kept: a pseudonym, whatever the client sent."""

import hashlib
from typing import Final

from contract.errors import InvalidIdError
from contract.ids import check_id

_DIGITS: Final = 16


def pseudonym_of(participant_id: str) -> str:
    """The id itself where it is one; else `p-` and 16 hex digits of its SHA-256, so that names are never kept.

    The same text gives the same pseudonym, so that what is theirs can be found and erased by either.
    """
    try:
        return check_id(participant_id, "participant_id")
    except InvalidIdError:
        return f"p-{hashlib.sha256(participant_id.encode()).hexdigest()[:_DIGITS]}"
