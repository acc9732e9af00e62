"""From a camera's JPEG to the numbers that a graph takes."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame
from edge.vision.detect.crops import Bgr
from edge.vision.detect.recipe import Recipe
from edge.vision.pixels.luma import FrameUndecodableError

_REDUCED = ((4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))


def read_colour(frame: Frame, least_width: int) -> Bgr:
    """The picture of `frame` in colour, uint8 [height, width, 3], at the coarsest scale that is `least_width` wide.

    Raise `FrameUndecodableError` if it cannot be decoded.
    """
    flag = next((flag for by, flag in _REDUCED if frame.width >= least_width * by), cv2.IMREAD_COLOR)
    try:
        picture = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), flag)
    except cv2.error as error:
        raise FrameUndecodableError(f"frame {frame.seq} of {frame.camera} cannot be decoded: {error.err}") from error
    if picture is None:
        raise FrameUndecodableError(f"frame {frame.seq} of {frame.camera} is no JPEG")
    return np.asarray(picture, np.uint8)


def as_input(image: Bgr, recipe: Recipe) -> NDArray[Any]:
    """A picture uint8 [height, width, 3] as the tensor [1, channels, height, width] that `recipe` asks for."""
    if recipe.channels == 1:
        planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[None]
    else:
        planes = (image[:, :, ::-1] if recipe.rgb else image).transpose(2, 0, 1)
    if recipe.image.dtype == "uint8":
        return np.ascontiguousarray(planes[None])
    tensor = np.ascontiguousarray(planes[None], np.float32)
    tensor *= np.float32(recipe.scale)
    if any(recipe.mean):
        tensor -= _by_channel(recipe.mean)
    if any(part != 1 for part in recipe.std):
        tensor /= _by_channel(recipe.std)
    return tensor


def _by_channel(values: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(1, -1, 1, 1)
