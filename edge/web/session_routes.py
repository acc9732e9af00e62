"""Sessions: begun, ended, marked, labelled and told of, by whoever runs them and by whom they are about."""

from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from contract.sessions import CheckList, NewLabel, SessionMarker, SessionView, StimulusClock
from edge.core.errors import RefusedError, UnknownError
from edge.web.access import Access
from edge.web.callers import Caller, caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, Handler, Query, answer, body_of, integer_of, owner_get
from edge.web.ownership import check_free, check_own, has_agreed, own_session
from edge.web.port_problems import checked_id, checked_session_id, reading, sessions_of, told
from edge.web.problem import ProblemError
from edge.web.session_port import SessionPort
from edge.web.session_views import (
    Kept,
    LabelsRequest,
    MarkerRequest,
    OpenAsk,
    Segments,
    SessionRequest,
    Sessions,
    segment_view,
    stimulus_at,
)

_ALL: Final = "/v1/sessions"
_ONE: Final = f"{_ALL}/{{session_id}}"
_PARTICIPANT: Final = Query(name="participant", about="Only of this participant")
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many", default=50, least=1, most=500)
_FOR: Final = (
    Query(name="participant", about="Whose session it would be"),
    Query(name="stimulus", about="What they would watch"),
    Query(name="sensor", about="What they would wear, if not their own"),
)
_TRACE_BYTES: Final = 128 * 1024
_REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""The report is one page with its styles and pictures in it, and no script."""


class SessionRoutes:
    """`/v1/sessions`. Participants may use what is about their own sessions."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            Endpoint(
                path=_ALL,
                access=Access.OWN,
                summary="Sessions, newest first",
                handler=self.newest,
                answer=Sessions,
                queries=(_PARTICIPANT, _LIMIT),
            ),
            _post(_ALL, "Begin a session", self.start, takes=SessionRequest, answers=SessionView),
            owner_get(f"{_ALL}/checks", "What stands between now and a session", self.checks, CheckList, _FOR),
            Endpoint(path=_ONE, access=Access.OWN, summary="One session", handler=self.session, answer=SessionView),
            _post(f"{_ONE}/stop", "End it", self.stop, answers=SessionView),
            _post(f"{_ONE}/markers", "Mark a moment", self.mark, takes=MarkerRequest, answers=SessionMarker),
            Endpoint(
                path=f"{_ONE}/clock",
                access=Access.OWN,
                summary="Say where the stimulus is",
                method="POST",
                handler=self.clock,
                body=StimulusClock,
                status=HTTPStatus.NO_CONTENT,
                noted=False,
            ),
            _post(
                f"{_ONE}/labels",
                "Say how the participant felt",
                self.label,
                takes=LabelsRequest,
                answers=Kept,
                noted=False,
            ),
            Endpoint(
                path=f"{_ONE}/ask",
                access=Access.OWN,
                summary="The question that waits for an answer",
                handler=self.ask,
                answer=OpenAsk,
            ),
            Endpoint(
                path=f"{_ONE}/segments",
                access=Access.OWN,
                summary="What was predicted, segment by segment",
                handler=self.segments,
                answer=Segments,
            ),
            Endpoint(
                path=f"{_ONE}/report",
                access=Access.SIGNED_IN,
                summary="The end report, a page that needs no other file",
                handler=self.report,
                media="text/html",
            ),
        ]

    async def newest(self, request: Request) -> Response:
        """Sessions of everybody or of one; of the caller's own, if that is a participant."""
        caller, limit = caller_of(request.scope), integer_of(request, _LIMIT) or 0
        wanted = request.query_params.get(_PARTICIPANT.name) or caller.subject
        if wanted is not None:
            check_own(caller, checked_id(wanted, _PARTICIPANT.name))
        with reading():
            return answer(Sessions(sessions=list(await self._port.sessions(wanted, limit=limit))))

    async def checks(self, request: Request) -> Response:
        """The check list."""
        asked = {query.name: request.query_params.get(query.name) or None for query in _FOR}
        for name, value in asked.items():
            if value is not None:
                checked_id(value, name)
        participant = asked["participant"]
        if participant is None:
            raise ProblemError(
                HTTPStatus.BAD_REQUEST, "Say whose session it would be", field="participant", remedy="?participant="
            )
        with reading():
            return answer(await self._port.checks(participant, stimulus=asked["stimulus"], sensor=asked["sensor"]))

    async def start(self, request: Request) -> Response:
        """Begin one; 403 where the participant has not agreed, 409 where something else stands against it."""
        wanted: SessionRequest = await body_of(request, SessionRequest)
        caller = caller_of(request.scope)
        check_own(caller, wanted.participant)
        _check_lead(caller, wanted)
        self._check_sensor(caller, wanted.sensor)
        if wanted.session_id:
            checked_session_id(wanted.session_id, "$.session_id")
            with told("$.session_id"):
                await check_free(self._port, wanted.session_id, wanted.participant)
        with told():
            try:
                return answer(await self._begun(wanted))
            except (RefusedError, UnknownError) as error:
                if isinstance(error, UnknownError) or has_agreed(self._port, wanted.participant):
                    _keep_others_private(caller)
                    raise
                raise ProblemError(
                    HTTPStatus.FORBIDDEN,
                    str(error),
                    field="$.participant",
                    remedy=f"POST /v1/participants/{wanted.participant}/consent",
                ) from error

    async def session(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._own(request))

    async def stop(self, request: Request) -> Response:
        """End it; one that has ended stays as it is."""
        view = await self._own(request)
        with told("session_id"):
            return answer(await self._port.stop(view.session_id))

    async def mark(self, request: Request) -> Response:
        """Mark a moment."""
        view = await self._own(request)
        said: MarkerRequest = await body_of(request, MarkerRequest)
        with told("session_id"):
            return answer(await self._port.mark(view.session_id, name=said.name, note=said.note, at_ms=said.at_ms))

    async def clock(self, request: Request) -> Response:
        """Hear where the stimulus is."""
        view = await self._own(request)
        said: StimulusClock = await body_of(request, StimulusClock)
        with told("session_id"):
            self._port.tell_clock(view.session_id, said)
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})

    async def label(self, request: Request) -> Response:
        """Keep what the participant said."""
        view = await self._own(request)
        said: LabelsRequest = await body_of(request, LabelsRequest, most_bytes=_TRACE_BYTES)
        for place, label in enumerate(said.labels):
            _check_says_something(label, place)
        with told("session_id"):
            return answer(Kept(kept=await self._port.label(view.session_id, said.labels)))

    async def ask(self, request: Request) -> Response:
        """The open question."""
        view = await self._own(request)
        with reading():
            return answer(OpenAsk(ask=self._port.open_ask(view.session_id)))

    async def segments(self, request: Request) -> Response:
        """What was predicted."""
        view = await self._own(request)
        with reading():
            made = await self._port.segments(view.session_id)
        return answer(Segments(segments=[segment_view(one, self._stimulus_ms(view, one.start_ms)) for one in made]))

    async def report(self, request: Request) -> Response:
        """The page. It is shown as it is and may fetch nothing."""
        view = await self._own(request)
        with reading():
            page = await self._port.report(view.session_id)
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": _REPORT_POLICY}
        return Response(page, media_type="text/html", headers=headers)

    @property
    def _port(self) -> SessionPort:
        return sessions_of(self._deps)

    def _stimulus_ms(self, view: SessionView, at_ms: int) -> int | None:
        """By every word of its player while the session runs, by the last one afterwards."""
        known = self._port.stimulus_ms(view.session_id, at_ms) if view.end_ms is None else None
        return stimulus_at(view.clock, at_ms) if known is None else known

    def _check_sensor(self, caller: Caller, sensor: str | None) -> None:
        """Refuse a participant who names another sensor than theirs: it may be on somebody else's hand."""
        if caller.subject is None or sensor is None:
            return
        if not any(one.id == caller.subject and one.sensor == sensor for one in self._port.participants()):
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "A participant may wear only the sensor that was given to them",
                field="$.sensor",
                remedy="leave it out",
            )

    async def _own(self, request: Request) -> SessionView:
        session_id = checked_session_id(request.path_params["session_id"])
        with reading():
            return await own_session(self._port, caller_of(request.scope), session_id)

    async def _begun(self, wanted: SessionRequest) -> SessionView:
        return await self._port.start(
            wanted.participant,
            stimulus=wanted.stimulus,
            sensor=wanted.sensor,
            session_id=wanted.session_id,
            overrule=wanted.overrule,
            cameras=wanted.cameras,
        )


def _post(
    path: str, summary: str, handler: Handler, *, answers: Any, takes: Any = None, noted: bool = True
) -> Endpoint:
    return Endpoint(
        path=path,
        access=Access.OWN,
        summary=summary,
        method="POST",
        handler=handler,
        body=takes,
        answer=answers,
        noted=noted,
    )


def _check_lead(caller: Caller, wanted: SessionRequest) -> None:
    """Refuse a participant what only whoever runs the session may decide."""
    if caller.subject is None or not (wanted.overrule or wanted.cameras is not None):
        return
    raise ProblemError(
        HTTPStatus.FORBIDDEN,
        "A participant may not overrule the check list" if wanted.overrule else "A participant may not name cameras",
        field="$.overrule" if wanted.overrule else "$.cameras",
        remedy="ask whoever runs the session",
    )


def _keep_others_private(caller: Caller) -> None:
    """What stands against a session may name other people, and what they watch: a participant hears nothing of it."""
    if caller.subject is not None:
        raise ProblemError(HTTPStatus.CONFLICT, "Your session cannot begin now", remedy="ask whoever runs the session")


def _check_says_something(label: NewLabel, place: int) -> None:
    if label.probe is None and label.valence is None and label.arousal is None:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "A label says nothing",
            field=f"$.labels[{place}]",
            remedy="give probe, valence or arousal",
        )
