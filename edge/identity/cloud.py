"""The cloud's side of enrolment over HTTPS. One question is one connection: there is one in two months."""

import http.client
import socket
import ssl
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from contract.enrolment import AUTHORITY_PATH, CLAIM_PATH, RENEW_PATH, Claim, Credentials, Renewal
from edge.core.clock import SystemClock
from edge.core.errors import LinkError, RefusedError
from edge.core.pace import Pace
from edge.core.paced_socket import PacedSocket

_LARGEST_ANSWER: Final = 64 * 1024
_CONNECT_S: Final = 5.0
_OK: Final = (200, 201)
_LATER: Final = (408, 425, 429)
_SERVER_FAULT: Final = 500
_T = TypeVar("_T", bound=Struct)


class _Problem(Struct, frozen=True):
    detail: str = ""
    remedy: str = ""


class Door(Protocol):
    """Asks one cloud. Each question blocks, and raises `LinkError` (later may help) or `RefusedError` (it will not)."""

    def authority(self) -> str:
        """The authority's certificate, from whoever answers there: to be compared with a pin before it is trusted."""
        ...

    def claim(self, claim: Claim, authority: str) -> Credentials:
        """What a token buys, of a server that `authority` (PEM text or a path) vouches for."""
        ...

    def renew(self, renewal: Renewal, authority: str) -> Credentials:
        """What a certificate buys, of a server that `authority` (PEM text or a path) vouches for."""
        ...

    def cut(self) -> None:
        """From another thread: let the question fail now."""
        ...


class CloudDoor:
    """A `Door` over HTTPS."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 443
        except ValueError as error:
            raise RefusedError(f"{url!r:.200} is no address of a cloud: {error}") from error
        if parts.scheme != "https" or not host:
            raise RefusedError(f"{url!r:.200} is no address of a cloud: it begins with https://")
        self._host, self._port = host, port
        self._base = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._pace = Pace(SystemClock().mono_ns, timeout_s, longest_bytes=2 * _LARGEST_ANSWER)
        self._socket: socket.socket | None = None
        self._cut = False

    def authority(self) -> str:
        """What `AUTHORITY_PATH` gives; the connection is encrypted and nobody's word is taken."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return self._ask("GET", AUTHORITY_PATH, None, context).decode("ascii", "replace")

    def claim(self, claim: Claim, authority: str) -> Credentials:
        """What `CLAIM_PATH` gives."""
        return _decoded(self._ask("POST", CLAIM_PATH, claim, _trusting(authority)), Credentials)

    def renew(self, renewal: Renewal, authority: str) -> Credentials:
        """What `RENEW_PATH` gives."""
        return _decoded(self._ask("POST", RENEW_PATH, renewal, _trusting(authority)), Credentials)

    def cut(self) -> None:
        """Shut the socket down."""
        self._cut = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _ask(self, method: str, path: str, body: Struct | None, context: ssl.SSLContext) -> bytes:
        try:
            status, answer = self._exchange(method, path, body, context)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise LinkError(f"cloud {self._host}:{self._port} {_why(error)}") from error
        if status in _OK:
            return answer
        raise self._refusal(status, answer)

    def _exchange(self, method: str, path: str, body: Struct | None, context: ssl.SSLContext) -> tuple[int, bytes]:
        self._pace.begin()
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        with socket.create_connection((self._host, self._port), min(_CONNECT_S, self._timeout_s)) as plain:
            plain.settimeout(self._timeout_s)
            self._socket = plain
            if self._cut:
                raise ConnectionAbortedError("was not waited for")
            with context.wrap_socket(plain, server_hostname=self._host) as talk:
                self._socket = talk
                connection.sock = PacedSocket(talk, self._pace)
                content = msgspec.json.encode(body) if body is not None else None
                headers = {"content-type": "application/json", "connection": "close"} if content else {}
                connection.request(method, self._base + path, content, headers)
                with connection.getresponse() as answer:
                    return answer.status, answer.read(_LARGEST_ANSWER)

    def _refusal(self, status: int, answer: bytes) -> LinkError | RefusedError:
        problem = _Problem()
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            problem = msgspec.json.decode(answer, type=_Problem)
        said = f": {_shown(problem.detail)}" if problem.detail else f" with {status}"
        remedy = f"; {_shown(problem.remedy)}" if problem.remedy else ""
        words = f"cloud {self._host}:{self._port} refuses{said}{remedy}"
        later = status in _LATER or status >= _SERVER_FAULT
        return LinkError(words) if later else RefusedError(words)


def open_door(url: str, timeout_s: float) -> Door:
    """The door of the cloud at `url`; raise `RefusedError` for what is no address."""
    return CloudDoor(url, timeout_s=timeout_s)


def _trusting(authority: str) -> ssl.SSLContext:
    """Of a client that trusts nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if "-----BEGIN" in authority:
            context.load_verify_locations(cadata=authority)
        else:
            context.load_verify_locations(cafile=authority)
    except FileNotFoundError as error:
        raise LinkError(f"identity.ca_file: {authority} is missing") from error
    except OSError as error:  # so is what ssl raises
        raise LinkError(f"identity.ca_file: {authority:.200} cannot be used: {error.strerror or error}") from error
    return context


def _decoded(answer: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError(f"the cloud's answer is none that we know: {error}") from error


def _why(error: Any) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "has a name that cannot be resolved: check the address and the network"
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection: nothing listens there"
    if isinstance(error, TimeoutError):
        return "does not answer: check the network and the firewall"
    return f"cannot be asked: {getattr(error, 'strerror', None) or error or type(error).__name__}"


def _shown(text: str) -> str:
    """What a stranger said, as one printable line."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:300])
