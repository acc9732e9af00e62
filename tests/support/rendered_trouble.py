"""A network camera in a drawn place that misbehaves on command: what it sends can be changed while it sends."""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np

from tests.support.mjpeg_source import MjpegSource
from tests.support.rendered_camera import RenderedCamera
from tests.support.rendered_movers import Person

_DHT: Final = b"\xff\xc4"
_LOOP_S: Final = 24.0


class TroubledSource(MjpegSource):
    """Sends `pictures` over and over, one after the other for all who watch; set others at any time."""

    _at = 0

    def stream(self) -> Iterator[bytes]:
        """What one connection gets; nothing is remembered for it."""
        while True:
            self._at += 1
            yield self.pictures[self._at % len(self.pictures)]


def street(fps: float, size: tuple[int, int] = (320, 240), seed: int = 1) -> tuple[bytes, ...]:
    """JPEGs of a street where people pass, forth and back without a jump; for `fps` pictures a second."""
    rng = np.random.default_rng(seed)
    people = []
    for start_s in (2.0, 9.0, 15.0):
        y, coat = float(rng.uniform(0.55, 0.65)), int(rng.choice((40, 200)))
        people.append(Person(path=((start_s, -0.1, y), (start_s + 8, 1.1, y)), coat=coat))
    camera = RenderedCamera(people, size=size, seed=seed)
    forth = [encoded(picture) for _, picture in camera.pictures(_LOOP_S, fps)]
    return (*forth, *forth[-2:0:-1])


def black(size: tuple[int, int] = (320, 240)) -> tuple[bytes, ...]:
    """What a camera gives that sees nothing: its own noise."""
    rng = np.random.default_rng(2)
    return tuple(encoded(np.clip(rng.normal(6, 2, size[::-1]), 0, 255).astype(np.uint8)) for _ in range(20))


def undecodable(pictures: Sequence[bytes]) -> tuple[bytes, ...]:
    """Pictures that look whole from outside and that no decoder can make anything of: their code tables are broken."""
    return tuple(_without_codes(picture) for picture in pictures)


def torn(pictures: Sequence[bytes]) -> tuple[bytes, ...]:
    """Pictures of which the second half is lost."""
    return tuple(picture[: len(picture) // 2] for picture in pictures)


def encoded(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """A JPEG of usual quality."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def _without_codes(picture: bytes) -> bytes:
    at = picture.index(_DHT) + 5
    return picture[:at] + b"\xff" * 16 + picture[at + 16 :]
