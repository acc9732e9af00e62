"""The door: who may pass, where a request that changes something may come from, and headers that keep a page ours."""

import hmac
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.store.accounts import Accounts, Caller
from cloud.store.clock import Clock
from cloud.store.errors import StoreUnavailableError
from cloud.web.problems import ProblemError
from cloud.web.trust_paths import OPEN_PATHS

COOKIE: Final = "afferent_cloud_session"
_CALLER: Final = "afferent.caller"
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_OPEN: Final = {"/", "/healthz", "/readyz", "/openapi.json", "/favicon.ico", "/v1/session", *OPEN_PATHS}
_OPEN_BELOW: Final = "/console/"


class Guard:
    """Lets through what is open to all, and callers with a valid session cookie or bearer token."""

    def __init__(self, app: ASGIApp, *, accounts: Accounts, clock: Clock, metrics_token: str | None) -> None:
        self._app = app
        self._accounts = accounts
        self._clock = clock
        self._metrics_token = metrics_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 403 instead of the app where need be."""
        if scope["type"] == "http":
            try:
                scope[_CALLER] = await self._admit(scope)
            except ProblemError as error:
                await error.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Caller | None:
        request, path = Request(scope), str(scope["path"])
        bearer = bearer_of(request.headers)
        if scope["method"] not in _SAFE and bearer is None:
            _check_origin(request)
        caller = await self._caller(bearer or request.cookies.get(COOKIE))
        if caller or path in _OPEN or path.startswith(_OPEN_BELOW):
            return caller
        if path == "/metrics" and bearer and self._may_scrape(bearer):
            return None
        raise ProblemError(
            401,
            "this needs a sign-in",
            remedy="sign in at / or send 'Authorization: Bearer TOKEN' with a token of `afferent cloud token add`",
            headers={"www-authenticate": "Bearer"},
        )

    def _may_scrape(self, bearer: str) -> bool:
        return bool(self._metrics_token) and hmac.compare_digest(bearer.encode(), str(self._metrics_token).encode())

    async def _caller(self, token: str | None) -> Caller | None:
        if not token or len(token) > 200:  # noqa: PLR2004 - ours are shorter
            return None
        try:
            return await self._accounts.caller(token, self._clock.now_ms())
        except StoreUnavailableError as error:
            raise ProblemError(503, "the database is away", remedy="try again later") from error


def caller_of(request: Request) -> Caller | None:
    """Who calls, as `Guard` found."""
    found: Caller | None = request.scope.get(_CALLER)
    return found


def bearer_of(headers: Headers) -> str | None:
    """The bearer token of a request, if it brings one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _check_origin(request: Request) -> None:
    """A browser says where a request comes from; what other sites make it send is refused (SameSite=Lax helps)."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise ProblemError(403, f"a page of {origin!r:.80} may not change anything here", field="Origin")
    if not origin and request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise ProblemError(403, "another site may not change anything here", field="Sec-Fetch-Site")


class SafeHeaders:
    """Adds to every response what keeps other sites from using it."""

    def __init__(self, app: ASGIApp, *, media_origin: str) -> None:
        self._app = app
        self._policy = (
            "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
            f"form-action 'self'; frame-ancestors 'none'; media-src 'self' {media_origin}".strip()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = self._policy
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cross-origin-resource-policy"] = "same-origin"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
