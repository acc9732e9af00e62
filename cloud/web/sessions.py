"""Signing in and out, and tokens for programs."""

from starlette.requests import Request
from starlette.responses import Response

from cloud.web.attempts import Attempts
from cloud.web.deps import WebDeps
from cloud.web.guard import COOKIE, caller_of
from cloud.web.problems import ProblemError
from cloud.web.replies import body_of, reply
from cloud.web.shapes import Session, SignIn, Token, TokenRequest

_DAY_MS = 86_400_000


class Sessions:
    """The handlers of `/v1/session` and `/v1/tokens`."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._attempts = Attempts(deps.clock)

    async def show(self, request: Request) -> Response:
        """Who is signed in; 401 for nobody."""
        caller = caller_of(request)
        if not caller:
            raise ProblemError(401, "nobody is signed in", remedy="POST a name and a password here")
        return reply(Session(name=caller.user))

    async def sign_in(self, request: Request) -> Response:
        """Check the password and set the cookie. Wrong ones cost an address more and more time."""
        address = request.client.host if request.client else "unknown"
        if wait := self._attempts.wait_s(address):
            raise ProblemError(
                429, "too many wrong passwords", remedy=f"wait {wait} s", headers={"retry-after": str(wait)}
            )
        wanted = await body_of(request, SignIn)
        self._attempts.failed(address)  # before the check: tries at the same time count too
        if not await self._deps.accounts.check_password(wanted.name, wanted.password):
            raise ProblemError(401, "name or password is wrong", remedy="`afferent cloud user add` sets a new one")
        self._attempts.succeeded(address)
        return await self._signed_in(request, wanted.name)

    async def sign_out(self, request: Request) -> Response:
        """End the session of the cookie."""
        if token := request.cookies.get(COOKIE):
            await self._deps.accounts.revoke(token)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    async def add_token(self, request: Request) -> Response:
        """A bearer token for a program. Needs a session: a token makes no tokens."""
        caller = caller_of(request)
        if not caller or caller.kind != "session":
            raise ProblemError(403, "only a signed-in person can make tokens", remedy="sign in with a password")
        wanted = await body_of(request, TokenRequest)
        token = await self._deps.accounts.issue(
            caller.user, "bearer", label=wanted.label, now_ms=self._deps.clock.now_ms(), expires_ms=None
        )
        return reply(Token(token=token), 201)

    async def _signed_in(self, request: Request, name: str) -> Response:
        deps, now = self._deps, self._deps.clock.now_ms()
        lasts_ms = deps.settings.session_days * _DAY_MS
        label = request.headers.get("user-agent", "")
        token = await deps.accounts.issue(name, "session", label=label, now_ms=now, expires_ms=now + lasts_ms)
        response = reply(Session(name=name))
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, max_age=lasts_ms // 1000, httponly=True, samesite="lax", secure=secure)
        return response
