"""What stands around an appliance under test: things that it must not touch, and a camera that sees nothing happen."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from tests.fleet import appliance
from tests.fleet.host import Host

FORBIDDEN: Final = """
set -e
[ -e /dev/fence-disk ] || mknod -m 666 /dev/fence-disk b 8 0
[ -e /dev/fence-video ] || mknod -m 666 /dev/fence-video c 81 0
mkdir -p /home/somebody && echo dear >/home/somebody/letter && chmod -R a+rX /home/somebody
chmod 755 /root && echo root >/root/letter
printf hidden >/etc/afferent/credentials/fence && chmod 600 /etc/afferent/credentials/fence
"""
"""Makes what the fence is tried on; the plain permissions would let anybody, so that it is the sandbox that refuses."""
REFUSALS: Final = ("EPERM", "EACCES", "EROFS", "ENOENT", "EAFNOSUPPORT", "ENOSYS")
SETTLE_S: Final = 60.0
MEASURE_S: Final = 40.0
_NOISE: Final = 1.5
_CAMERA: Final = "still_camera"
_SHOWN: Final = 8


def still_camera(host: Host) -> None:
    """A network camera in the host that shows a room in which nothing moves, with a sensor's noise."""
    for number, picture in enumerate(_pictures(_SHOWN)):
        host.write_bytes(_shown(number), picture)
    plug_in(host)


def plug_in(host: Host) -> None:
    """Let the camera that was put there deliver, if it does not."""
    unplug(host)
    appliance.attach(host, _CAMERA, "8080", "10", *map(_shown, range(_SHOWN)))


def unplug(host: Host) -> None:
    """Take it away: nobody answers at its address."""
    host.ask("systemctl", "stop", f"probe-{_CAMERA}.service")


def _shown(number: int) -> str:
    return f"/opt/still/{number}.jpg"


def _pictures(count: int) -> list[bytes]:
    random = np.random.default_rng(1)
    rough = random.integers(60, 190, (9, 16, 3)).astype(np.uint8)
    room = cv2.resize(rough, (1280, 720), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    cv2.rectangle(room, (200, 250), (520, 640), (90.0, 110.0, 140.0), -1)
    return [_jpeg(np.clip(room + random.normal(0, _NOISE, room.shape), 0, 255).astype(np.uint8)) for _ in range(count)]


def _jpeg(image: npt.NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return encoded.tobytes()
