"""What the folder of a session and its files are called: session ids are anybody's words, paths and keys are not."""

import hashlib
import re
from typing import Final

from contract.errors import InvalidIdError
from contract.ids import check_id

_DIGESTED: Final = re.compile(r"s-[0-9a-f]{40}(?:\..*)?")


def folder_name(session_id: str) -> str:
    """The session id itself where it can name a folder and an object, otherwise `s-` and its digest; never the same
    for two sessions."""
    try:
        check_id(session_id, "session")
    except InvalidIdError:
        return _digested(session_id)
    return _digested(session_id) if _DIGESTED.fullmatch(session_id) else session_id


def another_name(session_id: str, start_ms: int) -> str:
    """For a session whose id was used by one that was forgotten, but whose folder still lies there."""
    return f"{_digested(session_id)}.{start_ms}"


def could_be_ours(folder: str) -> bool:
    """Whether such a name is ever given to a folder: any other is somebody's copy, or a card's damage."""
    try:
        check_id(folder, "session")
    except InvalidIdError:
        return False
    return True


def is_name_of(folder: str, session_id: str) -> bool:
    """Whether a folder may be that of a session, by its name."""
    return folder == folder_name(session_id) or folder.startswith(f"{_digested(session_id)}.")


def file_id(device: str, folder: str, start_ms: int, name: str) -> str:
    """The id of a file of a session, the same however often it is offered."""
    text = "\0".join((device, folder, str(start_ms), name))
    return f"sf-{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}"


def _digested(session_id: str) -> str:
    return f"s-{hashlib.sha256(session_id.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
