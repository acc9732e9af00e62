"""A recorded video played as if it happened now, for tests, demonstrations and re-processing."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import av
from av.container import InputContainer

from edge.capture.camera import Picture
from edge.capture.encode import picture_of_frame
from edge.capture.jpeg import BadJpegError, picture_of
from edge.capture.lifetime import Lifetime
from edge.capture.pace import Pace
from edge.capture.settings import FileSettings
from edge.capture.units import UnitTap
from edge.core.clock import Clock
from edge.core.errors import SourceEndedError, SourceUnavailableError

_DEFAULT_FPS = 25.0


class FileCamera:
    """The first video stream of a file, at its own rate. Motion-JPEG is handed on without decoding.

    With each picture of H.264 or H.265 comes what was read since the one before, as it is in the file.
    """

    def __init__(self, settings: FileSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._numbers = count()
        self._held = contextlib.ExitStack()
        self._lifetime = Lifetime(self._release)
        self._pace = Pace(clock, self._lifetime)
        self._pictures: Iterator[tuple[float, Picture]] = iter(())

    def open(self) -> None:
        """Open the file; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            self._rewind()

    def read(self) -> Picture:
        """The next picture when it is due; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            step_s, picture = next(self._pictures, None) or self._again()
            self._pace.wait(step_s / self._settings.speed)
            return picture

    def close(self) -> None:
        """Close the file; see `Camera`."""
        self._lifetime.close()

    def describe(self) -> str:
        """The file's path."""
        return f"recording {self._settings.path}"

    def _again(self) -> tuple[float, Picture]:
        if not self._settings.loop:
            raise SourceEndedError(f"{self.describe()}: played to its end")
        self._rewind()
        first = next(self._pictures, None)
        if not first:
            raise SourceUnavailableError("it holds no picture")
        return first

    def _rewind(self) -> None:
        """Open it anew: not every container can seek."""
        self._release()
        container = self._held.enter_context(av.open(self._settings.path))
        if not container.streams.video:
            raise SourceUnavailableError("it holds no video")
        self._pictures = self._stepped(container, container.streams.video[0])

    def _stepped(self, container: InputContainer, stream: av.VideoStream) -> Iterator[tuple[float, Picture]]:
        """Each picture with the seconds since the one before, by the file's own times where it has them."""
        usual = 1 / float(stream.average_rate or _DEFAULT_FPS)
        tick = float(stream.time_base or 0)
        before: int | None = None
        for pts, picture in self._timed(container, stream):
            step = 0 if pts is None or before is None else (pts - before) * tick
            yield step if step > 0 else usual, picture
            before = pts

    def _timed(self, container: InputContainer, stream: av.VideoStream) -> Iterator[tuple[int | None, Picture]]:
        if stream.codec_context.name == "mjpeg":
            for packet in container.demux(stream):
                with contextlib.suppress(BadJpegError):
                    yield packet.pts, picture_of(bytes(packet))
            return
        stream.codec_context.thread_count = 1
        tap = self._tap(stream)
        for packet in container.demux(stream):
            tap.add(packet)
            for frame in packet.decode():
                picture = picture_of_frame(frame, self._settings.jpeg_quality, self._settings.max_width)
                yield frame.pts, replace(picture, units=tap.take())

    def _tap(self, stream: av.VideoStream) -> UnitTap:
        """What takes the units: played as fast as the pictures, from now on."""
        began_ns, first = self._clock.mono_ns(), stream.start_time or 0
        tick_ns = float(stream.time_base or 0) * 1e9 / self._settings.speed
        next(self._numbers)
        return UnitTap(stream, at_ns=lambda ticks: began_ns + round((ticks - first) * tick_ns), numbers=self._numbers)

    def _release(self) -> None:
        self._pictures = iter(())
        self._held.close()

    @contextlib.contextmanager
    def _failing_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceUnavailableError(f"{self.describe()}: {reason}") from error
        except SourceUnavailableError as error:
            raise SourceUnavailableError(f"{self.describe()}: {error}") from error
