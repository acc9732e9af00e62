"""Network cameras that send H.264, H.265 or JPEG over RTSP. Through TCP: a lost packet would smear seconds of video."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Final
from urllib.parse import quote, urlsplit

import av
from av.container import InputContainer

from edge.capture.camera import Picture
from edge.capture.encode import picture_of_frame
from edge.capture.jpeg import BadJpegError, picture_of
from edge.capture.lag import Lag
from edge.capture.lifetime import Lifetime
from edge.capture.settings import RtspSettings
from edge.capture.units import UnitTap
from edge.core.clock import Clock
from edge.core.errors import SourceUnavailableError

_SLICE_S: Final = 0.5
"""How long FFmpeg may block at a time: the longest that `close` has to wait for a blocked read."""
_BAD_LIMIT: Final = 100
"""So many undecodable packets in a row, and the source counts as lost."""
_MOST_PASSED_OVER: Final = 8
"""So many pictures in a row may be wanted by nobody: a recorder waits for what comes with the next one."""
_OPTIONS: Final = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "fflags": "nobuffer",
    "flags": "low_delay",
    "fpsprobesize": "0",
}
"""Nothing is held back, and no second is spent on measuring the rate: every picture says its own time."""


class RtspCamera:
    """One RTSP session. Video is decoded whole and encoded as JPEG, unless that would make the picture late.

    With each picture comes what the camera sent since the one before, as it compressed it. While that is kept, the
    picture of a moment that is `unwanted` is decoded, for later ones refer to it, but no JPEG is made of it.
    """

    def __init__(
        self,
        settings: RtspSettings,
        *,
        clock: Clock,
        password: str | None = None,
        unwanted: Callable[[int], bool] = lambda _mono_ns: False,
    ) -> None:
        self._clock = clock
        self._unwanted = unwanted
        self._passed_over = 0
        self._settings = settings
        self._password = password or ""
        self._held = contextlib.ExitStack()
        self._lifetime = Lifetime(self._release)
        self._lag = Lag(clock)
        self._pictures: Iterator[Picture] = iter(())

    def open(self) -> None:
        """Set the session up; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            settings = self._settings
            container = self._held.enter_context(
                av.open(self._address(), options=_OPTIONS, timeout=(settings.open_timeout_s, _SLICE_S))
            )
            if not container.streams.video:
                raise SourceUnavailableError("it sends no video")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            self._pictures = self._decoded(container, stream)

    def read(self) -> Picture:
        """The next picture; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            picture = next(self._pictures, None)
            if picture is None:
                raise SourceUnavailableError("the camera ended the stream")
            return picture

    def close(self) -> None:
        """End the session; see `Camera`."""
        self._lifetime.close()

    def describe(self) -> str:
        """The camera's address, without a query: that may hold a token."""
        return f"RTSP from {urlsplit(self._settings.url)._replace(query='', fragment='').geturl()}"

    def _address(self) -> str:
        """The URL as FFmpeg wants it, with the sign-in: so no error of FFmpeg may be shown whole."""
        if not self._settings.username:
            return self._settings.url
        parts = urlsplit(self._settings.url)
        sign_in = f"{quote(self._settings.username, safe='')}:{quote(self._password, safe='')}"
        return parts._replace(netloc=f"{sign_in}@{parts.netloc}").geturl()

    def _packets(self, container: InputContainer, stream: av.VideoStream) -> "Iterator[av.Packet[av.VideoStream]]":
        """Every packet; ends with the stream, raises when nothing came for the configured time."""
        silent_s = 0.0
        while silent_s < self._settings.read_timeout_s:
            try:
                for packet in container.demux(stream):
                    silent_s = 0.0
                    yield packet
            except av.ExitError:
                self._lifetime.check()
                silent_s += _SLICE_S
            else:
                return
        raise SourceUnavailableError(f"nothing came for {silent_s:g} s")

    def _decoded(self, container: InputContainer, stream: av.VideoStream) -> Iterator[Picture]:
        bad = 0
        tap = UnitTap(stream, at_ns=lambda ticks: self._lag.moment_ns(ticks, stream.time_base), numbers=count())
        for packet in self._packets(container, stream):
            try:
                late = self._lag.late(packet.dts if packet.pts is None else packet.pts, stream.time_base)
                tap.add(packet)
                if stream.codec_context.name != "mjpeg":
                    yield from self._pictures_in(packet, stream, tap, late=late)
                elif packet.size:
                    yield picture_of(bytes(packet))
                bad = 0
            except (av.InvalidDataError, BadJpegError) as error:
                bad += 1
                if bad >= _BAD_LIMIT:
                    raise SourceUnavailableError(f"{bad} damaged packets in a row") from error

    def _pictures_in(
        self, packet: "av.Packet[av.VideoStream]", stream: av.VideoStream, tap: UnitTap, *, late: bool
    ) -> Iterator[Picture]:
        for frame in stream.codec_context.decode(packet):
            if late or self._passes_over(tap):
                continue
            picture = picture_of_frame(frame, self._settings.jpeg_quality, self._settings.max_width)
            yield replace(picture, units=tap.take(), passed_over=self._passed_over)
            self._passed_over = 0

    def _passes_over(self, tap: UnitTap) -> bool:
        """Whether nobody wants the picture at hand; then it is counted."""
        if self._passed_over >= _MOST_PASSED_OVER or not tap.running or not self._unwanted(self._clock.mono_ns()):
            return False
        self._passed_over += 1
        return True

    def _release(self) -> None:
        self._pictures = iter(())
        self._held.close()

    @contextlib.contextmanager
    def _failing_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except av.ExitError:
            raise SourceUnavailableError(f"{self.describe()}: no answer in time") from None
        except av.HTTPUnauthorizedError:
            remedy = "the camera refuses the sign-in: check `username` and `password_secret`"
            raise SourceUnavailableError(f"{self.describe()}: {remedy}") from None
        except (av.FFmpegError, OSError) as error:
            # `from None`: what FFmpeg says in full holds the address with the password.
            raise SourceUnavailableError(f"{self.describe()}: {error.strerror or type(error).__name__}") from None
        except SourceUnavailableError as error:
            raise SourceUnavailableError(f"{self.describe()}: {error}") from None
