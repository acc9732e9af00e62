"""Structs to responses and request bodies to structs."""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from cloud.web.problems import ProblemError

_LARGEST_BODY: Final = 16 * 1024
_S = TypeVar("_S", bound=Struct)


def reply(content: Any, status: int = 200) -> Response:
    """`content` as JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def body_of(request: Request, kind: type[_S], *, most: int = _LARGEST_BODY) -> _S:
    """The JSON body of up to `most` bytes as `kind`; raise `ProblemError` that names the field."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "the body is not JSON", field="Content-Type", remedy="send application/json")
    raw = b""
    async for piece in request.stream():
        raw += piece
        if len(raw) > most:
            raise ProblemError(413, f"the body has more than {most} bytes", remedy="send less")
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what, _, place = str(error).partition(" - at `")
        remedy = f"see {kind.__name__} in /openapi.json"
        raise ProblemError(400, what, field=place.rstrip("`") or "$", remedy=remedy) from error
