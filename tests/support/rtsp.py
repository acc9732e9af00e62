"""Starts, stops and kills the RTSP camera of `rtsp_server.py`."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.ports import free_port, wait_for_port

_SERVER = Path(__file__).with_name("rtsp_server.py")
_PYTHON = "/usr/bin/python3"
"""Debian's: python3-gi and gir1.2-gst-rtsp-server-1.0 belong to it."""


class RtspSource:
    """One camera on loopback; it keeps its port when it is killed and started again."""

    def __init__(self, codec: str = "h264", *, fps: int = 25, sign_in: tuple[str, str] | None = None) -> None:
        self.port = free_port()
        self._arguments = [codec, str(fps), *(sign_in or ())]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of the stream."""
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def start(self) -> None:
        """Start the server and wait until it listens."""
        self._process = subprocess.Popen(
            [_PYTHON, str(_SERVER), str(self.port), *self._arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for_port(self.port)
        except AssertionError as error:
            self.kill()
            raise AssertionError(
                f"no RTSP server (it needs python3-gi and gir1.2-gst-rtsp-server-1.0): {error}"
            ) from error

    def kill(self) -> None:
        """As a power cut does it."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """Keep the connection, send nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextlib.contextmanager
def rtsp_source(codec: str = "h264", *, fps: int = 25, sign_in: tuple[str, str] | None = None) -> Iterator[RtspSource]:
    """A running camera for the time of a test."""
    source = RtspSource(codec, fps=fps, sign_in=sign_in)
    source.start()
    try:
        yield source
    finally:
        source.kill()
