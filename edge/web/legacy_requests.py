"""What the existing clients of S0 send, read with care: their bodies, their ids, and what they may ask for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.core.errors import RefusedError, StoreError, UnknownError
from edge.web.callers import Caller
from edge.web.deps import WebDeps
from edge.web.endpoint import Handler, answer, raw_body
from edge.web.legacy_emotion_views import Bug, Failure
from edge.web.port_problems import LONGEST_SESSION_ID, is_session_id
from edge.web.problem import ProblemError
from edge.web.session_port import SessionPort

LARGEST_VIDEO_ID: Final = 1_000_000
_SHORTEST_USER: Final = 3
_LATEST_MS: Final = 2**53
ANYBODY: Final = "anonymous"
ANOTHER_USER: Final = "This token is of another user"
INVALID_VIDEO: Final = "Invalid video ID"
INVALID_USER: Final = "Invalid user ID"
INVALID_SESSION: Final = "Invalid session ID"
_log = logging.getLogger(__name__)


class LegacyError(Exception):
    """Ends a request with a body of S0's own form."""

    def __init__(self, code: HTTPStatus, error: str, **more: Any) -> None:
        super().__init__(error)
        self.code = code
        self.body = Failure(error=error, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """What a start or stop names; None is what it leaves out."""

    video_id: int | None = None
    user_id: str | None = None
    session_id: str | None = None
    timestamp: int | None = None


def answering(handler: Handler) -> Handler:
    """`handler` with its refusals in S0's form: 503 where the store fails (S0.14), 500 without a trace (S0.15)."""

    async def answered(request: Request) -> Response:
        try:
            with refusals():
                return await handler(request)
        except LegacyError as error:
            return answer(error.body, error.code)
        except Exception:  # noqa: BLE001 - S0.15 says what a client may hear of it, and that it is logged
            _log.exception("%s %s failed", request.method, request.url.path)
            return answer(Bug(), HTTPStatus.INTERNAL_SERVER_ERROR)

    return answered


@contextmanager
def refusals() -> Iterator[None]:
    """Inside, what a port refuses becomes a `LegacyError`."""
    try:
        yield
    except StoreError as error:
        raise LegacyError(HTTPStatus.SERVICE_UNAVAILABLE, "Database unavailable") from error
    except UnknownError as error:
        raise LegacyError(HTTPStatus.NOT_FOUND, "Not found", message=str(error)) from error
    except RefusedError as error:
        raise LegacyError(HTTPStatus.CONFLICT, str(error)) from error
    except ProblemError as error:
        raise LegacyError(HTTPStatus(error.problem.status), error.problem.detail) from error


def port_of(deps: WebDeps) -> SessionPort:
    """The desk of sessions; 503 where there is none, or nothing that could be predicted from."""
    sensors = deps.sensors.sensors() if deps.sensors else ()
    if deps.sessions is None or (deps.sensors and not sensors):
        cannot = "The file of sessions cannot be opened: see the health of the appliance"
        message = cannot if sensors else "No body sensor is configured on this appliance"
        raise LegacyError(HTTPStatus.SERVICE_UNAVAILABLE, "Database unavailable", message=message)
    return deps.sessions


async def viewing_of(request: Request, *, empty: bool) -> Viewing:
    """The body of a start or stop (S0.6, U0.2); where `empty`, one may be left out."""
    body = await _object_of(request, empty=empty)
    return Viewing(
        video_id=None if body.get("video_id") is None else video_number(body["video_id"]),
        user_id=None if body.get("user_id") is None else user_of(body["user_id"]),
        session_id=None if body.get("session_id") in (None, "") else session_of(body["session_id"]),
        timestamp=_timestamp_of(body.get("timestamp")),
    )


def video_number(raw: Any) -> int:
    """A video id (S0.43), a number or its digits; that it is one that is known is for the desk to say."""
    digits = isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= len(str(LARGEST_VIDEO_ID))
    number = int(raw) if digits else raw
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= LARGEST_VIDEO_ID:
        raise LegacyError(HTTPStatus.BAD_REQUEST, INVALID_VIDEO)
    return number


def user_of(raw: Any) -> str:
    """A user id of three characters or more (S0.43) that can name a participant here."""
    if not isinstance(raw, str) or len(raw) < _SHORTEST_USER:
        raise LegacyError(HTTPStatus.BAD_REQUEST, INVALID_USER, message="user_id must have 3 characters or more")
    try:
        return check_id(raw, "user_id")
    except InvalidIdError as error:
        raise LegacyError(HTTPStatus.BAD_REQUEST, INVALID_USER, message=str(error)) from error


def session_of(raw: Any) -> str:
    """A session id: opaque, but printable (X.4)."""
    if not isinstance(raw, str) or not is_session_id(raw):
        raise LegacyError(HTTPStatus.BAD_REQUEST, INVALID_SESSION)
    return raw


def subject_of(caller: Caller, user_id: str | None) -> str | None:
    """Whose data is meant: of a participant their own, and 403 where they ask for another's (S0.36, X.6)."""
    if caller.subject is None or user_id in {None, caller.subject}:
        return caller.subject or user_id
    raise LegacyError(HTTPStatus.FORBIDDEN, ANOTHER_USER, message="send your own user_id, or none")


def filters_of(request: Request, caller: Caller) -> dict[str, str | None]:
    """`user_id` and `session_id` of the query, which hold together (S0.12); whoever they name need not be known."""
    params = request.query_params
    user_id = _filter(params.get("user_id"), INVALID_USER)
    return {
        "user_id": subject_of(caller, user_id),
        "session_id": _filter(params.get("session_id"), INVALID_SESSION),
    }


def _filter(raw: str | None, error: str) -> str | None:
    if raw and (len(raw) > LONGEST_SESSION_ID or not raw.isprintable()):
        raise LegacyError(HTTPStatus.BAD_REQUEST, error)
    return raw or None


async def _object_of(request: Request, *, empty: bool) -> dict[str, Any]:
    raw = await raw_body(request)
    if not raw.strip() and empty:
        return {}
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict) or (not found and not empty):
        raise LegacyError(HTTPStatus.BAD_REQUEST, "No JSON data provided")
    return found


def _timestamp_of(raw: Any) -> int | None:
    if raw is None:
        return None
    if not isinstance(raw, int) or isinstance(raw, bool) or not 0 <= raw < _LATEST_MS:
        message = "timestamp must be whole milliseconds since 1970-01-01T00:00:00Z"
        raise LegacyError(HTTPStatus.BAD_REQUEST, "Invalid timestamp", message=message)
    return raw
