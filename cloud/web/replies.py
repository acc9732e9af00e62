"""Structs to responses and request bodies to structs."""

import asyncio
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from cloud.web.problems import ProblemError

_LARGEST_BODY: Final = 16 * 1024
_WITHIN_S: Final = 30.0
"""Strangers may send bodies, too: who drips one must not hold a connection for ever."""
_S = TypeVar("_S", bound=Struct)


def reply(content: Any, status: int = 200) -> Response:
    """`content` as JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def body_of(request: Request, kind: type[_S], *, most: int = _LARGEST_BODY) -> _S:
    """The JSON body of up to `most` bytes as `kind`; raise `ProblemError` that names the field."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "the body is not JSON", field="Content-Type", remedy="send application/json")
    try:
        async with asyncio.timeout(_WITHIN_S):
            raw = await _raw(request, most)
    except TimeoutError as error:
        raise ProblemError(408, f"the body did not come within {_WITHIN_S:g} s", remedy="try again") from error
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what, _, place = str(error).partition(" - at `")
        remedy = f"see {kind.__name__} in /openapi.json"
        raise ProblemError(400, what, field=place.rstrip("`") or "$", remedy=remedy) from error


async def _raw(request: Request, most: int) -> bytes:
    raw = b""
    async for piece in request.stream():
        raw += piece
        if len(raw) > most:
            raise ProblemError(413, f"the body has more than {most} bytes", remedy="send less")
    return raw
