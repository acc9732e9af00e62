"""Signing in and out, one's own password, and tokens for programs."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud.store.passwords import token_digest
from cloud.store.sign_ins import Caller, Pass
from cloud.web.account_shapes import OwnPassword
from cloud.web.asking import address_of, deed_of
from cloud.web.deps import WebDeps
from cloud.web.guard import COOKIE, caller_of, signed_in_as
from cloud.web.guessing import Guessing
from cloud.web.noting import note_stranger
from cloud.web.problems import ProblemError
from cloud.web.replies import body_of, reply
from cloud.web.shapes import Session, SignIn, Token, TokenRequest

_DAY_MS = 86_400_000


def session_routes(deps: WebDeps) -> list[Route]:
    """The routes `/v1/session` and `/v1/tokens`."""
    handlers = _Handlers(deps)
    return [
        Route("/v1/session", handlers.show, methods=["GET"]),
        Route("/v1/session", handlers.sign_in, methods=["POST"]),
        Route("/v1/session", handlers.sign_out, methods=["DELETE"]),
        Route("/v1/session/password", handlers.change_password, methods=["PUT"]),
        Route("/v1/tokens", handlers.add_token, methods=["POST"]),
    ]


class _Handlers:
    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._guessing = Guessing(deps.clock)

    async def show(self, request: Request) -> Response:
        """Who is signed in, and what they may; 401 for nobody."""
        caller = caller_of(request)
        if not caller:
            raise ProblemError(401, "nobody is signed in", remedy="POST a name and a password here")
        return reply(Session(name=caller.user, role=caller.role))

    async def sign_in(self, request: Request) -> Response:
        """Check the password and set the cookie. Wrong ones cost an address more and more time."""
        wanted, address = await body_of(request, SignIn), address_of(request)
        self._check_patience(address, wanted.name)
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        expires_ms = now_ms + deps.settings.session_days * _DAY_MS
        label = request.headers.get("user-agent", "")
        made = await deps.sign_ins.sign_in(
            wanted.name, wanted.password, label=label, now_ms=now_ms, expires_ms=expires_ms
        )
        if made is None:
            note_stranger(request, wanted.name if await deps.sign_ins.account_exists(wanted.name) else "")
            raise ProblemError(
                401,
                "name or password is wrong",
                remedy="an admin, or on the server `afferent cloud account password NAME`, sets a new one",
            )
        self._guessing.succeeded(address, wanted.name)
        await self._end_cookie(request)
        signed_in_as(request, Caller(wanted.name, "session", made.role))
        return self._welcome(request, wanted.name, made)

    async def sign_out(self, request: Request) -> Response:
        """End the session of the cookie."""
        await self._end_cookie(request)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    async def change_password(self, request: Request) -> Response:
        """Another password for whoever knows the one that was. All else that it opened ends."""
        caller, wanted = _somebody(request), await body_of(request, OwnPassword)
        address = address_of(request)
        self._check_patience(address, caller.user)
        if not await self._deps.sign_ins.check_password(caller.user, wanted.old):
            raise ProblemError(403, "the old password is wrong", field="$.old", remedy="an admin can set a new one")
        self._guessing.succeeded(address, caller.user)
        deed = deed_of(request, "account.password", caller.user)
        kept = token_digest(request.cookies.get(COOKIE, ""))
        await self._deps.accounts.set_password(
            caller.user, wanted.new, deed, now_ms=self._deps.clock.now_ms(), but_digest=kept
        )
        return Response(status_code=204)

    async def add_token(self, request: Request) -> Response:
        """A bearer token for a program. A token makes no tokens."""
        caller, wanted = _somebody(request), await body_of(request, TokenRequest)
        token = await self._deps.sign_ins.issue(
            caller.user, "bearer", label=wanted.label, now_ms=self._deps.clock.now_ms(), expires_ms=None
        )
        return reply(Token(token=token), 201)

    def _check_patience(self, address: str, name: str) -> None:
        """Raise `ProblemError` 429, or count a try."""
        if wait := self._guessing.wait_s(address, name):
            raise ProblemError(
                429, "too many wrong passwords", remedy=f"wait {wait} s", headers={"retry-after": str(wait)}
            )
        self._guessing.tried(address, name)

    async def _end_cookie(self, request: Request) -> None:
        """End what the browser came with: a session that nobody holds any more would go on for its days."""
        if token := request.cookies.get(COOKIE):
            await self._deps.sign_ins.revoke(token)

    def _welcome(self, request: Request, name: str, made: Pass) -> Response:
        response = reply(Session(name=name, role=made.role))
        response.set_cookie(
            COOKIE,
            made.token,
            max_age=self._deps.settings.session_days * _DAY_MS // 1000,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response


def _somebody(request: Request) -> Caller:
    """The caller of a route that is open to nobody."""
    caller = caller_of(request)
    if caller is None:
        raise ProblemError(401, "nobody is signed in", remedy="sign in with a name and a password")
    return caller
