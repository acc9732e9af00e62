"""What can be set about a camera: one struct for each kind of source, told apart by `source`."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from contract.ids import Id

CREDENTIALS_REMEDY: Final = (
    "the URL contains a user name or a password: remove them from it, set `username` instead, put the password "
    "into the secrets folder and its name into `password_secret`"
)

_Width = Annotated[int, Meta(ge=16, le=7680, description="Width of the picture to ask for, in pixels.")]
_Height = Annotated[int, Meta(ge=16, le=4320, description="Height of the picture to ask for, in pixels.")]
_Fps = Annotated[float, Meta(ge=0.1, le=120, description="Pictures a second to ask for.")]
_Quality = Annotated[
    int, Meta(ge=10, le=100, description="JPEG quality, 10 to 100, of pictures that do not arrive as JPEG.")
]
_MaxWidth = Annotated[
    int,
    Meta(ge=0, le=7680, description="Wider pictures are scaled down to this width in pixels; 0 keeps every width."),
]
_Username = Annotated[str, Meta(max_length=128, description="User name the camera asks for; empty for none.")]
_PasswordSecret = Annotated[
    str, Meta(max_length=64, description="Name of the secret that holds the camera's password; empty for none.")
]
_OpenTimeout = Annotated[float, Meta(ge=0.5, le=60, description="Longest wait for the source to answer, in seconds.")]
_ReadTimeout = Annotated[float, Meta(ge=0.5, le=60, description="Longest wait for the next data, in seconds.")]


class BaseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="source"):
    """What every camera has."""

    id: Annotated[Id, Meta(description="The camera's id in topics, file names and URLs; never change it.")] = "front"
    name: Annotated[str, Meta(max_length=80, description="What people call the camera; empty shows its id.")] = ""


class V4l2Settings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="v4l2"):
    """A camera of this machine: USB, or a CSI camera with a V4L2 driver."""

    device: Annotated[str, Meta(pattern="^/dev/", description="The camera's device node.")] = "/dev/video0"
    width: _Width = 1280
    height: _Height = 720
    fps: _Fps = 30.0
    jpeg_quality: _Quality = 80
    read_timeout_s: _ReadTimeout = 5.0


class MjpegSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mjpeg"):
    """A network camera that sends JPEG after JPEG over HTTP."""

    url: Annotated[str, Meta(max_length=2048, description="The stream's address, http:// or https://.")] = (
        "http://127.0.0.1:8080/stream"
    )
    username: _Username = ""
    password_secret: _PasswordSecret = ""
    verify_tls: Annotated[bool, Meta(description="Whether an https camera must show a certificate we trust.")] = True
    open_timeout_s: _OpenTimeout = 5.0
    read_timeout_s: _ReadTimeout = 5.0

    def __post_init__(self) -> None:
        _check_url(self.url, ("http", "https"))


class CommandSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command"):
    """A program that writes JPEG after JPEG to its standard output: `rpicam-vid`, `gst-launch-1.0` and their like."""

    argv: Annotated[
        tuple[str, ...],
        Meta(min_length=1, max_length=64, description="The program and its arguments; no shell is involved."),
    ] = ("rpicam-vid", "--nopreview", "--timeout", "0", "--codec", "mjpeg", "--output", "-")
    open_timeout_s: _OpenTimeout = 10.0
    read_timeout_s: _ReadTimeout = 5.0


class RtspSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rtsp"):
    """A network camera that sends H.264, H.265 or JPEG over RTSP; always over TCP."""

    url: Annotated[str, Meta(max_length=2048, description="The stream's address, rtsp:// or rtsps://.")] = (
        "rtsp://127.0.0.1:8554/stream"
    )
    username: _Username = ""
    password_secret: _PasswordSecret = ""
    max_width: _MaxWidth = 0
    jpeg_quality: _Quality = 80
    open_timeout_s: _OpenTimeout = 10.0
    read_timeout_s: _ReadTimeout = 5.0

    def __post_init__(self) -> None:
        _check_url(self.url, ("rtsp", "rtsps"))


class FileSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="file"):
    """A recorded video, played as if it happened now."""

    path: Annotated[str, Meta(min_length=1, description="The video file.")] = "recording.mp4"
    loop: Annotated[bool, Meta(description="Whether to begin again at the end.")] = True
    speed: Annotated[float, Meta(ge=0.05, le=100, description="How many times faster than recorded to play.")] = 1.0
    max_width: _MaxWidth = 0
    jpeg_quality: _Quality = 80


class SimulatedSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="simulated"):
    """A made-up scene with people walking by, for demonstrations and tests."""

    width: _Width = 1280
    height: _Height = 720
    fps: _Fps = 25.0
    jpeg_quality: _Quality = 80
    seed: Annotated[int, Meta(ge=0, le=2**31, description="The same number gives the same scene.")] = 1
    noise: Annotated[
        float, Meta(ge=0, le=20, description="Standard deviation of the sensor noise, in grey levels.")
    ] = 1.5


class AutoSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="auto"):
    """The first camera of this machine that gives a picture; the simulated scene where there is none."""

    width: _Width = 1280
    height: _Height = 720
    fps: _Fps = 25.0
    jpeg_quality: _Quality = 80


CameraSettings = (
    V4l2Settings | MjpegSettings | CommandSettings | RtspSettings | FileSettings | SimulatedSettings | AutoSettings
)
"""Any camera; `source` tells which."""


def _check_url(url: str, schemes: tuple[str, ...]) -> None:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError(CREDENTIALS_REMEDY)
    # The port is checked where it is read.
    if parts.scheme not in schemes or not parts.hostname or parts.port == 0:
        raise ValueError(f"the URL must begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and name a host")
