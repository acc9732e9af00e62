"""What a signed-in person may tell the cameras to do."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from edge.core.errors import EdgeError, StoreError
from edge.web.access import Access
from edge.web.control import fresh_frame, start_camera, stop_camera
from edge.web.deps import CameraPort, WebDeps
from edge.web.endpoint import Endpoint, Handler, answer, body_of, owner_get
from edge.web.lookup import camera_in
from edge.web.problem import ProblemError
from edge.web.views import Cameras, CameraView, RecordingRequest, SnapshotView, camera_view


class CameraRoutes:
    """`/v1/cameras` and the pictures that were kept."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._snapshots = deps.snapshots

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            owner_get("/v1/cameras", "Every camera", self.cameras, Cameras),
            _post("start", "Start a camera", self.start, CameraView),
            _post("stop", "Stop a camera for everybody", self.stop, CameraView),
            _post("snapshot", "Keep the newest picture as a file", self.snapshot, SnapshotView, status=201),
            _post("recording", "Begin or end recording", self.recording, CameraView, body=RecordingRequest),
            Endpoint(
                path="/snapshots/{name}",
                access=Access.SIGNED_IN,
                summary="A kept picture",
                handler=self.kept_snapshot,
                media="image/jpeg",
            ),
        ]

    def views(self) -> list[CameraView]:
        """Every camera as it is now."""
        return [self._view(camera) for camera in self._deps.cameras.values()]

    async def cameras(self, _request: Request) -> Response:
        """Every camera."""
        return answer(Cameras(cameras=self.views()))

    async def start(self, request: Request) -> Response:
        """Start and wait for the first frame."""
        camera = self._camera(request)
        try:
            await start_camera(camera, self._deps.clock, self._deps.settings.start_wait_s)
        except EdgeError as error:
            raise _unavailable(camera, str(error)) from error
        return answer(self._view(camera))

    async def stop(self, request: Request) -> Response:
        """Stop for everybody: who signed in may."""
        camera = self._camera(request)
        await stop_camera(camera, self._deps.relays)
        return answer(self._view(camera))

    async def snapshot(self, request: Request) -> Response:
        """Keep the newest picture."""
        camera = self._camera(request)
        frame = fresh_frame(camera, self._deps.clock, self._deps.settings.lost_after_s)
        if frame is None:
            raise _unavailable(camera, f"camera {camera.id} shows nothing now")
        try:
            name = await self._snapshots.take(frame.jpeg)
        except OSError as error:
            raise _no_room(f"the snapshot was not saved: {error.strerror or error}") from error
        return answer(SnapshotView(filename=name, url=f"/snapshots/{name}"), HTTPStatus.CREATED)

    async def recording(self, request: Request) -> Response:
        """Begin or end a recording by hand."""
        camera = self._camera(request)
        wanted = await body_of(request, RecordingRequest)
        try:
            await camera.set_recording(wanted.on)
        except StoreError as error:
            raise _no_room(str(error)) from error
        except EdgeError as error:
            raise _unavailable(camera, str(error)) from error
        return answer(self._view(camera))

    async def kept_snapshot(self, request: Request) -> Response:
        """A kept picture by its name."""
        name = request.path_params["name"]
        jpeg = await self._snapshots.read(name)
        if jpeg is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no snapshot {name!r:.60}", field="name")
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})

    def _view(self, camera: CameraPort) -> CameraView:
        position = list(self._deps.cameras).index(camera.id)
        return camera_view(camera, position=position, viewers=self._deps.relays.viewers(camera.id))

    def _camera(self, request: Request) -> CameraPort:
        return camera_in(self._deps.cameras, request.path_params["camera"])


def _unavailable(camera: CameraPort, detail: str) -> ProblemError:
    remedy = f"check that camera {camera.id} is connected and not used by another program"
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, remedy=remedy, headers={"Retry-After": "2"})


def _no_room(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.INSUFFICIENT_STORAGE, detail, remedy="free disk space, or keep less")


def _post(verb: str, summary: str, handler: Handler, kind: Any, *, status: int = 200, body: Any = None) -> Endpoint:
    return Endpoint(
        path=f"/v1/cameras/{{camera}}/{verb}",
        access=Access.SIGNED_IN,
        summary=summary,
        method="POST",
        handler=handler,
        answer=kind,
        status=status,
        body=body,
    )
