"""What happened in front of the cameras: each event with its pictures and its clip, and what people say of it."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import BinaryIO, Final, get_args

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from contract.errors import InvalidIdError
from contract.ids import check_id
from contract.messages import Event, Severity
from edge.core.errors import StoreError
from edge.web.access import Access
from edge.web.deps import PictureKind, WebDeps
from edge.web.endpoint import Endpoint, Query, answer, body_of, integer_of, owner_get
from edge.web.event_listing import EventFilter, EventListing, Story
from edge.web.growing_file import GrowingFile
from edge.web.problem import ProblemError
from edge.web.views import EventPage, EventView, FeedbackRequest

_EVENT: Final = "/v1/events/{event_id}"
_BEFORE: Final = Query(name="before", kind=int, about="Only events whose newest record has a row smaller than this")
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many", default=50, least=1, most=200)
_SEVERITIES: Final = get_args(Severity)
_FILTERS: Final = (
    Query(name="camera", about="Only of these cameras, separated by commas"),
    Query(name="type", about="Only of these types, separated by commas"),
    Query(name="zone", about="Only of these zones or lines, separated by commas"),
    Query(name="severity", about=f"Only of these severities, separated by commas: {', '.join(_SEVERITIES)}"),
)
_MAY_CHANGE: Final = "private, no-cache"


class EventRoutes:
    """`/v1/events` and all below, but for the live feed."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._listing = EventListing(deps)

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        queries = (*_FILTERS, _BEFORE, _LIMIT)
        return [
            owner_get("/v1/events", "Events, newest first, each once", self.events, EventPage, queries),
            owner_get(_EVENT, "One event", self.event, EventView),
            self._file("picture.jpg", "Its best picture", "image/jpeg"),
            self._file("thumbnail.jpg", "The same, small", "image/jpeg"),
            self._file("clip.mp4", "Its video; ranges are served, and it may still grow", "video/mp4"),
            Endpoint(
                path=f"{_EVENT}/feedback",
                access=Access.SIGNED_IN,
                summary="Say whether it was normal, so that the camera learns it",
                method="POST",
                handler=self.feedback,
                body=FeedbackRequest,
                answer=EventView,
            ),
        ]

    async def events(self, request: Request) -> Response:
        """A page of them."""
        before, limit = integer_of(request, _BEFORE), integer_of(request, _LIMIT) or 0
        wanted = _filter_of(request.query_params)
        try:
            return answer(await self._listing.page(wanted, before=before, limit=limit))
        except StoreError as error:
            raise _unreadable(error) from error

    async def event(self, request: Request) -> Response:
        """One of them."""
        return await self._shown(await self._story(request))

    async def picture(self, request: Request) -> Response:
        """Its best picture so far."""
        return await self._image(request, "picture")

    async def thumbnail(self, request: Request) -> Response:
        """Its thumbnail so far."""
        return await self._image(request, "thumbnail")

    async def clip(self, request: Request) -> Response:
        """Its video as far as it is written; a fragmented MP4 plays from what there is."""
        story = await self._story(request)
        file = await to_thread.run_sync(self._open_clip, story.event)
        if file is None:
            raise _absent(story.event.event_id, "clip")
        return GrowingFile(file, media_type="video/mp4", headers={"Cache-Control": _MAY_CHANGE})

    async def feedback(self, request: Request) -> Response:
        """Take somebody's word."""
        story = await self._story(request)
        said = await body_of(request, FeedbackRequest)
        camera = self._deps.cameras.get(story.event.camera)
        try:
            known = camera is not None and await camera.feedback(story.event.event_id, said.normal)
        except StoreError as error:
            raise ProblemError(HTTPStatus.INSUFFICIENT_STORAGE, str(error), remedy="free disk space") from error
        if not known:
            raise ProblemError(
                HTTPStatus.NOT_FOUND,
                f"Camera {story.event.camera} no longer knows what event {story.event.event_id} was about",
                field="event_id",
                remedy="say it of a newer event",
            )
        return await self._shown(story)

    def _file(self, name: str, summary: str, media: str) -> Endpoint:
        return Endpoint(
            path=f"{_EVENT}/{name}",
            access=Access.SIGNED_IN,
            summary=summary,
            handler=getattr(self, name.partition(".")[0]),
            media=media,
        )

    async def _shown(self, story: Story) -> Response:
        return answer((await self._listing.views([story]))[0])

    async def _story(self, request: Request) -> Story:
        event_id = _event_id(request)
        try:
            story = await self._listing.find(event_id)
        except StoreError as error:
            raise _unreadable(error) from error
        if story is None:
            raise _unknown(event_id)
        return story

    async def _image(self, request: Request, kind: PictureKind) -> Response:
        event_id, pictures = _event_id(request), self._deps.event_pictures
        jpeg = await pictures.read(event_id, kind) if pictures else None
        if jpeg is None:
            raise _absent(event_id, kind)
        etag = f'"{hashlib.blake2b(jpeg, digest_size=12).hexdigest()}"'
        headers = {"Cache-Control": _MAY_CHANGE, "ETag": etag}
        if _names(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    def _open_clip(self, event: Event) -> BinaryIO | None:
        """A clip that is finished just now changes its name between two looks: the second finds it."""
        for _ in range(2):
            path = self._deps.clip_of(event)
            with suppress(FileNotFoundError):
                if path:
                    return path.open("rb")
        return None


def _names(known: str, etag: str) -> bool:
    """Whether an If-None-Match has this tag, by the weak comparison of RFC 9110, section 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return etag in tags or "*" in tags


def _event_id(request: Request) -> str:
    event_id: str = request.path_params["event_id"]
    try:
        return check_id(event_id, "event")
    except InvalidIdError as error:
        raise _unknown(event_id) from error


def _filter_of(params: Mapping[str, str]) -> EventFilter:
    cameras, types, zones, severities = (
        frozenset(value for value in params.get(query.name, "").split(",") if value) for query in _FILTERS
    )
    if wrong := severities - set(_SEVERITIES):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"{min(wrong)!r:.40} is no severity",
            field="severity",
            remedy=f"use {', '.join(_SEVERITIES)}",
        )
    return EventFilter(cameras=cameras, types=types, zones=zones, severities=severities)


def _unknown(event_id: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_FOUND, f"There is no event {event_id!r:.80}", field="event_id", remedy="see /v1/events"
    )


def _absent(event_id: str, what: str) -> ProblemError:
    detail = f"There is no {what} of event {event_id} on the device"
    return ProblemError(HTTPStatus.NOT_FOUND, detail, field="event_id", remedy="the event itself tells what there is")


def _unreadable(error: StoreError) -> ProblemError:
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "5"})
