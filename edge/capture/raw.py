"""Uncompressed pictures as V4L2 cameras lay them out in memory, made into JPEG."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.capture import v4l2_abi as abi
from edge.capture.camera import Picture
from edge.capture.encode import encode_bgr


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a format lies in memory: bytes per pixel in a row, rows per line of picture, and OpenCV's way to BGR."""

    pixel_bytes: int
    rows: float
    conversion: int | None


RAW_FORMATS: Final = {
    "YUYV": _Layout(2, 1, cv2.COLOR_YUV2BGR_YUYV),
    "UYVY": _Layout(2, 1, cv2.COLOR_YUV2BGR_UYVY),
    "NV12": _Layout(1, 1.5, cv2.COLOR_YUV2BGR_NV12),
    "BGR3": _Layout(3, 1, None),
    "RGB3": _Layout(3, 1, cv2.COLOR_RGB2BGR),
    "GREY": _Layout(1, 1, cv2.COLOR_GRAY2BGR),
}
"""The raw formats that can be encoded, the best first, by their four letters."""


def picture_of_raw(data: bytes, form: abi.PixelFormat, quality: int) -> Picture:
    """Encode one raw picture that has at least `form.sizeimage` bytes."""
    layout = RAW_FORMATS[abi.letters(form.pixelformat)]
    rows, row_bytes = round(form.height * layout.rows), form.width * layout.pixel_bytes
    stride = max(form.bytesperline, row_bytes)
    plane = np.frombuffer(data, np.uint8, rows * stride).reshape(rows, stride)[:, :row_bytes]
    image = np.ascontiguousarray(plane).reshape(rows, form.width, layout.pixel_bytes)
    if layout.conversion is not None:
        image = np.asarray(cv2.cvtColor(image, layout.conversion), np.uint8)
    return encode_bgr(image, quality)
