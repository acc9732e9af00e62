"""What the ports of sessions and sensors refuse, as problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.core.errors import RefusedError, StoreDelayedError, StoreError, UnknownError
from edge.web.deps import WebDeps
from edge.web.problem import ProblemError
from edge.web.session_port import SensorPort, SessionPort

LONGEST_SESSION_ID: Final = 200
_NO_SESSION: Final = {".", "..", "checks"}


def sessions_of(deps: WebDeps) -> SessionPort:
    """The desk of sessions; a problem where the appliance has none."""
    if deps.sessions is None:
        remedy = "see /v1/health: the part `sessions` says why"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "The file of sessions cannot be opened", remedy=remedy)
    return deps.sessions


def sensors_of(deps: WebDeps) -> SensorPort:
    """The body sensors; a problem where the appliance has none."""
    if deps.sensors is None:
        remedy = "add a [[sensors]] section to the configuration and restart"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "This appliance has no body sensor", remedy=remedy)
    return deps.sensors


@contextmanager
def told(field: str | None = None) -> Iterator[None]:
    """Inside, what a port refuses becomes a problem that names `field`."""
    try:
        yield
    except UnknownError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(error), field=field) from error
    except RefusedError as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error), field=field) from error
    except StoreDelayedError as error:
        detail, remedy = str(error), "do not send it again: it is kept in memory until the disk takes it"
        raise ProblemError(HTTPStatus.INSUFFICIENT_STORAGE, detail, remedy=remedy) from error
    except StoreError as error:
        remedy = "free disk space, and see /v1/health"
        raise ProblemError(HTTPStatus.INSUFFICIENT_STORAGE, str(error), remedy=remedy) from error


@contextmanager
def reading() -> Iterator[None]:
    """The same for what only reads: a store that cannot be read may be readable soon."""
    try:
        with told():
            yield
    except ProblemError as problem:
        if problem.problem.status != HTTPStatus.INSUFFICIENT_STORAGE:
            raise
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, problem.problem.detail, headers={"Retry-After": "5"}
        ) from problem


def checked_id(value: str, field: str) -> str:
    """An id of a path or a query; a problem that names `field` if it is none."""
    try:
        return check_id(value, field)
    except InvalidIdError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, str(error), field=field) from error


def checked_session_id(value: str, field: str = "session_id") -> str:
    """A session id is whatever its maker chose (X.4), but something that can be printed and stand in a path."""
    if not is_session_id(value):
        detail = (
            f"{field} must have 1 to {LONGEST_SESSION_ID} printable characters, no slash, not {sorted(_NO_SESSION)}"
        )
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail, field=field)
    return value


def is_session_id(value: str) -> bool:
    """Whether a session may be named so. Clients resolve dots in a path before it gets here; `checks` is a route."""
    return (
        value not in _NO_SESSION and 0 < len(value) <= LONGEST_SESSION_ID and value.isprintable() and "/" not in value
    )
