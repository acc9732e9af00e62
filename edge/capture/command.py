"""Programs that write JPEG after JPEG to their standard output: so a board's own tools use its hardware encoder."""

from edge.capture.camera import Picture
from edge.capture.child_process import ChildProcess
from edge.capture.jpeg import PictureQueue
from edge.capture.jpeg_splitter import JpegSplitter
from edge.capture.lifetime import Lifetime
from edge.capture.settings import CommandSettings
from edge.core.errors import SourceUnavailableError


class CommandCamera:
    """The pictures of one run of the program."""

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings
        self._lifetime = Lifetime(self._release)
        self._process: ChildProcess | None = None
        self._splitter = JpegSplitter()
        self._pictures = PictureQueue()
        self._patience_s = settings.open_timeout_s

    def open(self) -> None:
        """Start the program; see `Camera`."""
        with self._lifetime.inside():
            self._process = ChildProcess(self._settings.argv)

    def read(self) -> Picture:
        """The next picture; see `Camera`."""
        with self._lifetime.inside():
            while (picture := self._pictures.take()) is None:
                self._pictures.put(self._splitter.feed(self._chunk()))
            self._patience_s = self._settings.read_timeout_s
            return picture

    def close(self) -> None:
        """End the program and what it started; see `Camera`."""
        if self._process:
            self._process.wake()
        self._lifetime.close()

    def describe(self) -> str:
        """The program's name; its arguments may hold what nobody else should read."""
        return f"output of {self._settings.argv[0]}"

    def _chunk(self) -> bytes:
        if self._process is None:
            raise SourceUnavailableError(f"{self.describe()}: not opened")
        try:
            return self._process.read(self._patience_s) or self._closed()
        except SourceUnavailableError as error:
            raise SourceUnavailableError(f"{self.describe()}: {error}") from error

    def _closed(self) -> bytes:
        raise SourceUnavailableError("closed")

    def _release(self) -> None:
        if self._process:
            self._process.end()
