"""Camera frames made on the spot: small JPEGs that differ, at exact times."""

from collections.abc import Iterator

import cv2
import numpy as np

from edge.core.frame import Frame


def jpeg(number: int, *, width: int = 160, height: int = 120, quality: int = 80) -> bytes:
    """A JPEG of a grey ramp with a bright square whose place tells `number`."""
    picture = np.tile(np.linspace(40, 120, width, dtype=np.uint8), (height, 1))
    left, top = (number * 7) % (width - 16), (number * 3) % (height - 16)
    picture[top : top + 16, left : left + 16] = 230
    colour = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    ok, data = cv2.imencode(".jpg", colour, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return bytes(data)


def frames(
    count: int, *, start_ns: int, fps: float = 10.0, camera: str = "front", width: int = 160, height: int = 120
) -> Iterator[Frame]:
    """`count` frames from `start_ns` on, `1 / fps` apart."""
    for number in range(count):
        mono_ns = start_ns + round(number * 1e9 / fps)
        yield Frame(camera, number + 1, jpeg(number, width=width, height=height), width, height, mono_ns)
