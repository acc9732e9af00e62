"""From settings to drivers: the one place where each concrete camera and sensor is named.

A driver that brings a library of its own is imported when it is configured, so that nobody pays memory for the others.
"""

import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from edge.capture.auto import AutoCamera
from edge.capture.camera import Camera
from edge.capture.command import CommandCamera
from edge.capture.settings import (
    AutoSettings,
    CameraSettings,
    CommandSettings,
    FileSettings,
    MjpegSettings,
    RtspSettings,
    SimulatedSettings,
    V4l2Settings,
)
from edge.capture.simulated import SimulatedCamera
from edge.capture.v4l2 import V4l2Camera, list_v4l2_devices
from edge.core.clock import Clock
from edge.core.errors import SourceUnavailableError
from edge.core.secrets import SecretMissingError, read_secret
from edge.sensing import settings as sensing
from edge.sensing.sensor import Sensor
from edge.sensing.simulated import SimulatedSensor

if TYPE_CHECKING:
    from edge.sensing.known_boards import KnownBoards

_PI_CAMERA: Final = "rpicam-vid"


def camera_opener(
    settings: CameraSettings, secrets: Path, clock: Clock, unwanted: Callable[[int], bool] = lambda _ns: False
) -> Callable[[], Camera]:
    """What makes a fresh, unopened camera of these settings; a missing secret is a `SourceUnavailableError` of it.

    `unwanted(mono_ns)`: nobody wants a picture of that moment, so that none need be made of the camera's own video.
    """
    match settings:
        case MjpegSettings():
            from edge.capture.mjpeg import MjpegCamera

            return lambda: MjpegCamera(settings, password=_password(settings.password_secret, secrets))
        case RtspSettings():
            from edge.capture.rtsp import RtspCamera

            return lambda: RtspCamera(
                settings, clock=clock, password=_password(settings.password_secret, secrets), unwanted=unwanted
            )
        case AutoSettings():
            return lambda: AutoCamera(_candidates(settings, clock))
        case _:
            return partial(_local_camera, settings, clock)


def _local_camera(settings: V4l2Settings | CommandSettings | FileSettings | SimulatedSettings, clock: Clock) -> Camera:
    match settings:
        case V4l2Settings():
            return V4l2Camera(settings)
        case CommandSettings():
            return CommandCamera(settings)
        case FileSettings():
            from edge.capture.file import FileCamera

            return FileCamera(settings, clock=clock)
        case SimulatedSettings():
            return SimulatedCamera(settings, clock=clock)


def sensor_opener(settings: sensing.SensorSettings, clock: Clock) -> Callable[[], Sensor]:
    """What makes a fresh, unopened sensor of these settings."""
    match settings:
        case sensing.SerialSettings():
            from edge.sensing.serial_board import SerialBoard

            boards = _boards()
            boards.wish(settings.id, settings.port)
            return lambda: SerialBoard(settings, clock=clock, known=boards)
        case sensing.BleSettings():
            from edge.sensing.ble_heart_rate import BleHeartRate

            return lambda: BleHeartRate(settings, clock=clock)
        case sensing.LslSettings():
            from edge.sensing.lsl_inlet import LslInlet

            return lambda: LslInlet(settings, clock=clock)
        case sensing.ReplaySettings():
            from edge.sensing.replay import ReplaySensor

            return lambda: ReplaySensor(settings, clock=clock)
        case sensing.SimulatedSettings():
            return lambda: SimulatedSensor(settings, clock=clock)


@cache
def _boards() -> "KnownBoards":
    """Which board belongs to which sensor: one memory for the process."""
    from edge.sensing.known_boards import KnownBoards

    return KnownBoards()


def _candidates(settings: AutoSettings, clock: Clock) -> list[Callable[[], Camera]]:
    """The cameras of this machine, the Pi's own by its encoder, then the simulated scene."""
    common = {"id": settings.id, "name": settings.name}
    picture = {"width": settings.width, "height": settings.height, "fps": settings.fps}
    found: list[Callable[[], Camera]] = [
        partial(V4l2Camera, msgspec.convert(common | picture | {"source": "v4l2", "device": device.path}, V4l2Settings))
        for device in list_v4l2_devices()
        if not device.problem
    ]
    if shutil.which(_PI_CAMERA):
        found.append(
            partial(
                CommandCamera,
                msgspec.convert(common | {"source": "command", "argv": _pi_command(settings)}, CommandSettings),
            )
        )
    simulated = msgspec.convert(common | picture | {"source": "simulated"}, SimulatedSettings)
    return [*found, partial(SimulatedCamera, simulated, clock=clock)]


def _pi_command(settings: AutoSettings) -> list[str]:
    """`rpicam-vid` writing JPEGs of the Pi's hardware encoder to its standard output."""
    size = ["--width", str(settings.width), "--height", str(settings.height), "--framerate", str(round(settings.fps))]
    return [_PI_CAMERA, "--nopreview", "--timeout", "0", "--codec", "mjpeg", *size, "--output", "-"]


def _password(name: str, secrets: Path) -> str | None:
    if not name:
        return None
    try:
        return read_secret(name, secrets)
    except SecretMissingError as error:
        raise SourceUnavailableError(str(error)) from error
