"""Signing in and out, and who one is."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edge.web.auth import USER, Auth, NewSession, TooManyAttemptsError, WrongPasswordError
from edge.web.callers import COOKIE, LINK_COOKIE, caller_of
from edge.web.endpoint import Endpoint, answer, body_of
from edge.web.gate import Access
from edge.web.passwords import PasswordFileError
from edge.web.problem import ProblemError
from edge.web.views import CallerView, NewSessionView, SignInRequest

_PATH: Final = "/v1/session"


class SignInRoutes:
    """`/v1/session`: the cookie is out of scripts' reach and never sent along from another site."""

    def __init__(self, auth: Auth, *, session_days: int) -> None:
        self._auth = auth
        self._max_age_s = session_days * 86_400

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        everybody = Access.PUBLIC
        return [
            Endpoint(path=_PATH, access=everybody, summary="Who asks", handler=self.who, answer=CallerView),
            Endpoint(
                path=_PATH,
                access=everybody,
                summary="Sign in",
                method="POST",
                handler=self.sign_in,
                answer=NewSessionView,
                body=SignInRequest,
            ),
            Endpoint(
                path=_PATH,
                access=everybody,
                summary="Sign out",
                method="DELETE",
                handler=self.sign_out,
                status=HTTPStatus.NO_CONTENT,
            ),
        ]

    async def who(self, request: Request) -> Response:
        """Who asks, also when nobody signed in."""
        caller = caller_of(request.scope)
        return answer(
            CallerView(
                signed_in=caller.user is not None,
                user=caller.user,
                open=caller.open,
                role=caller.role,
                subject=caller.subject,
            )
        )

    async def sign_in(self, request: Request) -> Response:
        """Check the password and open a session."""
        wanted = await body_of(request, SignInRequest)
        session = await self._open(wanted.password, caller_of(request.scope).address)
        response = answer(NewSessionView(user=USER, token=session.token, expires_ms=session.expires_ms))
        response.set_cookie(
            COOKIE,
            session.token,
            max_age=self._max_age_s,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the caller's session, if there is one."""
        if token := caller_of(request.scope).token:
            await self._auth.sign_out(token)
        response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})
        for cookie in (COOKIE, LINK_COOKIE):
            response.delete_cookie(cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    async def _open(self, password: str, address: str) -> NewSession:
        try:
            return await self._auth.sign_in(password, address)
        except WrongPasswordError as error:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "The password is wrong",
                field="password",
                remedy="it was printed at the first start; make a new one with the command line on the appliance",
                headers={"WWW-Authenticate": 'Bearer realm="afferent"'},
            ) from error
        except PasswordFileError as error:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Nobody can sign in: the password's file is damaged",
                remedy="make a new password on the appliance: afferent edge password --reset",
            ) from error
        except TooManyAttemptsError as error:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                str(error),
                field="password",
                headers={"Retry-After": str(error.retry_after_s)},
            ) from error
