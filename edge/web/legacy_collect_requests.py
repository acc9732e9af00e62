"""What the clients that hand in videos send, read with care, and what is refused them in S2's own form."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from contract.errors import ContractError
from edge.collecting.facts import ChunkFacts, VideoType
from edge.collecting.persons import NotAgreedError
from edge.core.errors import RefusedError, StoreError, UnknownError
from edge.web.endpoint import Handler, answer, raw_body
from edge.web.legacy_collect_form import FormError, TooLargeError
from edge.web.legacy_collect_views import Refusal
from edge.web.problem import ProblemError

_LARGEST_METADATA: Final = 64 * 1024
_LONGEST_NUMBER: Final = 9
_VIDEO_TYPES: Final = ("recording", "encoder_test")
_log = logging.getLogger(__name__)


class CollectError(Exception):
    """Ends a request with a body of S2's own form."""

    def __init__(self, status: HTTPStatus, error: str, field: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = Refusal(error=error, field=field) if field else Refusal(error=error)


def answering(handler: Handler) -> Handler:
    """`handler` with its refusals in S2's form, `{"error"}`."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - what nobody expected is logged, and no trace goes to the client
            refusal = _refusal_of(error)
            if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.exception("%s %s failed", request.method, request.url.path)
            return answer(refusal.body, refusal.status)

    return answered


_STATUS: Final[tuple[tuple[type[Exception], HTTPStatus], ...]] = (
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (FormError, HTTPStatus.BAD_REQUEST),
    (ContractError, HTTPStatus.BAD_REQUEST),
    (UnknownError, HTTPStatus.NOT_FOUND),
    (NotAgreedError, HTTPStatus.FORBIDDEN),
    (RefusedError, HTTPStatus.CONFLICT),
    (StoreError, HTTPStatus.INSUFFICIENT_STORAGE),
)


def _refusal_of(error: Exception) -> CollectError:
    if isinstance(error, CollectError):
        return error
    if isinstance(error, ProblemError):
        return CollectError(HTTPStatus(error.problem.status), error.problem.detail)
    if isinstance(error, TimeoutError | ClientDisconnect):
        return CollectError(HTTPStatus.REQUEST_TIMEOUT, "The chunk did not arrive as a whole: send it again")
    if isinstance(error, OSError):
        return CollectError(HTTPStatus.INTERNAL_SERVER_ERROR, "The chunk could not be written: send it again")
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return CollectError(status, str(error))
    return CollectError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")


def chunk_facts(fields: Mapping[str, str]) -> ChunkFacts:
    """What a form says of its chunk (S2.2, U2.1); `CollectError` names the field that is missing or wrong."""
    if "chunk" not in fields:
        raise bad("chunk", "chunk is missing")
    video_type = fields.get("video_type") or "recording"
    if video_type not in _VIDEO_TYPES:
        raise bad("video_type", f"video_type must be one of {', '.join(_VIDEO_TYPES)}")
    return ChunkFacts(
        session_id=text_of(fields, "session_id"),
        video_id=text_of(fields, "video_id"),
        index=_number_of(fields, "chunk_index"),
        total=_number_of(fields, "total_chunks"),
        extension=fields.get("file_extension", ""),
        video_type=cast("VideoType", video_type),
        sha256=fields.get("chunk_sha256", ""),
    )


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A text that must be there."""
    value = fields.get(name)
    if value is None or value == "":
        raise bad(name, f"{name} is missing")
    if not isinstance(value, str):
        raise bad(name, f"{name} must be a text")
    return value


def _number_of(fields: Mapping[str, str], name: str) -> int:
    raw = text_of(fields, name).strip()
    if not (raw.isascii() and raw.isdigit() and len(raw) <= _LONGEST_NUMBER):
        raise bad(name, f"{name} must be a whole number, not {raw!r:.40}")
    return int(raw)


def check_number(body: Mapping[str, Any], name: str) -> None:
    """Refuse what is there but no number, or below 0."""
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
        raise bad(name, f"{name} must be a number from 0 on")


def bad(field: str, error: str) -> CollectError:
    """400, about one field."""
    return CollectError(HTTPStatus.BAD_REQUEST, error, field)


async def object_of(request: Request, *, empty: bool) -> dict[str, Any]:
    """A body that is a JSON object; where `empty`, one may be left out."""
    raw = await raw_body(request, most_bytes=_LARGEST_METADATA)
    if empty and not raw.strip():
        return {}
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CollectError(HTTPStatus.BAD_REQUEST, "The body must be a JSON object") from error
