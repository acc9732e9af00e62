"""What was predicted, for the existing clients for emotion (S0.11 to S0.15, S0.24), and what else they ask (U0.8)."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from contract.messages import Prediction
from edge.core.errors import UnknownError
from edge.core.health import State
from edge.web.access import Access
from edge.web.callers import caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, Handler, Query, answer, integer_of
from edge.web.legacy_emotion import FAILURES, stimulus_numbered, viewing_named
from edge.web.legacy_emotion_views import (
    NOTHING_YET,
    ApiHealth,
    ApiSessions,
    Failure,
    LatestSignals,
    OneApiSession,
    PredictionList,
    Predictions,
    Segment,
    Timeline,
    api_session,
    with_cluster,
    with_names,
    with_times,
)
from edge.web.legacy_requests import answering, filters_of, port_of, session_of, video_number
from edge.web.session_port import SessionPort

_ACTIVE_MS: Final = 3_600_000
"""How long a prediction is in the active view (S0.24)."""
_USER: Final = Query(name="user_id", about="Only of this user")
_SESSION: Final = Query(name="session_id", about="Only of this viewing")
_VIDEO: Final = Query(name="video_id", about="Only of this video")
_TIMES: Final = Query(name="times", kind=int, about="1 for start_ms and end_ms in each segment too", default=0, most=1)
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many, the newest", default=1000, least=1, most=10_000)
_PAGE: Final = Query(
    name="limit",
    kind=int,
    about="At most so many, the newest, and those that began together with the first of them",
    default=1000,
    least=1,
    most=10_000,
)
_BEFORE: Final = Query(name="before", kind=int, about="Only those that began before this, in ms: `next` of an answer")
_FILTERS: Final = (_USER, _SESSION)
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
Shape = Callable[[Prediction, int], Segment]


class PredictionRoutes:
    """Everything under `/api` that only tells."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them; the last answers for whatever is not there."""
        listed = (*_FILTERS, _VIDEO)
        return [
            _get(
                "/api/predictions/video/{video_id}",
                "Segments of a video, by start; empty with a message while there are none",
                self.of_video,
                Predictions,
                (*_FILTERS, _TIMES),
            ),
            _get("/api/predictions/active", "Those of the last hour", self.active, PredictionList, listed),
            _get("/api/predictions/all", "Those of all videos", self.all, PredictionList, (*listed, _LIMIT)),
            _get(
                "/api/predictions/timeline",
                "Segments with their times",
                self.timeline,
                Timeline,
                (*listed, _PAGE, _BEFORE),
            ),
            _get("/api/video/sessions/active", "Viewings that go on", self.viewings, ApiSessions, ()),
            _get("/api/video/session/{session_id}", "One viewing", self.viewing, OneApiSession, ()),
            Endpoint(
                path="/api/signals/latest",
                access=Access.OPEN_NETWORKS,
                summary="What each body sensor shows now",
                handler=answering(self.signals),
                answer=LatestSignals,
                failures=FAILURES,
            ),
            _get("/api/health", "Whether the appliance is well", self.health, ApiHealth, ()),
            *(
                Endpoint(
                    path="/api/{rest:path}",
                    access=Access.OPEN_OR_OWN,
                    summary="Nothing is here",
                    method=method,
                    handler=self.nothing,
                    answer=Failure,
                    status=HTTPStatus.NOT_FOUND,
                    acts=False,
                )
                for method in _METHODS
            ),
        ]

    async def of_video(self, request: Request) -> Response:
        """S0.11 to S0.13."""
        video_id, filters = video_number(request.path_params["video_id"]), filters_of(request, caller_of(request.scope))
        shape = with_times if integer_of(request, _TIMES) else with_cluster
        segments = _shaped(await self._rows(video_id, filters), shape)
        if not segments:
            stimulus_numbered(self._port, video_id)
            return answer(Predictions(message=NOTHING_YET))
        known = next((one.duration_ms for one in self._port.stimuli() if one.number == video_id), None)
        duration_ms = UNSET if known is None else known
        return answer(Predictions(video_id=video_id, segments=segments, total=len(segments), duration_ms=duration_ms))

    async def active(self, request: Request) -> Response:
        """S0.24, X.22: segments that ended within the last hour, to the millisecond."""
        since_ms = self._deps.clock.now().wall_ms - _ACTIVE_MS
        segments = _shaped((await self._listed(request, since_ms=since_ms)).rows, with_names)
        return answer(PredictionList(segments=segments, total=len(segments)))

    async def all(self, request: Request) -> Response:
        """Those of all videos, the newest of them, by start."""
        limit = integer_of(request, _LIMIT) or 0
        segments = _shaped((await self._listed(request, most=limit)).rows[-limit:], with_names)
        return answer(PredictionList(segments=segments, total=len(segments)))

    async def timeline(self, request: Request) -> Response:
        """For a timeline that is drawn by time (X.7), page by page from the newest; places are those in the page."""
        found = await self._listed(request, before_ms=integer_of(request, _BEFORE), most=integer_of(request, _PAGE))
        segments = _shaped(found.rows, with_times)
        more = found.rows[0].start_ms if found.more else UNSET
        return answer(Timeline(segments=segments, total=len(segments), next=more))

    async def viewings(self, request: Request) -> Response:
        """Those that go on; of a participant their own."""
        subject = caller_of(request.scope).subject
        mine = [api_session(view) for view in self._port.running() if subject in {None, view.participant}]
        return answer(ApiSessions(sessions=mine, total=len(mine)))

    async def viewing(self, request: Request) -> Response:
        """One of them."""
        session_id = session_of(request.path_params["session_id"])
        view = await viewing_named(self._port, caller_of(request.scope), session_id)
        return answer(OneApiSession(session=api_session(view)))

    async def signals(self, _request: Request) -> Response:
        """The newest of each sensor."""
        newest = list(self._deps.sensors.signals()) if self._deps.sensors else []
        return answer(LatestSignals(signals=newest, total=len(newest)))

    async def health(self, _request: Request) -> Response:
        """Whether all is well."""
        health = self._deps.health
        stored = health.of("store") not in {State.FAILED, State.STOPPED}
        return answer(
            ApiHealth(
                status="healthy" if health.ready and stored else "degraded",
                database="connected" if stored and self._deps.sessions else "unavailable",
                timestamp=self._deps.clock.now().wall_ms,
            )
        )

    async def nothing(self, request: Request) -> Response:
        """U0.8."""
        message = f"{request.method} {request.url.path:.200} is not there: see /openapi.json"
        return answer(Failure(error="Endpoint not found", message=message), HTTPStatus.NOT_FOUND)

    async def _listed(
        self, request: Request, *, since_ms: int | None = None, before_ms: int | None = None, most: int | None = None
    ) -> "_Found":
        """Segments of the video that the query names, or of all, by start."""
        filters, raw = filters_of(request, caller_of(request.scope)), request.query_params.get(_VIDEO.name)
        known = [one.number for one in self._port.stimuli() if one.number is not None]
        wanted = [stimulus_numbered(self._port, video_number(raw)).number] if raw else known
        found = _Found([])
        for number in wanted:
            if number is not None:
                rows = await self._rows(number, filters, since_ms)
                found = found.with_newest([one for one in rows if before_ms is None or one.start_ms < before_ms], most)
        return found

    async def _rows(
        self, video_id: int, filters: dict[str, str | None], since_ms: int | None = None
    ) -> list[Prediction]:
        try:
            return list(
                await self._port.predictions(
                    video_id, user_id=filters["user_id"], session_id=filters["session_id"], since_ms=since_ms
                )
            )
        except UnknownError:
            return []

    @property
    def _port(self) -> SessionPort:
        return port_of(self._deps)


@dataclass(frozen=True, slots=True)
class _Found:
    """Segments by start; `more` says that older ones were left out."""

    rows: list[Prediction]
    more: bool = False

    def with_newest(self, others: list[Prediction], most: int | None) -> "_Found":
        """The newest `most` of these and others, and all that began together with the oldest of them: no page may end
        among segments of one moment, for the next is asked for by its moment."""
        rows = sorted((*self.rows, *others), key=lambda made: made.start_ms)
        if most is None or len(rows) <= most:
            return _Found(rows, self.more)
        kept = [made for made in rows if made.start_ms >= rows[-most].start_ms]
        return _Found(kept, self.more or len(kept) < len(rows))


def _shaped(rows: list[Prediction], shape: Shape) -> list[Segment]:
    return [shape(made, index) for index, made in enumerate(rows)]


def _get(path: str, summary: str, handler: Handler, kind: object, queries: tuple[Query, ...]) -> Endpoint:
    return Endpoint(
        path=path,
        access=Access.OPEN_OR_OWN,
        summary=summary,
        handler=answering(handler),
        answer=kind,
        queries=queries,
        failures=FAILURES,
    )
