"""Cameras of this machine. JPEG that the camera itself makes is forwarded byte for byte; raw pictures are encoded."""

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from typing import Final

from edge.capture import v4l2_abi as abi
from edge.capture.camera import Picture
from edge.capture.jpeg import PictureQueue
from edge.capture.lifetime import Lifetime
from edge.capture.raw import RAW_FORMATS, picture_of_raw
from edge.capture.settings import V4l2Settings
from edge.capture.v4l2_node import KernelNode, VideoDevice, VideoNode, capture_formats, list_v4l2_devices, unavailable
from edge.core.errors import SourceUnavailableError

__all__ = ["V4l2Camera", "VideoDevice", "list_v4l2_devices"]

_JPEG_FORMATS: Final = ("MJPG", "JPEG")
_BUFFERS: Final = 4
"""One being filled, one being read, two for when we are late."""


class V4l2Camera:
    """One device node, streaming into shared memory. Prefers the camera's own JPEG to any raw format."""

    def __init__(self, settings: V4l2Settings, *, open_node: Callable[[str], VideoNode] = KernelNode) -> None:
        self._settings = settings
        self._open_node = open_node
        self._lifetime = Lifetime(self._release)
        self._node: VideoNode | None = None
        self._name = ""
        self._format = abi.PixelFormat()
        self._memory: list[memoryview] = []
        self._pictures = PictureQueue()

    def open(self) -> None:
        """Take the camera and start it; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            self._node = node = self._open_node(self._settings.device)
            self._name, offered = capture_formats(node)
            self._format = self._negotiate(node, _choose(offered))
            self._ask_rate(node)
            self._memory = _share_buffers(node)
            node.ioctl(abi.STREAMON, ctypes.c_int(abi.CAPTURE))

    def read(self) -> Picture:
        """The next picture; see `Camera`."""
        with self._lifetime.inside(), self._failing_as_unavailable():
            while (picture := self._pictures.take()) is None:
                data = self._next_buffer()
                if self._is_jpeg:
                    self._pictures.put([data])
                elif len(data) >= self._format.sizeimage:
                    return picture_of_raw(data, self._format, self._settings.jpeg_quality)
            return picture

    def close(self) -> None:
        """Give the camera back; see `Camera`."""
        if node := self._node:
            node.wake()
        self._lifetime.close()

    def describe(self) -> str:
        """The camera's name, its node and the format it sends."""
        kind = f", {abi.letters(self._format.pixelformat)}" if self._format.pixelformat else ""
        return f"{self._name or 'camera'} at {self._settings.device}{kind}"

    @property
    def _is_jpeg(self) -> bool:
        return abi.letters(self._format.pixelformat) in _JPEG_FORMATS

    def _negotiate(self, node: VideoNode, code: str) -> abi.PixelFormat:
        """Ask for the size; a camera that has another one answers with the nearest."""
        wanted = abi.Format(type=abi.CAPTURE)
        wanted.fmt.pix.width, wanted.fmt.pix.height = self._settings.width, self._settings.height
        wanted.fmt.pix.pixelformat = abi.fourcc(code)
        node.ioctl(abi.S_FMT, wanted)
        got = abi.PixelFormat.from_buffer_copy(wanted.fmt.pix)
        if got.pixelformat != abi.fourcc(code):
            raise SourceUnavailableError(f"the camera offers {code} but gives {abi.letters(got.pixelformat)}")
        return got

    def _ask_rate(self, node: VideoNode) -> None:
        rate = abi.Rate(type=abi.CAPTURE)
        rate.parm.capture.numerator, rate.parm.capture.denominator = 1000, round(self._settings.fps * 1000)
        # Many cameras have one rate only and refuse the question.
        with contextlib.suppress(OSError):
            node.ioctl(abi.S_PARM, rate)

    def _next_buffer(self) -> bytes:
        """The content of the next filled buffer, which then goes back to the camera."""
        node = self._node
        if node is None:
            raise SourceUnavailableError("not opened")
        while True:
            if not node.wait(self._settings.read_timeout_s):
                self._lifetime.check()
                raise SourceUnavailableError(f"no picture for {self._settings.read_timeout_s:g} s")
            buffer = abi.Buffer(type=abi.CAPTURE, memory=abi.MMAP)
            try:
                node.ioctl(abi.DQBUF, buffer)
            except BlockingIOError:
                continue
            data = bytes(self._memory[buffer.index][: buffer.bytesused])
            damaged = buffer.flags & abi.BUFFER_ERROR
            node.ioctl(abi.QBUF, buffer)
            if data and not damaged:
                return data

    def _release(self) -> None:
        self._memory = []
        node, self._node = self._node, None
        if node:
            # A camera that is gone cannot be stopped.
            with contextlib.suppress(OSError):
                node.ioctl(abi.STREAMOFF, ctypes.c_int(abi.CAPTURE))
            node.close()

    @contextlib.contextmanager
    def _failing_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unavailable(self._settings.device, error) from error
        except SourceUnavailableError as error:
            raise SourceUnavailableError(f"{self._settings.device}: {error}") from error


def _choose(offered: tuple[str, ...]) -> str:
    for code in (*_JPEG_FORMATS, *RAW_FORMATS):
        if code in offered:
            return code
    raise SourceUnavailableError(
        f"it offers no format that we can use, only {', '.join(offered)}" if offered else "this node does not capture"
    )


def _share_buffers(node: VideoNode) -> list[memoryview]:
    """Make the kernel allot buffers, map them and hand them all to the camera."""
    request = abi.RequestBuffers(count=_BUFFERS, type=abi.CAPTURE, memory=abi.MMAP)
    node.ioctl(abi.REQBUFS, request)
    memory: list[memoryview] = []
    for index in range(request.count):
        buffer = abi.Buffer(index=index, type=abi.CAPTURE, memory=abi.MMAP)
        node.ioctl(abi.QUERYBUF, buffer)
        memory.append(node.map(buffer.length, buffer.m.offset))
        node.ioctl(abi.QBUF, buffer)
    return memory
