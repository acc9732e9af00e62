"""The kernel's side of a camera of this machine: one device node, asked by ioctl, read through shared memory."""

import errno
import fcntl
import mmap
import os
import re
import select
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from edge.capture import v4l2_abi as abi
from edge.capture.lifetime import Wakeup
from edge.core.errors import SourceUnavailableError

_REMEDIES: Final = {
    errno.ENOENT: "there is no such device: is the camera plugged in?",
    errno.EACCES: "no permission: add the daemon's user to the group `video`",
    errno.EPERM: "no permission: the unit must allow this device",
    errno.EBUSY: "busy: another program uses the camera",
    errno.ENODEV: "the camera was unplugged",
    errno.ENXIO: "there is no device behind this node",
    errno.ENOTTY: "this is no camera",
}
_NODE: Final = re.compile(r"video(\d+)")


class VideoNode(Protocol):
    """What capturing asks of a device node."""

    def ioctl(self, request: int, argument: abi.Argument) -> None:
        """One request; `argument` is read and written. Raise `OSError`."""
        ...

    def map(self, length: int, offset: int) -> memoryview:
        """The shared memory of one buffer."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Wait until a buffer is filled; False after `timeout_s`, and at once after `wake`."""
        ...

    def wake(self) -> None:
        """End a `wait`, from any thread."""
        ...

    def close(self) -> None:
        """Let go of the node and its memory; again is harmless."""
        ...


class KernelNode:
    """A device node of this machine."""

    def __init__(self, path: str) -> None:
        """Open it; raise `OSError`."""
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = Wakeup()
        self._maps: list[tuple[mmap.mmap, memoryview]] = []

    def ioctl(self, request: int, argument: abi.Argument) -> None:
        """See `VideoNode`."""
        fcntl.ioctl(self._fd, request, argument)

    def map(self, length: int, offset: int) -> memoryview:
        """See `VideoNode`."""
        memory = mmap.mmap(self._fd, length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=offset)
        self._maps.append((memory, memoryview(memory)))
        return self._maps[-1][1]

    def wait(self, timeout_s: float) -> bool:
        """See `VideoNode`. A node in error counts as filled: the next request says what is wrong."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        ready = dict(poll.poll(timeout_s * 1000))
        return self._fd in ready and self._wakeup.fileno() not in ready

    def wake(self) -> None:
        """See `VideoNode`."""
        self._wakeup.set()

    def close(self) -> None:
        """See `VideoNode`."""
        for memory, view in self._maps:
            view.release()
            memory.close()
        self._maps.clear()
        self._wakeup.free()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True)
class VideoDevice:
    """A device node that can capture: its path, the camera's name and the pixel formats that it offers.

    `problem` says why it could not be asked; the rest is empty then.
    """

    path: str
    name: str = ""
    formats: tuple[str, ...] = ()
    problem: str = ""


def list_v4l2_devices(folder: Path = Path("/dev")) -> tuple[VideoDevice, ...]:
    """Every `videoN` node that can capture or could not be asked, by number. Nodes of codecs and metadata are none."""
    nodes = [(int(found[1]), path) for path in folder.iterdir() if (found := _NODE.fullmatch(path.name))]
    asked = (_device(str(path)) for _, path in sorted(nodes))
    return tuple(device for device in asked if device)


def capture_formats(node: VideoNode) -> tuple[str, tuple[str, ...]]:
    """The camera's name and the pixel formats that it offers; none if the node cannot capture. Raise `OSError`."""
    about = abi.Capability()
    node.ioctl(abi.QUERYCAP, about)
    can = about.device_caps if about.capabilities & abi.HAS_DEVICE_CAPS else about.capabilities
    name = bytes(about.card).decode("utf-8", "replace")
    if not (can & abi.CAN_CAPTURE and can & abi.CAN_STREAM):
        return name, ()
    return name, tuple(_formats(node))


def unavailable(path: str, error: OSError) -> SourceUnavailableError:
    """What a failure of the node means, with what to do about it."""
    reason = _REMEDIES.get(error.errno or 0) or error.strerror or str(error)
    return SourceUnavailableError(f"{path}: {reason}")


def _device(path: str) -> VideoDevice | None:
    try:
        node = KernelNode(path)
    except OSError as error:
        return VideoDevice(path, problem=str(unavailable(path, error)))
    try:
        name, formats = capture_formats(node)
    except OSError:
        return None
    finally:
        node.close()
    return VideoDevice(path, name, formats) if formats else None


def _formats(node: VideoNode) -> list[str]:
    found: list[str] = []
    while True:
        description = abi.FormatDescription(index=len(found), type=abi.CAPTURE)
        try:
            node.ioctl(abi.ENUM_FMT, description)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return found
            raise
        found.append(abi.letters(description.pixelformat))
