"""Which sessions there are, and what it takes to begin one: for whoever runs them and for whom they are about."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from contract.sessions import CheckList, SessionView
from edge.core.errors import RefusedError, UnknownError
from edge.web.access import Access
from edge.web.callers import Caller, caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, Query, answer, body_of, integer_of, owner_get
from edge.web.ownership import check_free, check_own, has_agreed
from edge.web.port_problems import checked_id, checked_session_id, reading, sessions_of, told
from edge.web.problem import ProblemError
from edge.web.session_port import SessionPort
from edge.web.session_views import SessionRequest, Sessions

_ALL: Final = "/v1/sessions"
_PARTICIPANT: Final = Query(name="participant", about="Only of this participant")
_LIMIT: Final = Query(name="limit", kind=int, about="At most so many", default=50, least=1, most=500)
_FOR: Final = (
    Query(name="participant", about="Whose session it would be"),
    Query(name="stimulus", about="What they would watch"),
    Query(name="sensor", about="What they would wear, if not their own"),
)


class SessionsRoutes:
    """`/v1/sessions`. Participants may see and begin their own."""

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
            Endpoint(
                path=_ALL,
                access=Access.OWN,
                summary="Begin a session",
                method="POST",
                handler=self.start,
                body=SessionRequest,
                answer=SessionView,
            ),
            owner_get(f"{_ALL}/checks", "What stands between now and a session", self.checks, CheckList, _FOR),
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

    @property
    def _port(self) -> SessionPort:
        return sessions_of(self._deps)

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

    async def _begun(self, wanted: SessionRequest) -> SessionView:
        return await self._port.start(
            wanted.participant,
            stimulus=wanted.stimulus,
            sensor=wanted.sensor,
            session_id=wanted.session_id,
            overrule=wanted.overrule,
            cameras=wanted.cameras,
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
