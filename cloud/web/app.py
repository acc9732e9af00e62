"""The application: routes and what surrounds them."""

import importlib.metadata
import logging
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cloud.store.errors import (
    AccountError,
    AlreadyExistsError,
    StoreUnavailableError,
    UnknownAccountError,
    UnstorableError,
)
from cloud.web.access import guarded, sign_in_needed
from cloud.web.account_routes import account_routes
from cloud.web.command_routes import command_routes
from cloud.web.deps import WebDeps
from cloud.web.desired_routes import desired_routes
from cloud.web.files import Files
from cloud.web.fleet_routes import fleet_routes
from cloud.web.guard import Guard, SafeHeaders, caller_of
from cloud.web.listing import Listing
from cloud.web.noting import Noting
from cloud.web.openapi import describe
from cloud.web.operations import Operations
from cloud.web.problems import ProblemError
from cloud.web.replies import reply
from cloud.web.sessions import session_routes
from cloud.web.trust_routes import trust_routes
from cloud.web.video import Video

_log = logging.getLogger(__name__)
_CONSOLE: Final = Path(__file__).parent / "console"
_OPEN: Final = ("/console/", "/favicon.ico")
_ACCOUNT_REMEDIES: Final[dict[type[AccountError], str]] = {
    AlreadyExistsError: "choose another name, or give that account another password",
    UnknownAccountError: "see which there are: page Accounts, or /v1/accounts",
}
_NOTHING_DONE: Final = "nothing was changed; correct that and try again"


def create_app(deps: WebDeps) -> Starlette:
    """The cloud's web side over `deps`. It owns none of them."""
    guard = Middleware(Guard, sign_ins=deps.sign_ins, clock=deps.clock, metrics_token=deps.metrics_token)
    return Starlette(
        routes=guarded(_routes(deps)),
        middleware=[
            Middleware(SafeHeaders, media_origin=deps.media_origin),
            guard,
            Middleware(Noting, audit=deps.remote.audit, clock=deps.clock),
        ],
        exception_handlers={
            ProblemError: _problem,
            HTTPException: _http_error,
            StoreUnavailableError: _store_away,
            AccountError: _account_refused,
            UnstorableError: _unstorable,
            Exception: _unexpected,
        },
    )


def _routes(deps: WebDeps) -> list[Route | Mount]:
    listing, video = Listing(deps.queries, deps.catalogue), Video(deps)
    files, operations = Files(deps), Operations(deps)
    return [
        Route("/", _page),
        Mount("/console", StaticFiles(directory=_CONSOLE)),
        *fleet_routes(deps.queries, deps.remote, deps.clock, deps.on_asked),
        *command_routes(deps.remote, deps.clock, deps.on_asked),
        *desired_routes(deps.remote, deps.clock, deps.on_asked),
        Route("/v1/devices/{device}/gaps", listing.gaps),
        Route("/v1/predictions", listing.predictions),
        Route("/v1/events", listing.events),
        Route("/v1/recordings", listing.recordings),
        Route("/v1/recordings/{recording}", video.show),
        Route("/v1/recordings/{recording}/video", video.play),
        Route("/v1/files", listing.files),
        Route("/v1/files/{file}", files.show),
        Route("/v1/files/{file}/content", files.fetch),
        Route("/v1/ledger", listing.ledger),
        Route("/v1/models", listing.models),
        *session_routes(deps),
        *account_routes(deps.accounts, deps.clock),
        Route("/healthz", operations.alive),
        Route("/readyz", operations.ready),
        Route("/metrics", operations.metrics),
        Route("/openapi.json", _description),
        *(trust_routes(deps.trust) if deps.trust else []),
    ]


async def _page(_request: Request) -> Response:
    return FileResponse(_CONSOLE / "index.html", headers={"cache-control": "no-cache"})


async def _description(_request: Request) -> Response:
    return reply(describe(importlib.metadata.version("afferent")))


async def _problem(_request: Request, error: Any) -> Response:
    response: Response = error.response()
    return response


async def _http_error(request: Request, error: Any) -> Response:
    if error.status_code == 404 and caller_of(request) is None and not request.url.path.startswith(_OPEN):  # noqa: PLR2004
        return sign_in_needed().response()
    detail = f"there is no {request.url.path!r:.120}" if error.status_code == 404 else str(error.detail)  # noqa: PLR2004
    return ProblemError(error.status_code, detail, remedy="see /openapi.json", headers=error.headers).response()


async def _store_away(_request: Request, error: Exception) -> Response:
    _log.warning("the database is away: %s", error)
    return ProblemError(503, "the database is away", remedy="try again later").response()


async def _account_refused(_request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, UnknownAccountError) else 409
    remedy = next((words for kind, words in _ACCOUNT_REMEDIES.items() if isinstance(error, kind)), _NOTHING_DONE)
    return ProblemError(status, str(error), field="account", remedy=remedy).response()


async def _unstorable(_request: Request, _error: Exception) -> Response:
    return ProblemError(400, "what was sent cannot be stored", remedy="send text without NUL").response()


async def _unexpected(_request: Request, _error: Exception) -> Response:
    # uvicorn logs it with its traceback; the client learns nothing of our insides
    return ProblemError(500, "something went wrong here", remedy="tell the operator the time of this").response()
