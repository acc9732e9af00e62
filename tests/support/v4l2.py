"""A camera of this machine as the kernel would show it, for a machine that has none: formats, buffers and faults."""

import ctypes
import errno
import os
import threading
from collections import deque

from edge.capture import v4l2_abi as abi


class FakeNode:
    """Answers what `VideoNode` asks, by the rules of the kernel's documentation, and refuses what breaks them.

    `fill` is the camera's side: it writes into the oldest buffer that the driver has queued.
    """

    def __init__(
        self,
        *,
        formats: tuple[str, ...] = ("YUYV", "MJPG"),
        size: tuple[int, int] | None = None,
        stride_padding: int = 0,
        can: int = abi.CAN_CAPTURE | abi.CAN_STREAM,
    ) -> None:
        self._formats, self._size, self._padding, self._can = formats, size, stride_padding, can
        self._changed = threading.Condition()
        self._queued: deque[int] = deque()
        self._filled: deque[tuple[int, int, int]] = deque()
        self._memory: dict[int, memoryview] = {}
        self.format = abi.PixelFormat()
        self.rate = 0.0
        self.streaming = self.woken = self.closed = False
        self.fail: dict[int, int] = {}
        """Requests that fail, with what errno."""

    def fill(self, data: bytes, *, damaged: bool = False) -> None:
        """The camera has a picture; without a queued buffer it is lost, as in the kernel."""
        with self._changed:
            if not self._queued:
                return
            index = self._queued.popleft()
            self._memory[index][: len(data)] = data
            self._filled.append((index, len(data), abi.BUFFER_ERROR if damaged else 0))
            self._changed.notify_all()

    def unplug(self) -> None:
        """The camera is gone: every request fails from now on."""
        with self._changed:
            self.fail = dict.fromkeys((abi.DQBUF, abi.QBUF, abi.STREAMOFF), errno.ENODEV)
            self._filled.append((0, 0, 0))
            self._changed.notify_all()

    def ioctl(self, request: int, argument: abi.Argument) -> None:
        """Answer one request."""
        if request in self.fail:
            raise _error(self.fail[request])
        match argument:
            case abi.Capability() | abi.FormatDescription():
                self._describe(argument)
            case abi.Format():
                self._set_format(argument.fmt.pix)
            case abi.Rate():
                self.rate = argument.parm.capture.denominator / argument.parm.capture.numerator
            case abi.RequestBuffers():
                argument.count = min(argument.count, 3)
            case abi.Buffer():
                self._buffer(request, argument)
            case ctypes.c_int():
                self.streaming = request == abi.STREAMON

    def map(self, length: int, offset: int) -> memoryview:
        """Memory of one buffer."""
        self._memory[offset // 4096] = memoryview(bytearray(length))
        return self._memory[offset // 4096]

    def wait(self, timeout_s: float) -> bool:
        """Wait for a filled buffer."""
        with self._changed:
            self._changed.wait_for(lambda: self._filled or self.woken, timeout_s)
            return bool(self._filled) and not self.woken

    def wake(self) -> None:
        """End a wait."""
        with self._changed:
            self.woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Gone."""
        self.closed = True

    def _describe(self, about: abi.Capability | abi.FormatDescription) -> None:
        if isinstance(about, abi.Capability):
            about.card = b"Fake camera"
            about.capabilities, about.device_caps = abi.HAS_DEVICE_CAPS | 0xFF, self._can
        elif about.index < len(self._formats):
            about.pixelformat = abi.fourcc(self._formats[about.index])
        else:
            raise _error(errno.EINVAL)

    def _set_format(self, pix: abi.PixelFormat) -> None:
        if self._size:
            pix.width, pix.height = self._size
        pixel_bytes = {"YUYV": 2, "UYVY": 2, "BGR3": 3, "RGB3": 3}.get(abi.letters(pix.pixelformat), 1)
        pix.bytesperline = pix.width * pixel_bytes + self._padding
        pix.sizeimage = pix.bytesperline * pix.height * (3 if abi.letters(pix.pixelformat) == "NV12" else 2) // 2
        if abi.letters(pix.pixelformat) not in ("NV12", "MJPG"):
            pix.sizeimage = pix.bytesperline * pix.height
        ctypes.memmove(ctypes.byref(self.format), ctypes.byref(pix), ctypes.sizeof(pix))

    def _buffer(self, request: int, buffer: abi.Buffer) -> None:
        with self._changed:
            if request == abi.QUERYBUF:
                buffer.length, buffer.m.offset = max(self.format.sizeimage, 4096), buffer.index * 4096
            elif request == abi.QBUF:
                assert buffer.index not in self._queued, "a buffer is queued twice"
                self._queued.append(buffer.index)
            elif not self._filled:
                raise _error(errno.EAGAIN)
            else:
                buffer.index, buffer.bytesused, buffer.flags = self._filled.popleft()


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
