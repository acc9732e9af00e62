"""One session: ended, marked, labelled and told of, by whoever runs it and by whom it is about."""

from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from contract.sessions import NewLabel, SessionMarker, SessionView, StimulusClock
from edge.web.access import Access
from edge.web.callers import caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, Handler, answer, body_of
from edge.web.ownership import own_session
from edge.web.port_problems import checked_session_id, reading, sessions_of, told
from edge.web.problem import ProblemError
from edge.web.session_port import SessionPort
from edge.web.session_views import (
    Kept,
    LabelsRequest,
    MarkerRequest,
    OpenAsk,
    Segments,
    segment_view,
    stimulus_at,
)

_ONE: Final = "/v1/sessions/{session_id}"
_TRACE_BYTES: Final = 128 * 1024
_REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""The report is one page with its styles and pictures in it, and no script."""


class SessionRoutes:
    """`/v1/sessions/{session_id}`. Participants may use what is about their own sessions."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
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

    async def _own(self, request: Request) -> SessionView:
        session_id = checked_session_id(request.path_params["session_id"])
        with reading():
            return await own_session(self._port, caller_of(request.scope), session_id)


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


def _check_says_something(label: NewLabel, place: int) -> None:
    if label.probe is None and label.valence is None and label.arousal is None:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "A label says nothing",
            field=f"$.labels[{place}]",
            remedy="give probe, valence or arousal",
        )
