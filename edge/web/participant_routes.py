"""Participants: who they are (by pseudonym), that they agreed, the link that lets them take part, and their erasure."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from contract.messages import Erasure
from contract.sessions import ConsentText, Participant
from edge.web.access import Access
from edge.web.accounts import ADMIN
from edge.web.callers import caller_of
from edge.web.deps import WebDeps
from edge.web.endpoint import Endpoint, answer, body_of, owner_get
from edge.web.ownership import check_own
from edge.web.passwords import PasswordFileError
from edge.web.port_problems import checked_id, reading, sessions_of, told
from edge.web.problem import ProblemError
from edge.web.session_port import SessionPort
from edge.web.session_views import ConsentRequest, LinkView, ParticipantRequest, Participants

_ONE: Final = "/v1/participants/{participant}"
PAGE: Final = "/participant"
"""Where the page of participants is."""
_THEMSELVES: Final = "their own page"


class ParticipantRoutes:
    """`/v1/participants` and `/v1/consent`: for who has an account; a participant may read the text and agree to it."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        owner = Access.SIGNED_IN
        return [
            owner_get("/v1/participants", "Everybody who is known, by pseudonym", self.everybody, Participants),
            Endpoint(
                path=_ONE,
                access=owner,
                summary="Make or change a participant; nothing else is stored of them before they agreed",
                method="PUT",
                handler=self.put,
                body=ParticipantRequest,
                answer=Participant,
            ),
            Endpoint(
                path=_ONE,
                access=Access.ADMIN,
                summary="Erase everything of a participant, here and by and by in the cloud; their links end",
                method="DELETE",
                handler=self.erase,
                answer=Erasure,
            ),
            Endpoint(
                path=f"{_ONE}/consent",
                access=Access.OWN,
                summary="Record that they agree to the text of now, or take it back, which ends their session",
                method="POST",
                handler=self.consent,
                body=ConsentRequest,
                answer=Participant,
            ),
            Endpoint(
                path=f"{_ONE}/link",
                access=owner,
                summary="A link by which they take part, and may do nothing else",
                method="POST",
                handler=self.link,
                answer=LinkView,
                status=HTTPStatus.CREATED,
            ),
            Endpoint(
                path="/v1/consent",
                access=Access.OWN,
                summary="The text that participants agree to now",
                handler=self.text,
                answer=ConsentText,
            ),
        ]

    async def everybody(self, _request: Request) -> Response:
        """All of them."""
        with reading():
            return answer(Participants(participants=list(self._port.participants())))

    async def text(self, _request: Request) -> Response:
        """What they agree to."""
        return answer(self._port.consent_text())

    async def put(self, request: Request) -> Response:
        """Make or change one."""
        participant = _named(request)
        wanted: ParticipantRequest = await body_of(request, ParticipantRequest)
        with told("participant"):
            return answer(await self._port.put_participant(participant, sensor=wanted.sensor, note=wanted.note))

    async def consent(self, request: Request) -> Response:
        """Record what they said; where they say it themselves, nobody can be named as their witness."""
        participant, caller = _named(request), caller_of(request.scope)
        check_own(caller, participant)
        said: ConsentRequest = await body_of(request, ConsentRequest)
        witness = said.witness if caller.subject is None else _THEMSELVES
        with told("$.text_sha256"):
            return answer(
                await self._port.consent(participant, given=said.given, text_sha256=said.text_sha256, witness=witness)
            )

    async def erase(self, request: Request) -> Response:
        """Erase everything of them. Their links end first, so that nothing new comes in meanwhile."""
        participant = _named(request)
        await self._deps.auth.revoke(participant)
        with told("participant"):
            return answer(await self._port.erase(participant))

    async def link(self, request: Request) -> Response:
        """A link for somebody who is known."""
        participant = _named(request)
        with reading():
            known = {one.id for one in self._port.participants()}
        if participant not in known:
            detail = f"There is no participant {participant}"
            raise ProblemError(
                HTTPStatus.NOT_FOUND, detail, field="participant", remedy=f"PUT /v1/participants/{participant} first"
            )
        try:
            made = await self._deps.auth.link(
                participant, self._deps.settings.participant_link_hours, by=caller_of(request.scope).user or ADMIN
            )
        except PasswordFileError as error:
            remedy = "make a new password on the appliance: afferent edge password --reset"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), remedy=remedy) from error
        path = f"{PAGE}?token={made.token}&participant={participant}"  # the page must know whom it speaks to
        told_once = LinkView(token=made.token, path=path, expires_ms=made.expires_ms)
        return answer(told_once, HTTPStatus.CREATED)

    @property
    def _port(self) -> SessionPort:
        return sessions_of(self._deps)


def _named(request: Request) -> str:
    return checked_id(request.path_params["participant"], "participant")
