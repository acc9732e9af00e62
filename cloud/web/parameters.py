"""Query parameters, checked: each refusal names the parameter and says what would do."""

from collections.abc import Collection, Sequence
from typing import Final

from starlette.datastructures import QueryParams

from cloud.store.queries import Slice
from cloud.web.problems import ProblemError
from contract.errors import ContractError
from contract.ids import check_id
from contract.times import from_wire

_DEFAULT_LIMIT: Final = 100
_LARGEST_LIMIT: Final = 1000
_LATEST_MS: Final = 253_402_300_800_000
"""The year 10000."""
_KNOWN: Final = {"device", "from", "to", "limit", "after"}


def slice_of(query: QueryParams, *, also: Collection[str] = ()) -> Slice:
    """The rows that a request asks for; raise `ProblemError` for what cannot be meant.

    Names in `also` are parameters of this list alone; of them `session` is read here.
    """
    known = _KNOWN | set(also)
    for name in query:
        if name not in known:
            raise _bad(name, "there is no such parameter", f"use {', '.join(sorted(known))}")
    wanted = Slice(
        device=device_of(query),
        from_ms=_moment(query, "from"),
        to_ms=_moment(query, "to"),
        limit=_limit(query.get("limit")),
        after=query.get("after") or None,
        session=_session(query),
    )
    if wanted.from_ms is not None and wanted.to_ms is not None and wanted.from_ms > wanted.to_ms:
        raise _bad("from", "it is later than 'to'", "exchange the two")
    return wanted


def device_of(query: QueryParams) -> str | None:
    """The device asked for, if any."""
    device = query.get("device")
    try:
        return check_id(device, "device") if device else None
    except ContractError as error:
        raise _bad("device", str(error), "use a name that /v1/devices lists") from error


def one_of_words(query: QueryParams, name: str, words: Sequence[str]) -> str | None:
    """The word given for `name`, if any; raise `ProblemError` for one that is not among `words`."""
    word = query.get(name) or None
    if word and word not in words:
        raise _bad(name, f"{word!r:.40} is none of its words", f"use {', '.join(words)}")
    return word


def _session(query: QueryParams) -> str | None:
    session = query.get("session")
    try:
        return check_id(session, "session") if session else None
    except ContractError as error:
        raise _bad("session", str(error), "use a session_id that a list has") from error


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= _LARGEST_LIMIT):  # noqa: PLR2004
        raise _bad("limit", f"{text!r:.40} is not a number of rows", f"use a whole number from 1 to {_LARGEST_LIMIT}")
    return int(text)


def _moment(query: QueryParams, name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else from_wire(text)  # noqa: PLR2004
    except ContractError as error:
        raise _moment_problem(name, text) from error
    if not 0 <= moment < _LATEST_MS:
        raise _moment_problem(name, text)
    return moment


def _moment_problem(name: str, text: str) -> ProblemError:
    remedy = "use RFC 3339 such as 2026-11-21T08:00:00Z, or milliseconds since 1970"
    return _bad(name, f"{text!r:.60} is not a time", remedy)


def _bad(field: str, what: str, remedy: str) -> ProblemError:
    return ProblemError(400, f"{field}: {what}", field=field, remedy=remedy)
