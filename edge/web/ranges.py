"""Which bytes of a file a request asks for, as RFC 9110, section 14, has it.

Starlette's own reading refuses what is to be passed over (another unit, a range of a HEAD), all ranges where one lies
beyond the end, and that in plain text which names nothing.
"""

import re
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

from edge.web.problem import ProblemError

_SPEC: Final = re.compile(r"([0-9]{0,40})-([0-9]{0,40})")
_MOST: Final = 100
"""Ranges in one request; who asks for more gets the whole file."""


def with_plain_range(scope: Scope, size: int, *, current: bool) -> Scope:
    """`scope` with a `Range` of satisfiable byte ranges of a file of `size` bytes, or with none if it means nothing.

    `current` tells whether the file is still the one that `If-Range` names. Raise 400 for a range that is none, and
    416 if all lie beyond the end.
    """
    asked = Headers(scope=scope).get("range")
    if asked is None:
        return scope
    plain = {**scope, "headers": list(scope["headers"])}
    headers = MutableHeaders(scope=plain)
    del headers["range"]
    unit, _, specs = asked.partition("=")
    if current and scope["method"] == "GET" and unit.strip().lower() == "bytes" and specs.count(",") < _MOST:
        headers["range"] = _satisfiable(asked, specs, size)
    return plain


def _satisfiable(asked: str, specs: str, size: int) -> str:
    named = [_first_and_last(asked, spec.strip(), size) for spec in specs.split(",") if spec.strip()]
    if not named:
        raise _malformed(asked)
    there = [f"{first}-{last}" for first, last in named if first < size]
    if not there:
        raise ProblemError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"The file has {size} bytes, and {asked!r:.100} asks for none of them",
            field="Range",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return f"bytes={','.join(there)}"


def _first_and_last(asked: str, spec: str, size: int) -> tuple[int, int]:
    """The first byte, at or beyond the end if there is nothing to give, and the last that there is."""
    found = _SPEC.fullmatch(spec)
    if found is None or not any(found.groups()):
        raise _malformed(asked)
    if not found[1]:
        return max(0, size - int(found[2])), size - 1
    first, last = int(found[1]), int(found[2]) if found[2] else size
    if found[2] and last < first:
        raise _malformed(asked)
    return first, min(last, size - 1)


def _malformed(asked: str) -> ProblemError:
    remedy = "ask for bytes=first-last, bytes=first- or bytes=-count"
    return ProblemError(HTTPStatus.BAD_REQUEST, f"{asked!r:.100} is no range", field="Range", remedy=remedy)
