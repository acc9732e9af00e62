"""The routes of the existing clients for emotion (S0), in their exact shapes: a viewing begins and ends.

Two families of them exist. The description's (`/api/video/{id}/start`, S0.6) has the video in the path; a second start
by the same user replaces the first, for each viewing has an id of its own (S0.29). The code's (`/api/video/start`,
U0.1) has it in the body, says how long the video is, and answers 409 while that user watches that video: the lock is
per user and video, or two could not watch the same one (X.5).
"""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from contract.sessions import SessionView, Stimulus
from edge.core.errors import RefusedError, UnknownError
from edge.web.access import Access
from edge.web.callers import Caller, caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, Handler, answer
from edge.web.legacy_emotion_views import Bug, Failure, Started, Stopped
from edge.web.legacy_requests import (
    ANOTHER_USER,
    ANYBODY,
    INVALID_VIDEO,
    LegacyError,
    Viewing,
    answering,
    port_of,
    refusals,
    subject_of,
    video_number,
    viewing_of,
)
from edge.web.ownership import check_free, has_agreed
from edge.web.session_port import SessionPort

FAILURES: Final = {400: Failure, 403: Failure, 404: Failure, 409: Failure, 500: Bug, 503: Failure}


def is_emotion(path: str) -> bool:
    """Whether a path belongs to the existing clients for emotion."""
    return path.startswith(("/api/", "/socket.io/")) or path == "/predictions"


class EmotionRoutes:
    """S0.6 to S0.10, U0.1 and U0.2."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            _post("/api/video/start", "A viewing begins, with the video in the body", self.start_named, Started),
            _post("/api/video/stop", "A viewing ends, named in the body", self.stop_named, Stopped),
            _post("/api/video/{video_id}/start", "A viewing of a video begins", self.start, Started),
            _post("/api/video/{video_id}/stop", "A viewing of a video ends", self.stop, Stopped),
        ]

    async def start(self, request: Request) -> Response:
        """S0.6: the path names the video; what the body leaves out has defaults (S0.7)."""
        video_id, said = video_number(request.path_params["video_id"]), await viewing_of(request, empty=True)
        if said.video_id not in {None, video_id}:
            raise LegacyError(HTTPStatus.BAD_REQUEST, INVALID_VIDEO, message="the body names another than the path")
        view = await self._begin(caller_of(request.scope), said, self._stimulus(video_id))
        return answer(Started(session_id=view.session_id))

    async def start_named(self, request: Request) -> Response:
        """U0.1: the body names the video."""
        said, caller = await viewing_of(request, empty=False), caller_of(request.scope)
        if said.video_id is None:
            raise LegacyError(HTTPStatus.BAD_REQUEST, "video_id is required")
        stimulus = self._stimulus(said.video_id)
        self._check_not_watching(said, subject_of(caller, said.user_id) or ANYBODY)
        view = await self._begin(caller, said, stimulus)
        return answer(Started(session_id=view.session_id, estimated_duration_ms=stimulus.duration_ms))

    async def stop(self, request: Request) -> Response:
        """S0.10: on pause and at the end, and so perhaps more than once."""
        video_id, said = video_number(request.path_params["video_id"]), await viewing_of(request, empty=True)
        await self._end(caller_of(request.scope), said, video_id)
        return answer(Stopped())

    async def stop_named(self, request: Request) -> Response:
        """U0.2 of the code."""
        said = await viewing_of(request, empty=False)
        if said.session_id is None and said.video_id is None:
            raise LegacyError(HTTPStatus.BAD_REQUEST, "session_id is required")
        await self._end(caller_of(request.scope), said, said.video_id)
        return answer(Stopped(status="success", message="Stop signal received"))

    async def _begin(self, caller: Caller, said: Viewing, stimulus: Stimulus) -> SessionView:
        user_id = subject_of(caller, said.user_id) or ANYBODY
        if caller.subject is not None:
            await check_seat(self._port, caller.subject, stimulus.id)
        timestamp = said.timestamp if said.timestamp is not None else self._deps.clock.now().wall_ms
        session_id = said.session_id or f"{user_id}_{stimulus.number}_{timestamp}"
        await check_free(self._port, session_id, user_id)
        try:
            return await self._port.start(
                user_id, video_id=stimulus.number, session_id=session_id, at_ms=timestamp, external=True
            )
        except RefusedError as error:
            if has_agreed(self._port, user_id):
                raise
            raise LegacyError(HTTPStatus.FORBIDDEN, str(error)) from error

    async def _end(self, caller: Caller, said: Viewing, video_id: int | None) -> None:
        user_id = subject_of(caller, said.user_id)
        if said.session_id is not None:
            view = await viewing_named(self._port, caller, said.session_id)
            if video_id not in {None, view.video_id}:
                raise LegacyError(HTTPStatus.BAD_REQUEST, INVALID_VIDEO, message="that session is of another video")
            await self._port.stop(view.session_id)
            return
        mine = [one for one in self._port.running() if one.video_id == video_id and user_id in {None, one.participant}]
        if len(mine) > 1:
            message = "more than one user watches this video"
            raise LegacyError(HTTPStatus.BAD_REQUEST, "session_id is required", message=message)
        if video_id is not None and not mine:
            self._stimulus(video_id)  # a second stop is none too many, but of a video that there is
        for view in mine:
            await self._port.stop(view.session_id)

    def _check_not_watching(self, said: Viewing, user_id: str) -> None:
        for view in self._port.running():
            if (view.participant, view.video_id) == (user_id, said.video_id) and view.session_id != said.session_id:
                raise LegacyError(
                    HTTPStatus.CONFLICT,
                    f"Video {said.video_id} is already being processed for {user_id}",
                    status="already_processing",
                    session_id=view.session_id,
                )

    def _stimulus(self, video_id: int) -> Stimulus:
        return stimulus_numbered(self._port, video_id)

    @property
    def _port(self) -> SessionPort:
        return port_of(self._deps)


async def viewing_named(port: SessionPort, caller: Caller, session_id: str) -> SessionView:
    """A session by its id; to a participant those of others and those that never were are alike."""
    try:
        view = await port.session(session_id)
    except UnknownError as error:
        if caller.subject is not None:
            raise LegacyError(HTTPStatus.FORBIDDEN, ANOTHER_USER) from error
        raise LegacyError(HTTPStatus.NOT_FOUND, "Session not found", message=str(error)) from error
    if caller.subject not in {None, view.participant}:
        raise LegacyError(HTTPStatus.FORBIDDEN, ANOTHER_USER)
    return view


async def check_seat(port: SessionPort, participant: str, stimulus: str) -> None:
    """Refuse a participant for whom there is no sensor now: clients without a token share what there is, and whoever
    came by a link would be given the body of somebody else (S0.36).
    """
    found = await port.checks(participant, stimulus=stimulus, sensor=None)
    if any(one.name == "sensor" and one.state == "stop" for one in found.checks):
        raise LegacyError(HTTPStatus.CONFLICT, "No sensor is free for you", message="ask whoever runs the session")


def stimulus_numbered(port: SessionPort, video_id: int) -> Stimulus:
    """The stimulus of that S0 video id; 400 that names those that there are (X.24)."""
    with refusals():
        known = {one.number: one for one in port.stimuli() if one.number is not None}
    if video_id not in known:
        numbers = ", ".join(str(number) for number in sorted(known)[:50]) or "none yet: see /v1/stimuli"
        raise LegacyError(HTTPStatus.BAD_REQUEST, INVALID_VIDEO, message=f"known video ids: {numbers}")
    return known[video_id]


def _post(path: str, summary: str, handler: Handler, kind: type) -> Endpoint:
    return Endpoint(
        path=path,
        access=Access.OPEN_OR_OWN,
        summary=summary,
        method="POST",
        handler=answering(handler),
        answer=kind,
        failures=FAILURES,
    )
