"""The appliance's own routes under `/v1`: what it knows, and what a signed-in person may tell it to do."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from contract.messages import Record
from edge.core.errors import EdgeError, StoreError
from edge.core.health import PartHealth
from edge.web.control import fresh_frame, start_camera, stop_camera
from edge.web.deps import CameraPort, WebDeps
from edge.web.endpoint import Endpoint, Handler, Query, answer, body_of, integer_of
from edge.web.gate import Access
from edge.web.lookup import camera_in
from edge.web.problem import ProblemError
from edge.web.snapshots import Snapshots
from edge.web.views import (
    Cameras,
    CameraView,
    DeviceView,
    HealthView,
    PartView,
    RecordingRequest,
    RecordPage,
    RecordView,
    SnapshotView,
    StatusView,
    camera_view,
)

_FIRST_PREDICTIONS: Final = 120
_FIRST_EVENTS: Final = 30
_FIRST_RECORDINGS: Final = 10
_AFTER: Final = Query(name="after", kind=int, about="Only rows larger than this, oldest first")
_BEFORE: Final = Query(name="before", kind=int, about="Only rows smaller than this, newest first")
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many", default=100, least=1, most=1000)
_PAGING: Final = (_AFTER, _BEFORE, _LIMIT)
_KINDS: Final = ("prediction", "event", "recording", "health", "telemetry", "loss")
_KIND: Final = Query(name="kind", about=f"Only records of this kind: {', '.join(_KINDS)}")
_PASSWORD_IN_URL: Final = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^/?#\s:@]*):[^/?#\s]*@", re.IGNORECASE)


class NativeRoutes:
    """Status, cameras, records, health and configuration."""

    def __init__(self, deps: WebDeps, *, snapshots: Snapshots) -> None:
        self._deps = deps
        self._snapshots = snapshots

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            _get("/v1/status", "Everything for a page's first paint", self.status, StatusView),
            _get("/v1/device", "What this is, and what time it has", self.device, DeviceView),
            _get("/v1/cameras", "Every camera", self.cameras, Cameras),
            _get("/v1/health", "The health of every part", self.health, HealthView),
            _get("/v1/config", "The running configuration without secrets", self.config, dict[str, Any]),
            *(
                _get(f"/v1/{name}", f"Durable records: {name}", self._reader_of(kind), RecordPage, _PAGING)
                for name, kind in (("predictions", "prediction"), ("events", "event"), ("recordings", "recording"))
            ),
            _get("/v1/records", "Durable records of any kind", self._reader_of(None), RecordPage, (_KIND, *_PAGING)),
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

    async def status(self, _request: Request) -> Response:
        """Everything at once."""
        deps, now, latest = self._deps, self._deps.clock.now(), _Latest(self._deps)
        return answer(
            StatusView(
                device=deps.device,
                version=deps.version,
                t_ms=now.wall_ms,
                clock_trusted=now.trusted,
                ready=deps.health.ready,
                newest_row=await self._newest_row(),
                cameras=self._cameras(),
                health=self._parts(),
                vision=latest.all("vision"),
                samples=latest.all("samples"),
                telemetry=dict(deps.telemetry()) or None,
                sync=latest.one("sync"),
                predictions=await self._newest("prediction", _FIRST_PREDICTIONS),
                events=await self._newest("event", _FIRST_EVENTS),
                recordings=await self._newest("recording", _FIRST_RECORDINGS),
            )
        )

    async def device(self, _request: Request) -> Response:
        """What this is; `t_ms` lets a page tell its own clock from the appliance's."""
        deps, now = self._deps, self._deps.clock.now()
        return answer(
            DeviceView(
                device=deps.device,
                version=deps.version,
                t_ms=now.wall_ms,
                clock_trusted=now.trusted,
                ready=deps.health.ready,
            )
        )

    async def cameras(self, _request: Request) -> Response:
        """Every camera."""
        return answer(Cameras(cameras=self._cameras()))

    async def health(self, _request: Request) -> Response:
        """Every part."""
        now = self._deps.clock.now().wall_ms
        return answer(HealthView(t_ms=now, ready=self._deps.health.ready, parts=self._parts()))

    async def config(self, _request: Request) -> Response:
        """The configuration; passwords that somebody wrote into a URL are blotted out."""
        return answer(without_passwords(self._deps.config()))

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
        await stop_camera(camera, self._deps.relays.of(camera.id))
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

    def _reader_of(self, only: str | None) -> Handler:
        async def read(request: Request) -> Response:
            kind = only or _kind_of(request)
            after, before = integer_of(request, _AFTER), integer_of(request, _BEFORE)
            limit = integer_of(request, _LIMIT) or 0
            if after is not None and before is not None:
                raise ProblemError(HTTPStatus.BAD_REQUEST, "Give after or before, not both", field="before")
            try:
                rows = await self._deps.history.history(kind, after=after, before=before, limit=limit)
            except StoreError as error:
                raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
            found = _views(rows)
            return answer(RecordPage(records=found, next=found[-1].row if len(found) == limit else None))

        return read

    async def _newest(self, kind: str, limit: int) -> list[RecordView]:
        try:
            rows = await self._deps.history.history(kind, limit=limit)
        except StoreError:
            return []  # the health of the store says so, in the same answer
        return _views(rows)

    async def _newest_row(self) -> int:
        try:
            return await self._deps.history.newest_row()
        except StoreError:
            return 0

    def _cameras(self) -> list[CameraView]:
        return [self._view(camera) for camera in self._deps.cameras.values()]

    def _view(self, camera: CameraPort) -> CameraView:
        position = list(self._deps.cameras).index(camera.id)
        return camera_view(camera, position=position, viewers=self._deps.relays.viewers(camera.id))

    def _parts(self) -> list[PartView]:
        return [part_view(part) for part in self._deps.health.parts()]

    def _camera(self, request: Request) -> CameraPort:
        return camera_in(self._deps.cameras, request.path_params["camera"])


class _Latest:
    """The newest live message of each kind, by topic."""

    def __init__(self, deps: WebDeps) -> None:
        self._messages = deps.hub.latest()

    def all(self, topic: str) -> list[dict[str, Any]]:
        return [message.data for message in self._messages if message.topic == topic]

    def one(self, topic: str) -> dict[str, Any] | None:
        return next(iter(self.all(topic)), None)


def _views(rows: Iterable[tuple[int, Record]]) -> list[RecordView]:
    return [RecordView(row=row, record=record) for row, record in rows]


def _kind_of(request: Request) -> str | None:
    kind = request.query_params.get("kind") or None
    if kind is not None and kind not in _KINDS:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"{kind!r:.40} is no kind of record",
            field="kind",
            remedy=f"use {', '.join(_KINDS)}",
        )
    return kind


def part_view(part: PartHealth) -> PartView:
    """The health of a part as it is shown."""
    return PartView(part=part.part, state=part.state.value, detail=part.detail, since_ms=part.since.wall_ms)


def without_passwords(value: Any) -> Any:
    """`value` with the password of every URL in it replaced by three dots."""
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(r"\g<head>:...@", value)
    if isinstance(value, Mapping):
        return {key: without_passwords(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_passwords(item) for item in value]
    return value


def _unavailable(camera: CameraPort, detail: str) -> ProblemError:
    remedy = f"check that camera {camera.id} is connected and not used by another program"
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, remedy=remedy, headers={"Retry-After": "2"})


def _no_room(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.INSUFFICIENT_STORAGE, detail, remedy="free disk space, or keep less")


def _get(path: str, summary: str, handler: Handler, kind: Any, queries: tuple[Query, ...] = ()) -> Endpoint:
    return Endpoint(path=path, access=Access.SIGNED_IN, summary=summary, handler=handler, answer=kind, queries=queries)


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
