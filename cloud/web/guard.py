"""The door: who calls, where a request that changes something may come from, and headers that keep a page ours.

What a caller may do is said by the table of the API, route by route: see `cloud.web.access`.
"""

import hmac
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.store.clock import Clock
from cloud.store.errors import StoreUnavailableError
from cloud.store.sign_ins import Caller, SignIns
from cloud.web.problems import ProblemError

COOKIE: Final = "afferent_cloud_session"
_CALLER: Final = "afferent.caller"
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_OWN_PAGE: Final = "open this cloud's own page and do it there; behind a proxy, see web.trusted_proxies"
_SCRAPER: Final = Caller("-", "scraper", "viewer")
"""Whoever has the token of `web.metrics_token_secret`, at `/metrics` alone."""


class Guard:
    """Finds out who calls, by session cookie or bearer token, and refuses what other sites make a browser send."""

    def __init__(self, app: ASGIApp, *, sign_ins: SignIns, clock: Clock, metrics_token: str | None) -> None:
        self._app = app
        self._sign_ins = sign_ins
        self._clock = clock
        self._metrics_token = metrics_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 503 instead of the app where need be."""
        if scope["type"] == "http":
            try:
                scope[_CALLER] = await self._admit(scope)
            except ProblemError as error:
                await error.response()(scope, receive, send)
                return
            if scope["method"] not in _SAFE and scope[_CALLER]:
                receive = self._asking_again(scope, scope[_CALLER], receive)
        await self._app(scope, receive, send)

    def _asking_again(self, scope: Scope, caller: Caller, receive: Receive) -> Receive:
        """A body may come long after its head: what its sender might do then, and not before, is what counts."""

        async def received() -> Message:
            message = await receive()
            is_last = message["type"] == "http.request" and not message.get("more_body")
            if is_last and await self._admit(scope) != caller:
                raise ProblemError(403, "who calls may no longer do this", remedy="sign in again")
            return message

        return received

    async def _admit(self, scope: Scope) -> Caller | None:
        request = Request(scope)
        bearer = bearer_of(request.headers)
        if scope["method"] not in _SAFE and bearer is None:
            _check_origin(request)
        if scope["path"] == "/metrics" and bearer and self._may_scrape(bearer):
            return _SCRAPER
        return await self._caller(bearer or request.cookies.get(COOKIE))

    def _may_scrape(self, bearer: str) -> bool:
        return bool(self._metrics_token) and hmac.compare_digest(bearer.encode(), str(self._metrics_token).encode())

    async def _caller(self, token: str | None) -> Caller | None:
        if not token or len(token) > 200:  # noqa: PLR2004 - ours are shorter
            return None
        try:
            return await self._sign_ins.caller(token, self._clock.now_ms())
        except StoreUnavailableError as error:
            raise ProblemError(503, "the database is away", remedy="try again later") from error


def caller_of(request: Request) -> Caller | None:
    """Who calls, as `Guard` found."""
    return caller_in(request.scope)


def caller_in(scope: Scope) -> Caller | None:
    """The same, of a scope."""
    found: Caller | None = scope.get(_CALLER)
    return found


def signed_in_as(request: Request, caller: Caller) -> None:
    """Whoever called as nobody is somebody now: what the rest of the request does is theirs."""
    request.scope[_CALLER] = caller


def person_of(request: Request) -> str | None:
    """The account whose own records alone the caller may see: of the persons it is tied to. None is everybody's."""
    caller = caller_of(request)
    return caller.user if caller and caller.role == "member" else None


def bearer_of(headers: Headers) -> str | None:
    """The bearer token of a request, if it brings one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _check_origin(request: Request) -> None:
    """A browser says where a request comes from; what other sites make it send is refused (SameSite=Lax helps)."""
    origin = request.headers.get("origin")
    if origin and not _is_ours(origin, request):
        raise ProblemError(
            403, f"a page of {origin!r:.80} may not change anything here", field="Origin", remedy=_OWN_PAGE
        )
    if not origin and request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise ProblemError(403, "another site may not change anything here", field="Sec-Fetch-Site", remedy=_OWN_PAGE)


def _is_ours(origin: str, request: Request) -> bool:
    """By host; and a page that came in the clear may not act where we are sure of having been reached by TLS."""
    try:
        said = urlsplit(origin)
    except ValueError:
        return False
    downgraded = said.scheme == "http" and request.url.scheme == "https"
    return said.netloc == request.headers.get("host") and not downgraded


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
