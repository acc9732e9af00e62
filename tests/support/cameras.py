"""Cameras of every kind with something real behind them, for tests that must hold for all."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.capture.auto import AutoCamera
from edge.capture.camera import Camera
from edge.capture.command import CommandCamera
from edge.capture.file import FileCamera
from edge.capture.mjpeg import MjpegCamera
from edge.capture.rtsp import RtspCamera
from edge.capture.settings import (
    CommandSettings,
    FileSettings,
    MjpegSettings,
    RtspSettings,
    SimulatedSettings,
    V4l2Settings,
)
from edge.capture.simulated import SimulatedCamera
from edge.capture.v4l2 import V4l2Camera
from edge.core.clock import SystemClock
from tests.support.jpegs import jpeg, with_thumbnail
from tests.support.mjpeg_source import mjpeg_source
from tests.support.rtsp import rtsp_source
from tests.support.v4l2 import FakeNode

KINDS = (
    "mjpeg", "mjpeg-without-length", "mjpeg-digest", "command", "rtsp-h264", "rtsp-h265", "rtsp-jpeg",
    "file", "file-mjpeg", "simulated", "auto", "v4l2",
)  # fmt: skip
PROGRAM = Path(__file__).with_name("jpeg_program.py")
_CLOCK = SystemClock()


@dataclass(frozen=True)
class Setup:
    """Makes cameras of one kind; `size` is that of their pictures, `missing` makes one whose source is not there."""

    make: Callable[[], Camera]
    missing: Callable[[], Camera]
    size: tuple[int, int]


@contextlib.contextmanager
def camera_setup(kind: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    """What is needed for cameras of `kind`, for the time of a test."""
    family, _, variant = kind.partition("-")
    with _FAMILIES[family](variant, data_dir, folder) as setup:
        yield setup


def program(folder: Path, *, fps: float = 50, count: int = 0) -> tuple[str, ...]:
    """A command line that writes JPEGs of 160x120."""
    files = []
    for level in (60, 120, 180):
        file = folder / f"{level}.jpg"
        file.write_bytes(with_thumbnail(jpeg(level, width=160, height=120), jpeg(level)))
        files.append(str(file))
    return (sys.executable, "-S", str(PROGRAM), str(fps), str(count), *files)


@contextlib.contextmanager
def _mjpeg(variant: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    sign_in = ("digest", "root", "hunter2") if variant == "digest" else None
    with mjpeg_source(stated_length=variant != "without-length", sign_in=sign_in) as source:
        settings = MjpegSettings(url=source.url, username="root" if sign_in else "")
        nowhere = MjpegSettings(url="http://127.0.0.1:1/stream")
        yield Setup(
            lambda: MjpegCamera(settings, password="hunter2"),  # noqa: S106
            lambda: MjpegCamera(nowhere),
            (160, 120),
        )


@contextlib.contextmanager
def _command(variant: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    argv = program(folder)
    yield Setup(
        lambda: CommandCamera(CommandSettings(argv=argv)),
        lambda: CommandCamera(CommandSettings(argv=("/nonexistent/camera-program",))),
        (160, 120),
    )


@contextlib.contextmanager
def _rtsp(variant: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    with rtsp_source(variant) as source:
        settings, nowhere = RtspSettings(url=source.url), RtspSettings(url="rtsp://127.0.0.1:1/stream")
        yield Setup(lambda: RtspCamera(settings, clock=_CLOCK), lambda: RtspCamera(nowhere, clock=_CLOCK), (320, 240))


@contextlib.contextmanager
def _file(variant: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    clips = {
        "": (data_dir / "vision" / "clips" / "one-by-one-person-detection.mp4", (768, 432)),
        "mjpeg": (data_dir / "vision" / "motion" / "traffic.mjpeg.avi", (320, 240)),
    }
    path, size = clips[variant]
    yield Setup(
        lambda: FileCamera(FileSettings(path=str(path), speed=4), clock=_CLOCK),
        lambda: FileCamera(FileSettings(path=str(folder / "missing.mp4")), clock=_CLOCK),
        size,
    )


@contextlib.contextmanager
def _simulated(variant: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    settings = SimulatedSettings(width=320, height=240, fps=50)
    yield Setup(
        lambda: SimulatedCamera(settings, clock=_CLOCK),
        lambda: AutoCamera([]),
        (320, 240),
    )


@contextlib.contextmanager
def _auto(variant: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    def missing() -> Camera:
        return V4l2Camera(V4l2Settings(device="/dev/video4242"))

    settings = SimulatedSettings(width=320, height=240, fps=50)
    yield Setup(
        lambda: AutoCamera([missing, lambda: SimulatedCamera(settings, clock=_CLOCK)]),
        lambda: AutoCamera([missing, missing]),
        (320, 240),
    )


@contextlib.contextmanager
def _v4l2(variant: str, data_dir: Path, folder: Path) -> Iterator[Setup]:
    stop = threading.Event()
    nodes: list[FakeNode] = []

    def open_node(path: str) -> FakeNode:
        nodes.append(FakeNode())
        return nodes[-1]

    def film() -> None:
        picture = jpeg(width=320, height=240)
        while not stop.wait(0.02):
            for node in nodes:
                node.fill(picture)

    thread = threading.Thread(target=film)
    thread.start()
    settings = V4l2Settings(width=320, height=240)
    try:
        yield Setup(
            lambda: V4l2Camera(settings, open_node=open_node),
            lambda: V4l2Camera(V4l2Settings(device="/dev/video4242")),
            (320, 240),
        )
    finally:
        stop.set()
        thread.join()


_FAMILIES: dict[str, Callable[[str, Path, Path], contextlib.AbstractContextManager[Setup]]] = {
    "mjpeg": _mjpeg,
    "command": _command,
    "rtsp": _rtsp,
    "file": _file,
    "simulated": _simulated,
    "auto": _auto,
    "v4l2": _v4l2,
}
