"""Network cameras that send JPEG after JPEG in one HTTP response. The bytes are forwarded as they came."""

import contextlib
import socket
from collections.abc import Generator, Iterator
from typing import Final
from urllib.parse import urlsplit

import httpx

from edge.capture.camera import Picture
from edge.capture.http_stream import StreamTransport
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
        self._transport: StreamTransport | None = None
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
        picture = self._pictures.take()
        if picture is None:
            with self._lifetime.inside(), self._failing_as_unavailable():
                while (picture := self._pictures.take()) is None:
                    self._pictures.put(self._parser.feed(self._chunk()))
        return picture

    def close(self) -> None:
        """Hang up; see `Camera`."""
        if self._transport and self._transport.socket:
            with contextlib.suppress(OSError):
                # The descriptor itself, past TLS: the other thread may be in the middle of reading from it.
                socket.socket.shutdown(self._transport.socket, socket.SHUT_RDWR)
        self._lifetime.close()

    def describe(self) -> str:
        """The camera's address, without a query: that may hold a token."""
        return f"MJPEG over HTTP from {_without_query(self._settings.url)}"

    def _ask(self) -> httpx.Response:
        settings = self._settings
        # Without TLS the certificates of all authorities need not be read: they cost more than the rest of the sign-in.
        encrypted = urlsplit(settings.url).scheme == "https"
        tls = httpx.create_ssl_context(verify=settings.verify_tls, trust_env=False) if encrypted else None
        self._transport = StreamTransport(
            connect_timeout_s=settings.open_timeout_s, read_timeout_s=settings.read_timeout_s, tls=tls
        )
        client = httpx.Client(transport=self._transport, trust_env=False, auth=self._auth)
        self._held.enter_context(client)
        return self._held.enter_context(client.stream("GET", settings.url))

    def _chunk(self) -> bytes:
        chunk = next(self._chunks, b"")
        self._lifetime.check()
        if not chunk:
            raise SourceUnavailableError("the camera ended the stream")
        return chunk

    @contextlib.contextmanager
    def _failing_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise self._unavailable(f"no answer in time ({type(error).__name__})") from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, UnicodeError, OSError) as error:
            raise self._unavailable(_in_words(error)) from error
        except SourceUnavailableError as error:
            raise self._unavailable(str(error)) from error

    def _unavailable(self, why: str) -> SourceUnavailableError:
        return SourceUnavailableError(f"{_without_query(self._settings.url)}: {why}")


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
