"""Network cameras that send JPEG after JPEG in one HTTP response. The bytes are forwarded as they came."""

import contextlib
import socket
from collections.abc import Generator, Iterator
from typing import Final
from urllib.parse import urlsplit

import httpx

from edge.capture.camera import Picture
from edge.capture.jpeg import PictureQueue
from edge.capture.lifetime import Lifetime
from edge.capture.multipart import MultipartParser
from edge.capture.settings import MjpegSettings
from edge.core.errors import SourceUnavailableError

_OK: Final = 200
_UNAUTHORIZED: Final = 401


class MjpegCamera:
    """One HTTP response without end. Speaks to nobody but the host of its URL: no proxy, no redirect."""

    def __init__(self, settings: MjpegSettings, *, password: str | None = None) -> None:
        self._settings = settings
        self._auth = _SignIn(settings.username, password or "") if settings.username else None
        self._held = contextlib.ExitStack()
        self._lifetime = Lifetime(self._held.close)
        self._socket: socket.socket | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._parser = MultipartParser()
        self._pictures = PictureQueue()

    def open(self) -> None:
        """Ask for the stream; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            response = self._ask()
            _check_answer(response)
            self._chunks = response.iter_raw()

    def read(self) -> Picture:
        """The next picture; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            while (picture := self._pictures.take()) is None:
                self._pictures.put(self._parser.feed(self._chunk()))
            return picture

    def close(self) -> None:
        """Hang up; see `Camera`."""
        if self._socket:
            with contextlib.suppress(OSError):
                # The descriptor itself, past TLS: the other thread may be in the middle of reading from it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._lifetime.close()

    def describe(self) -> str:
        """The camera's address, without a query: that may hold a token."""
        return f"MJPEG over HTTP from {_without_query(self._settings.url)}"

    def _ask(self) -> httpx.Response:
        settings = self._settings
        timeout = httpx.Timeout(settings.open_timeout_s, read=settings.read_timeout_s)
        # Without TLS the certificates of all authorities need not be read: they cost more than the rest of the sign-in.
        verify = settings.verify_tls and urlsplit(settings.url).scheme == "https"
        client = httpx.Client(timeout=timeout, verify=verify, trust_env=False, auth=self._auth)
        self._held.enter_context(client)
        response = self._held.enter_context(client.stream("GET", settings.url))
        self._socket = response.extensions["network_stream"].get_extra_info("socket")
        return response

    def _chunk(self) -> bytes:
        chunk = next(self._chunks, b"")
        self._lifetime.check()
        if not chunk:
            raise SourceUnavailableError("the camera ended the stream")
        return chunk

    @contextlib.contextmanager
    def _failing_as_unavailable(self) -> Iterator[None]:
        where = _without_query(self._settings.url)
        try:
            yield
        except httpx.TimeoutException as error:
            raise SourceUnavailableError(f"{where}: no answer in time ({type(error).__name__})") from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, UnicodeError, OSError) as error:
            raise SourceUnavailableError(f"{where}: {_in_words(error)}") from error
        except SourceUnavailableError as error:
            raise SourceUnavailableError(f"{where}: {error}") from error


class _SignIn(httpx.Auth):
    """Answers with what the camera asks for: digest where it offers that, else basic; a password only when asked."""

    def __init__(self, username: str, password: str) -> None:
        self._digest = httpx.DigestAuth(username, password)
        self._basic = httpx.BasicAuth(username, password)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        digest = self._digest.auth_flow(request)
        response = yield next(digest)
        if response.status_code != _UNAUTHORIZED:
            return
        if any(offer.lower().startswith("digest") for offer in response.headers.get_list("www-authenticate")):
            with contextlib.suppress(StopIteration):
                yield digest.send(response)
        else:
            yield from self._basic.auth_flow(request)


def _check_answer(response: httpx.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code == _UNAUTHORIZED:
        raise SourceUnavailableError("the camera refuses the sign-in: check `username` and `password_secret`")
    if response.status_code != _OK:
        raise SourceUnavailableError(f"the camera answers {response.status_code} {response.reason_phrase}".rstrip())
    if kind == "image/jpeg":
        raise SourceUnavailableError("this URL gives a single picture: name the one of the stream")
    if kind.startswith("text/"):
        raise SourceUnavailableError(f"this URL gives {kind}, not a stream of pictures: name the one of the stream")


def _in_words(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "nobody we trust signed the camera's certificate: if that is as it should be, set `verify_tls` to false"
    return str(error) or type(error).__name__


def _without_query(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()
