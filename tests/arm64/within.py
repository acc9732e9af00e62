"""Runs on the emulated aarch64: imports every dependency, and lets those with machine code in them do their work.

Prints one JSON object: seconds and results by name. Ends with an exception where something does not work.
"""

import importlib
import json
import platform
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

IMPORTED = (
    *("numpy", "msgspec", "click", "cv2", "av", "onnxruntime", "cryptography", "aiosqlite", "boto3", "httpx"),
    *("paho.mqtt.client", "prometheus_client", "serial", "socketio", "starlette", "uvicorn", "websockets"),
    *("bleak", "dbus_fast"),
)
"""All but pylsl, which wants a library of the system that Debian does not have."""


def main() -> None:
    """Do everything, in an order in which the first failure tells most."""
    found: dict[str, Any] = {"machine": platform.machine(), "python": platform.python_version()}
    for what in (_import_all, _run_models, _encode, _read_jpeg, _sign, _load_examples):
        began = time.monotonic()
        result = what()
        found[what.__name__.strip("_")] = {"result": result, "s": round(time.monotonic() - began, 1)}
    json.dump(found, sys.stdout)


def _import_all() -> int:
    for name in IMPORTED:
        importlib.import_module(name)
    return len(IMPORTED)


def _run_models() -> list[str]:
    """The store loads a model only if it passes the test in its own manifest."""
    from edge.models.store import ModelStore

    store = ModelStore()
    return sorted(f"{one.name} on {store.load(one.task).provider}" for one in store.available())


def _encode() -> int:
    """Bytes of ten frames by x264."""
    import av
    import numpy as np
    from av.video.frame import VideoFrame

    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 240, "yuv420p", Fraction(1, 10)
    total = 0
    for number in range(10):
        frame = VideoFrame.from_ndarray(np.full((360, 320), 20 * number, np.uint8), format="yuv420p")
        frame.pts = number
        total += sum(packet.size for packet in encoder.encode(frame))
    return total + sum(packet.size for packet in encoder.encode(None))


def _read_jpeg() -> list[int]:
    """The quarter-size luma that motion is told from."""
    import cv2
    import numpy as np

    whole = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    _, jpeg = cv2.imencode(".jpg", whole)
    luma = cv2.imdecode(jpeg, cv2.IMREAD_REDUCED_GRAYSCALE_4)
    assert luma is not None
    return list(luma.shape)


def _sign() -> bool:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    key.public_key().verify(key.sign(b"release"), b"release")
    return True


def _load_examples() -> int:
    from edge.config import load_config

    read: Callable[[Path], object] = load_config
    files = sorted(Path("/opt/ours/examples").glob("*.toml"))
    return len([read(file) for file in files])


if __name__ == "__main__":
    main()
