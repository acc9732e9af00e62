"""Signing in and out, and who one is."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edge.web.access import Access
from edge.web.auth import Auth, TooManyAttemptsError, WrongPasswordError
from edge.web.callers import COOKIE, LINK_COOKIE, caller_of
from edge.web.deed import deed_of
from edge.web.endpoint import Endpoint, answer, body_of
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
        caller, deed = caller_of(request.scope), deed_of(request.scope)
        deed.actor, deed.target = "-", self._attempted(wanted.account)
        with sign_in_problems():
            session = await self._auth.sign_in(
                wanted.password, caller.address, account=wanted.account, program=caller.program
            )
        deed.actor = wanted.account
        signed = self._auth.who(session.token)
        response = answer(
            NewSessionView(
                user=wanted.account,
                token=session.token,
                expires_ms=session.expires_ms,
                role=signed.role if signed else "viewer",
            )
        )
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
        caller = caller_of(request.scope)
        if caller.role is None:
            deed_of(request.scope).action = ""  # nobody was signed in, so nothing is done
        elif caller.token:
            await self._auth.sign_out(caller.token)
        response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})
        for cookie in (COOKIE, LINK_COOKIE):
            response.delete_cookie(cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    def _attempted(self, account: str) -> str:
        """Whom an attempt was for. A name that is no account is not repeated: people type passwords there."""
        try:
            return f"account={account}" if self._auth.accounts.of(account) else "account unknown"
        except PasswordFileError:
            return "accounts unreadable"


@contextmanager
def sign_in_problems(*, field: str = "password") -> Iterator[None]:
    """Inside, what keeps somebody from signing in becomes a problem about `field`."""
    try:
        yield
    except WrongPasswordError as error:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED if field == "password" else HTTPStatus.FORBIDDEN,
            "The password is wrong",
            field=field,
            remedy="ask an admin, or make a new one for admin with the command line on the appliance",
            headers={"WWW-Authenticate": 'Bearer realm="afferent"'},
        ) from error
    except PasswordFileError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Nobody can sign in: the file of accounts is damaged",
            remedy="make a new password on the appliance: afferent edge password --reset",
        ) from error
    except TooManyAttemptsError as error:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            str(error),
            field=field,
            headers={"Retry-After": str(error.retry_after_s)},
        ) from error
