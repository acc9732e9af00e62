"""One's own sign-in: the sessions that are open, to end them, and one's password, to change it."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edge.web.access import Access
from edge.web.account_routes import refusals
from edge.web.account_views import Ended, OwnPassword, SignInsView, SignInView
from edge.web.auth import Auth
from edge.web.callers import Caller, caller_of
from edge.web.deed import deed_of
from edge.web.endpoint import Endpoint, answer, body_of
from edge.web.problem import ProblemError
from edge.web.sign_in import sign_in_problems
from edge.web.sign_ins import SignIn, key_of

_ALL: Final = "/v1/sign-ins"
_ID_LENGTH: Final = 16
"""Digits of the digest of a token by which a session is named: they sign nobody in."""


class SignInsRoutes:
    """`/v1/sign-ins` and `/v1/session/password`."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        own = Access.ACCOUNT
        return [
            Endpoint(
                path=_ALL,
                access=own,
                summary="Open sessions: one's own, to an admin everybody's",
                handler=self.open_now,
                answer=SignInsView,
            ),
            Endpoint(
                path=_ALL,
                access=own,
                summary="Sign out everywhere, here too",
                method="DELETE",
                handler=self.end_mine,
                answer=Ended,
            ),
            Endpoint(
                path=f"{_ALL}/{{sign_in}}",
                access=own,
                summary="End one of them",
                method="DELETE",
                handler=self.end,
                answer=Ended,
            ),
            Endpoint(
                path="/v1/session/password",
                access=own,
                summary="Change one's own password, which ends one's other sessions",
                method="PUT",
                handler=self.password,
                body=OwnPassword,
                status=HTTPStatus.NO_CONTENT,
            ),
        ]

    async def open_now(self, request: Request) -> Response:
        """Those that the caller may see."""
        caller = caller_of(request.scope)
        views = [_view(key, one, caller) for key, one in self._seen_by(caller)]
        return answer(SignInsView(sign_ins=sorted(views, key=lambda view: -view.since_ms)))

    async def end_mine(self, request: Request) -> Response:
        """All of one's own."""
        return answer(Ended(ended=await self._auth.end_all(caller_of(request.scope).user or "")))

    async def end(self, request: Request) -> Response:
        """One that the caller may see."""
        named = request.path_params["sign_in"]
        found = [(key, one) for key, one in self._seen_by(caller_of(request.scope)) if key[:_ID_LENGTH] == named]
        if not found:
            raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such session", field="sign_in")
        deed_of(request.scope).target = f"account={found[0][1].account}"
        return answer(Ended(ended=await self._auth.sign_ins.end(key for key, _ in found)))

    async def password(self, request: Request) -> Response:
        """Another password, for who knows the old one."""
        caller = caller_of(request.scope)
        said: OwnPassword = await body_of(request, OwnPassword)
        with sign_in_problems(field="$.old"):
            await self._auth.check(caller.user or "", said.old, caller.address)
        with refusals():
            await self._auth.set_own_password(caller.token or "", await self._auth.hashed(said.new))
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})

    def _seen_by(self, caller: Caller) -> list[tuple[str, SignIn]]:
        return self._auth.live(None if caller.is_at_least("admin") else caller.user)


def _view(key: str, one: SignIn, caller: Caller) -> SignInView:
    return SignInView(
        id=key[:_ID_LENGTH],
        account=one.account,
        since_ms=one.since_ms,
        expires_ms=one.expires_ms,
        address=one.address,
        program=one.program,
        here=caller.token is not None and key_of(caller.token) == key,
    )
