"""What makes a picture poorer all over: fog, lamps that beat against the shutter, compression."""

from dataclasses import dataclass

import cv2
import numpy as np

from tests.support.rendered_place import Pixels
from tests.support.rendered_weather import Floats


@dataclass(frozen=True)
class Haze:
    """Fog comes up within a minute or less: of all light and shade `left` remains before an even grey."""

    from_s: float
    full_s: float
    left: float = 0.2
    luma: float = 150.0

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`."""
        del rng
        share = float(np.interp(at_s, (self.from_s, self.full_s), (1.0, self.left)))
        return np.asarray(picture * share + self.luma * (1 - share), np.float32)


@dataclass(frozen=True)
class Beat:
    """A lamp on mains flickers against the shutter: bright and dark bands roll through the picture."""

    depth: float = 0.08
    hz: float = 1.7
    bands: float = 1.5

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`."""
        del rng
        rows = np.arange(picture.shape[0], dtype=np.float32)[:, None] / picture.shape[0]
        return np.asarray(picture * (1 + self.depth * np.sin(2 * np.pi * (self.hz * at_s + self.bands * rows))))


@dataclass(frozen=True)
class Compressed:
    """A JPEG of low quality, of which only the brightness is kept."""

    quality: int = 20

    def give(self, picture: Pixels, at_s: float) -> Pixels:
        """See `Output`."""
        del at_s
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
        return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), np.uint8)
