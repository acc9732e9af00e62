"""What every request passes first: the host it asks for, the page it comes from, and who makes it."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.auth import Auth, Signed
from edge.web.callers import (
    Caller,
    address_of,
    bearer_of,
    is_within,
    parse_networks,
    remember,
    tokens_of,
)
from edge.web.deed import begin_deed, deed_of
from edge.web.problem import ProblemError, problem_response
from edge.web.settings import WebSettings, https_of

_SAFE_METHODS: Final = {"GET", "HEAD", "OPTIONS"}
_OWN_SITES: Final = {"none", "same-origin"}
"""What a browser says of where a request came from, if it was neither another site nor another port of this one."""
_POLICY: Final = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_SECURITY: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Gate:
    """Middleware: refuses foreign hosts and foreign pages, notes the caller, adds the security headers."""

    def __init__(self, app: ASGIApp, *, auth: Auth, settings: WebSettings, is_legacy: Callable[[str], bool]) -> None:
        self._app = app
        self._auth = auth
        self._hosts = known_hosts(settings)
        self._hsts = _hsts_of(settings)
        self._origins = frozenset(settings.cors_origins)
        self._open = parse_networks(settings.open_networks, "web.open_networks")
        self._scrapers = parse_networks(settings.metrics_networks, "web.metrics_networks")
        self._behind_proxy = bool(settings.trusted_proxies)
        self._is_legacy = is_legacy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check and pass on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        outward = _with_security_headers(send, self._headers(scope))
        remember(scope, self._identify(scope, headers))
        if refusal := self._refusal(scope, headers):
            _note(scope, headers, refusal)
            await problem_response(refusal)(scope, receive, outward)
            return
        await self._app(scope, receive, outward)

    def _headers(self, scope: Scope) -> dict[str, str]:
        own = {} if self._is_legacy(scope["path"]) else {"Cross-Origin-Resource-Policy": "same-origin"}
        return {**_SECURITY, **own, **(self._hsts if scope["scheme"] == "https" else {})}

    def _refusal(self, scope: Scope, headers: Headers) -> ProblemError | None:
        host = headers.get("host", "")
        if not is_known_host(host, self._hosts):
            detail = f"This appliance does not answer to the host {host!r:.100}"
            return ProblemError(
                HTTPStatus.MISDIRECTED_REQUEST, detail, field="Host", remedy="add the name to web.allowed_hosts"
            )
        unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        return self._foreign_page(scope, headers) if unsafe else None

    def _foreign_page(self, scope: Scope, headers: Headers) -> ProblemError | None:
        """Refuse what a page of somebody else would do in the name of whoever looks at it."""
        origin = headers.get("origin")
        if origin is None:
            where = headers.get("sec-fetch-site", "none")
            if where in _OWN_SITES or (self._is_legacy(scope["path"]) and not headers.get("cookie")):
                return None
            detail = f"Pages of other sites ({where!r:.40}) may not do this"
            return ProblemError(HTTPStatus.FORBIDDEN, detail, field="Sec-Fetch-Site")
        if self._is_legacy(scope["path"]) and origin in self._origins:
            return None
        if is_own_origin(origin, headers.get("host", ""), scope["scheme"]):
            return None
        detail = f"Pages of {origin!r:.100} may not do this"
        return ProblemError(HTTPStatus.FORBIDDEN, detail, field="Origin", remedy="add the origin to web.cors_origins")

    def _identify(self, scope: Scope, headers: Headers) -> Caller:
        address = address_of(scope, headers, behind_proxy=self._behind_proxy)
        token, signed = self._signed(headers)
        return Caller(
            address,
            program=headers.get("user-agent", ""),
            user=signed.account if signed and signed.participant is None else None,
            rank=signed.role if signed else "viewer",
            token=token,
            participant=signed.participant if signed else None,
            vain=signed is None and bearer_of(headers) is not None,
            open=is_within(address, self._open),
            scraper=is_within(address, self._scrapers),
        )

    def _signed(self, headers: Headers) -> tuple[str | None, Signed | None]:
        tokens = tokens_of(headers)
        for token in tokens:
            if signed := self._auth.who(token):
                return token, signed
        return next(iter(tokens), None), None


@dataclass(frozen=True, slots=True)
class CorsFamily:
    """What web pages of the configured origins may send to one family of existing clients' routes."""

    owns: Callable[[str], bool]
    """Whether a path is one of the family."""
    methods: tuple[str, ...] = ("*",)
    headers: tuple[str, ...] = ("*",)


class LegacyCors:
    """Middleware: lets the web pages of existing clients use their own routes, and no other (S0.41, S1.25)."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...], families: tuple[CorsFamily, ...]) -> None:
        self._plain = app
        self._families = [(family.owns, _cors(app, origins, family)) for family in families]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights, mark answers, pass on everything else."""
        app = self._plain
        if scope["type"] == "http":
            app = next((cors for owns, cors in self._families if owns(scope["path"])), app)
        await app(scope, receive, send)


def _cors(app: ASGIApp, origins: tuple[str, ...], family: CorsFamily) -> CORSMiddleware:
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_credentials=True,
        allow_methods=family.methods,
        allow_headers=family.headers,
        # With credentials browsers take "*" literally, hence the names beside it.
        expose_headers=["*", "Content-Length", "Retry-After", "X-Camera-Kept"],
    )


def is_known_host(host: str, names: set[str]) -> bool:
    """Whether a Host header is an IP address or a known name. DNS rebinding needs a name, so addresses are safe."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = (parts.hostname or ""), parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.path:
        return False
    return name in names or is_within(name, _EVERYWHERE)


def is_own_origin(origin: str, host: str, scheme: str) -> bool:
    """Whether a page of this origin is ours: the host is that of the request, and HTTPS is not asked by a page of HTTP.

    The other way round is let through: a proxy that does TLS may not say so.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    secure = scheme in {"https", "wss"}
    return parts.netloc.lower() == host.lower() != "" and parts.scheme in ({"https"} if secure else {"http", "https"})


def _note(scope: Scope, headers: Headers, refusal: ProblemError) -> None:
    """For the audit log: which page it was, but not the path, which may tell of participants."""
    field = refusal.problem.field or ""
    begin_deed(scope, "a page of somebody else")
    deed_of(scope).target = f"{field}={headers.get(field, '')}"


def known_hosts(settings: WebSettings) -> set[str]:
    """The names by which the appliance may be addressed."""
    return {"localhost", *own_names(), *(name.lower() for name in settings.allowed_hosts)}


def _hsts_of(settings: WebSettings) -> dict[str, str]:
    """Never for a certificate that browsers warn of: who insists on HTTPS lets nobody look past that."""
    if not settings.hsts_days or https_of(settings) != "files":
        return {}
    return {"Strict-Transport-Security": f"max-age={settings.hsts_days * 86_400}"}


def own_names() -> set[str]:
    """The machine's name, and by multicast DNS."""
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local"}


def _with_security_headers(send: Send, shown: dict[str, str]) -> Send:
    async def outward(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in shown.items():
                headers.setdefault(name, value)
        await send(message)

    return outward


_EVERYWHERE: Final = parse_networks(("0.0.0.0/0", "::/0"), "everywhere")
