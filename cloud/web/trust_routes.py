"""How devices become known (open to all, as bounded and as silent as a door can be), and who looks after that."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, NoReturn, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cloud.trust.desk import TrustDesk
from cloud.trust.errors import NoAuthorityError, TrustError
from cloud.trust.register import Asker, Held
from cloud.web.attempts import Attempts
from cloud.web.guard import caller_of
from cloud.web.noting import leave_to_handler
from cloud.web.problems import WHICH_DEVICES, ProblemError
from cloud.web.replies import body_of, reply
from cloud.web.trust_paths import REVOKED_PATH
from cloud.web.trust_shapes import Certificate, CertificateList, Invitation, InvitationRequest, Revoked, TrustedDevices
from cloud.web.trust_shapes import TrustedDevice as Trusted
from contract.enrolment import AUTHORITY_PATH, CLAIM_PATH, RENEW_PATH, Claim, Renewal
from contract.errors import InvalidIdError
from contract.ids import check_id

_PEM: Final = "application/x-pem-file"
_T = TypeVar("_T")


def trust_routes(trust: TrustDesk) -> list[Route]:
    """The routes; refusals are counted by address, apart from those of the sign-in."""
    door, desk = _Door(trust), _Desk(trust)
    return [
        Route(CLAIM_PATH, door.claim, methods=["POST"]),
        Route(RENEW_PATH, door.renew, methods=["POST"]),
        Route(AUTHORITY_PATH, door.authority),
        Route(REVOKED_PATH, door.revoked),
        Route("/v1/trust/devices", desk.devices),
        Route("/v1/devices/{device}/certificates", desk.certificates),
        Route("/v1/devices/{device}/invitation", desk.invite, methods=["POST"]),
        Route("/v1/devices/{device}/revocation", desk.revoke, methods=["POST"]),
    ]


class _Door:
    """For strangers and devices."""

    def __init__(self, trust: TrustDesk) -> None:
        self._trust = trust
        self._attempts = Attempts(trust.clock)

    async def claim(self, request: Request) -> Response:
        """A token buys a certificate."""
        return await self._buy(request, Claim, self._trust.enrolment.claim)

    async def renew(self, request: Request) -> Response:
        """A certificate buys the next one."""
        return await self._buy(request, Renewal, self._trust.enrolment.renew)

    async def authority(self, _request: Request) -> Response:
        """The authority's certificate."""
        pem = await _answered(asyncio.to_thread(self._trust.authority.pem))
        return PlainTextResponse(pem, media_type=_PEM)

    async def revoked(self, _request: Request) -> Response:
        """The list of the revoked."""
        pem = await _answered(asyncio.to_thread(self._trust.authority.revocation_list))
        return PlainTextResponse(pem, media_type=_PEM)

    async def _buy(self, request: Request, kind: type[Any], sell: Any) -> Response:
        address = request.client.host if request.client else "unknown"
        if wait := self._attempts.wait_s(address):
            raise ProblemError(429, "too many refusals", remedy=f"wait {wait} s", headers={"retry-after": str(wait)})
        try:
            return reply(await _answered(sell(await body_of(request, kind))))
        except ProblemError as error:
            if error.status < 500:  # noqa: PLR2004 - what is our fault costs them nothing
                self._attempts.failed(address)
            raise


class _Desk:
    """For people and their programs, who signed in."""

    def __init__(self, trust: TrustDesk) -> None:
        self._trust = trust

    async def devices(self, _request: Request) -> Response:
        """Every device that was invited or certified."""
        rows = await self._trust.register.devices()
        return reply(TrustedDevices(items=[Trusted(**row._asdict()) for row in rows]))

    async def certificates(self, request: Request) -> Response:
        """The certificates of one device, newest first."""
        rows = await self._trust.register.certificates_of(_device_of(request))
        return reply(CertificateList(items=[_certificate_of(row) for row in rows]))

    async def invite(self, request: Request) -> Response:
        """A token for one device, shown this once."""
        device, wanted = _device_of(request), await body_of(request, InvitationRequest)
        token = await _answered(self._trust.enrolment.invite(device, by=_asker(request), hours=wanted.hours))
        return reply(Invitation(device=device, token=token), 201)

    async def revoke(self, request: Request) -> Response:
        """End all certificates and invitations of one device."""
        device = _device_of(request)
        ended = await _answered(self._trust.revocation.revoke(device, by=_asker(request)))
        return reply(Revoked(device=device, certificates=ended))


async def _answered(question: Awaitable[_T]) -> _T:
    try:
        return await question
    except TrustError as error:
        _refuse(error)


def _refuse(error: TrustError) -> NoReturn:
    if isinstance(error, NoAuthorityError):  # its words name files of ours
        remedy = "on the server: afferent cloud authority init"
        raise ProblemError(503, "this server keeps no authority", remedy=remedy) from error
    raise ProblemError(403, str(error), remedy="see docs/trust.md") from error


def _asker(request: Request) -> Asker:
    """Noted where it is done."""
    leave_to_handler(request)
    caller = caller_of(request)
    return Asker(caller.user if caller else "", request.client.host if request.client else "")


def _device_of(request: Request) -> str:
    try:
        return check_id(request.path_params["device"], "device")
    except InvalidIdError as error:
        raise ProblemError(404, str(error), field="device", remedy=WHICH_DEVICES) from error


def _certificate_of(row: Held) -> Certificate:
    return Certificate(
        serial=row.serial, issued_ms=row.issued_ms, expires_ms=row.expires_ms, revoked_ms=row.revoked_ms, pem=row.pem
    )
