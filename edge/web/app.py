"""The LAN side as one Starlette application, put together from families of routes."""

from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from edge.web.access import Access
from edge.web.account_routes import AccountRoutes
from edge.web.audit_routes import AuditRoutes
from edge.web.audit_trail import AuditTrail
from edge.web.callers import COOKIE
from edge.web.camera_routes import CameraRoutes
from edge.web.deps import WebDeps
from edge.web.endpoint import WEBSOCKET, Endpoint, answer
from edge.web.event_routes import EventRoutes
from edge.web.event_stream import EventSocket, EventStream
from edge.web.feed import AFTER, TOPICS, Feeds
from edge.web.gate import CorsFamily, Gate, LegacyCors
from edge.web.legacy_cctv import CctvRoutes, is_legacy
from edge.web.legacy_collect import CollectRoutes, is_collect
from edge.web.legacy_emotion import EmotionRoutes, is_emotion
from edge.web.legacy_predictions import PredictionRoutes
from edge.web.native import NativeRoutes
from edge.web.openapi import describe
from edge.web.overlaid import dresses
from edge.web.page import Page
from edge.web.participant_page import ParticipantPage
from edge.web.participant_routes import ParticipantRoutes
from edge.web.plan_routes import PlanRoutes
from edge.web.probes import ProbeRoutes
from edge.web.problem import ProblemError, on_bug, on_http_error, on_problem
from edge.web.qr_routes import QrRoutes
from edge.web.recording_routes import RecordingRoutes
from edge.web.records import RecordRoutes
from edge.web.segment_socket import SegmentSocket
from edge.web.sensor_routes import SensorRoutes
from edge.web.session_folder_routes import SessionFolderRoutes
from edge.web.session_routes import SessionRoutes
from edge.web.sessions_routes import SessionsRoutes
from edge.web.sign_in import SignInRoutes
from edge.web.sign_in_routes import SignInsRoutes
from edge.web.socket_io import SocketIo
from edge.web.stimulus_routes import StimulusRoutes
from edge.web.storage_routes import StorageRoutes
from edge.web.upload_routes import UploadRoutes

_CORS: Final = (  # the first that owns a path has it, and that of S0 owns all of `/api/`
    CorsFamily(is_collect),
    CorsFamily(is_emotion, ("GET", "POST", "PUT", "DELETE", "OPTIONS"), ("Content-Type", "Authorization")),
    CorsFamily(is_legacy),
)


def create_app(deps: WebDeps) -> Starlette:
    """Every route of the appliance over `deps`; serve it with `edge.web.server.WebServer`.

    Raise `InvalidSettingsError` if a network of the settings is none.
    """
    settings = deps.settings
    if deps.paint:
        deps.relays.add_overlays(dresses(deps, deps.paint))
    return Starlette(
        routes=[endpoint.route() for endpoint in endpoints_of(deps)],
        middleware=[
            Middleware(LegacyCors, origins=settings.cors_origins, families=_CORS),
            *([Middleware(AuditTrail, audit=deps.audit, clock=deps.clock)] if deps.audit else []),
            Middleware(Gate, auth=deps.auth, settings=settings, is_legacy=_is_legacy),
        ],
        exception_handlers={ProblemError: on_problem, HTTPException: on_http_error, Exception: on_bug},
    )


def endpoints_of(deps: WebDeps) -> list[Endpoint]:
    """The whole table, in the order in which the router tries it."""
    page = Page(deps.viewer_dir)
    cameras, records = CameraRoutes(deps), RecordRoutes(deps.history)
    feeds = Feeds(deps)
    table = [
        *CctvRoutes(deps, page=page).endpoints(),
        *NativeRoutes(deps, cameras=cameras, records=records).endpoints(),
        *cameras.endpoints(),
        *PlanRoutes(deps).endpoints(),
        *records.endpoints(),
        *_feed_endpoints(deps, feeds),
        *EventRoutes(deps).endpoints(),
        *RecordingRoutes(deps).endpoints(),
        *UploadRoutes(deps.uploads).endpoints(),
        *StorageRoutes(deps.storage).endpoints(),
        *ParticipantRoutes(deps).endpoints(),
        *QrRoutes().endpoints(),
        *StimulusRoutes(deps).endpoints(),
        *SessionsRoutes(deps).endpoints(),
        *SessionRoutes(deps).endpoints(),
        *SessionFolderRoutes(deps, deps.folders).endpoints(),
        *SensorRoutes(deps).endpoints(),
        *SignInRoutes(deps.auth, session_days=deps.settings.session_days).endpoints(),
        *SignInsRoutes(deps.auth).endpoints(),
        *AccountRoutes(deps.auth, clock=deps.clock).endpoints(),
        *AuditRoutes(deps.audit).endpoints(),
        *ProbeRoutes(deps).endpoints(),
        *ParticipantPage(page, deps.auth).endpoints(),
        *CollectRoutes(deps.collect, page=page).endpoints(),
        *EmotionRoutes(deps).endpoints(),
        *PredictionRoutes(deps).endpoints(),
        *SegmentSocket(deps, feeds).endpoints(),
        *SocketIo(deps, feeds).endpoints(),
        *page.endpoints(),
    ]
    return [*table, _self_description(table, deps.version)]


def _is_legacy(path: str) -> bool:
    return is_legacy(path) or is_emotion(path) or is_collect(path)


def _feed_endpoints(deps: WebDeps, feeds: Feeds) -> list[Endpoint]:
    return [
        Endpoint(
            path="/v1/events/stream",
            access=Access.OWN,
            summary="Everything live; records exactly once, by Last-Event-ID",
            app=EventStream(deps, feeds),
            media="text/event-stream",
            queries=(TOPICS, AFTER),
        ),
        Endpoint(
            path="/v1/events/ws",
            access=Access.OWN,
            summary='The same, a JSON object {"topic", "id", "data"} a message, where only records have an id',
            method=WEBSOCKET,
            app=EventSocket(deps, feeds),
            queries=(TOPICS, AFTER),
        ),
    ]


def _self_description(table: list[Endpoint], version: str) -> Endpoint:
    async def tell(_request: Request) -> Response:
        return answer(document)

    own = Endpoint(
        path="/openapi.json",
        access=Access.SIGNED_IN,
        summary="This description",
        handler=tell,
        answer=dict[str, Any],
    )
    document = describe([*table, own], version=version, cookie=COOKIE)
    return own
