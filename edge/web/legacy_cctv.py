"""The routes of the existing camera clients (S1), in their exact shapes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.core.errors import EdgeError
from edge.core.health import State
from edge.web.access import Access, allows
from edge.web.callers import caller_of
from edge.web.control import fresh_frame, others_on, start_camera, stop_camera
from edge.web.deps import CameraPort, WebDeps
from edge.web.endpoint import WEBSOCKET, Endpoint, answer
from edge.web.legacy_views import (
    AnomalyStatus,
    CameraStarted,
    CameraStopped,
    LegacyError,
    LegacyStatus,
    ServiceInfo,
    SnapshotTaken,
    anomaly_stats,
)
from edge.web.live import OVERLAY, MotionJpeg, WebSocketJpeg
from edge.web.lookup import camera_in
from edge.web.page import Page, prefers_html
from edge.web.problem import ProblemError

_PATHS: Final = {"/", "/start", "/stop", "/status", "/live", "/snapshot", "/ws/live"}
_UNAVAILABLE: Final = LegacyError(error="Camera not available")
_FAILED: Final = {500: LegacyError}
_AT_WORK: Final = {State.OK.value, State.DEGRADED.value}


def is_legacy(path: str) -> bool:
    """Whether a path belongs to the existing camera clients."""
    return path in _PATHS or path.startswith("/live/")


class CctvRoutes:
    """S1.1 to S1.13. Where a client names no camera, the first of the config is meant."""

    def __init__(self, deps: WebDeps, *, page: Page) -> None:
        self._deps = deps
        self._page = page
        self._snapshots = deps.snapshots

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        near = Access.OPEN_NETWORKS
        live = MotionJpeg(self._deps)
        stream = "multipart/x-mixed-replace"
        return [
            Endpoint(
                path="/",
                access=Access.PUBLIC,
                summary="What this is, for programs; the viewer page for browsers",
                handler=self.root,
                answer=ServiceInfo,
            ),
            Endpoint(
                path="/live",
                access=near,
                summary="The first camera's live picture",
                app=live,
                media=stream,
                queries=(OVERLAY,),
            ),
            Endpoint(
                path="/live/{camera}",
                access=near,
                summary="A camera's live picture",
                app=live,
                media=stream,
                queries=(OVERLAY,),
            ),
            Endpoint(
                path="/ws/live",
                access=near,
                summary="Live pictures, one JPEG a message",
                method=WEBSOCKET,
                app=WebSocketJpeg(self._deps),
                queries=(OVERLAY,),
            ),
            Endpoint(
                path="/status",
                access=near,
                summary="What the camera and its analysis do",
                handler=self.status,
                answer=LegacyStatus,
            ),
            Endpoint(
                path="/start",
                access=near,
                summary="Start the camera",
                method="POST",
                handler=self.start,
                answer=CameraStarted,
                failures=_FAILED,
            ),
            Endpoint(
                path="/stop",
                access=near,
                summary="Stop the camera, unless others need it",
                method="POST",
                handler=self.stop,
                answer=CameraStopped,
            ),
            Endpoint(
                path="/snapshot",
                access=near,
                summary="Keep the newest picture as a file",
                method="POST",
                handler=self.snapshot,
                answer=SnapshotTaken,
                failures=_FAILED,
            ),
        ]

    async def root(self, request: Request) -> Response:
        """S1.1 for programs; the page for a browser, which may then sign in."""
        if prefers_html(request.headers.get("accept", "")):
            response = await self._page.serve(request)
            response.headers["Vary"] = "Accept"
            return response
        if not allows(Access.OPEN_NETWORKS, caller_of(request.scope)):
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "Sign in first", remedy="POST /v1/session with the password")
        return answer(self._info(), headers={"Vary": "Accept"})

    async def status(self, request: Request) -> Response:
        """S1.6, S1.7."""
        return answer(self._status(self._camera(request)))

    async def start(self, request: Request) -> Response:
        """S1.2, S1.3."""
        try:
            camera = self._camera(request)
            await start_camera(camera, self._deps.clock, self._deps.settings.start_wait_s)
        except (EdgeError, ProblemError):
            return answer(_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR)
        return answer(CameraStarted(ai_pipeline_active=camera.vision_state() is not None))

    async def stop(self, request: Request) -> Response:
        """S1.10, with X.10: without sign-in a client takes only itself away while others need the camera."""
        camera, caller = self._camera(request), caller_of(request.scope)
        relays = self._deps.relays
        others = 0 if caller.is_at_least("operator") else others_on(camera, relays, caller)
        if others:
            return answer(CameraStopped(), headers={"X-Camera-Kept": str(others)})
        await stop_camera(camera, relays)
        return answer(CameraStopped())

    async def snapshot(self, request: Request) -> Response:
        """S1.12; without a picture the answer is S1.3's, without room on the disk it says so."""
        frame = fresh_frame(self._camera(request), self._deps.clock, self._deps.settings.lost_after_s)
        if frame is None:
            return answer(_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR)
        try:
            return answer(SnapshotTaken(filename=await self._snapshots.take(frame.jpeg)))
        except OSError as error:
            told = LegacyError(error=f"Snapshot not saved: {error.strerror or error}")
            return answer(told, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _camera(self, request: Request) -> CameraPort:
        return camera_in(self._deps.cameras, request.query_params.get("camera"))

    def _info(self) -> ServiceInfo:
        if not self._deps.cameras:
            return ServiceInfo(streaming=False, ai_pipeline_active=False)
        status = self._status(camera_in(self._deps.cameras, None))
        return ServiceInfo(streaming=status.streaming, ai_pipeline_active=status.ai_pipeline_active)

    def _status(self, camera: CameraPort) -> LegacyStatus:
        vision = camera.vision_state() if camera.running else None
        return LegacyStatus(
            streaming=camera.running and self._deps.relays.viewers(camera.id) > 0,
            camera_active=camera.running and camera.stats.state in _AT_WORK,
            ai_pipeline_active=vision is not None,
            **_what_was_seen(vision or {}),
        )


def _what_was_seen(vision: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of S1.7 that the analysis has something to say about."""
    seen: dict[str, Any] = {"ai_status": vision.get("ai_status", "IDLE")}
    if status := vision.get("anomaly_status"):
        seen["anomaly_status"] = msgspec.convert(status, AnomalyStatus)
    if stats := vision.get("anomaly_stats"):
        seen["anomaly_stats"] = anomaly_stats(stats)
    return seen
