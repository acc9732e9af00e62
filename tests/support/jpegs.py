"""JPEGs for tests: real ones, told apart by their brightness."""

import cv2
import numpy as np


def jpeg(level: int = 128, *, width: int = 64, height: int = 48, quality: int = 80) -> bytes:
    """A whole JPEG of one grey `level` with some texture."""
    rows, columns = np.indices((height, width))
    image = np.clip(level + ((rows * 7 + columns * 13) % 31) - 15, 0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    data: bytes = encoded.tobytes()
    return data


def with_thumbnail(outer: bytes, inner: bytes) -> bytes:
    """`outer` carrying `inner` whole in an application segment, as cameras put a preview into Exif."""
    body = b"Exif\x00\x00" + inner
    return outer[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + outer[2:]


def without_tables(data: bytes) -> bytes:
    """`data` without its Huffman tables, as USB cameras send Motion-JPEG."""
    kept, at = data[:2], 2
    while True:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            return kept + data[at:]
        if marker != 0xC4:
            kept += data[at : at + 2 + length]
        at += 2 + length


def grey_of(data: bytes) -> float:
    """The mean brightness of a JPEG."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return float(np.mean(image))
