"""Whether what the machine said is as it should be."""

from typing import Any, Final

import cv2
import numpy as np

from tests.v4l2.machine import Found

_MOST_EXPOSURE: Final = 1.7
_BEFORE: Final = {"/dev/afferent/camera-PLAYED0": "/dev/video0", "/dev/afferent/camera-PLAYED1": "/dev/video1"}
_AFTER: Final = {**_BEFORE, "/dev/afferent/camera-PLAYED1": "/dev/video7"}
_PICTURES: Final = ("after-front", "after-side", "before-front", "before-side")
_LEAST_BYTES: Final = 10_000
_LEAST_SPREAD: Final = 40.0
"""Standard deviation of each colour across vivid's bars (68 measured); a black or grey picture has next to none."""


def problems(found: Found) -> list[str]:
    """What is wrong; nothing if the unit does what it promises. A machine that says too little is wrong."""
    if not found.told:
        return ["the machine said nothing"]
    if "error" in found.told:
        return [str(found.told["error"])]
    try:
        checks = _unit(found.told) | _cameras(found.told) | _pictures(found.pictures)
    except (KeyError, ValueError) as error:
        return [f"the machine did not say {error}"]
    return [name for name, holds in checks.items() if not holds]


def _unit(told: dict[str, Any]) -> dict[str, bool]:
    status = told["status"]
    return {
        "it runs as its own user": told["user"] == "afferent",
        "it has no capabilities": int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0,
        "it can get no privileges": status["NoNewPrivs"] == "1",
        "system calls are filtered": status["Seccomp"] == "2",
        f"the exposure is {_MOST_EXPOSURE} or lower": told["exposure"] <= _MOST_EXPOSURE,
        "memory is limited": 0 < told["memory_high"] < told["memory_max"],
        "tasks are limited": told["tasks_max"] == 512,
        "cameras are allowed, other devices not even where the group is": told["fenced"]
        == {"/dev/video0": "open", "/dev/ttyS0": "EPERM", "/dev/null": "open"},
        "it stopped cleanly": told["result"] == "success" and told["stop_s"] < 60,
    }


def _cameras(told: dict[str, Any]) -> dict[str, bool]:
    names = [{name: path for name, path in told[when].items() if "PLAYED" in name} for when in ("before", "after")]
    return {
        "the node belongs to the group of cameras": told["before"]["mode"] == "video 660",
        "each camera has its name": names[0] == _BEFORE,
        "the name went with the camera": names[1] == _AFTER,
        "pictures came": set(told["pictures"]) == {"front", "side"},
        "x264 recorded": min(told["recorded"].values()) > _LEAST_BYTES,
        "it said what happened": all(
            "unplugged" in said or "no such device" in said for said in told["details"].values()
        ),
        "nothing was left of the nodes": told["left_of_nodes"] == [],
        "pictures came again": set(told["again"]) == {"front", "side"},
        "from the nodes as they are now": told["opened"] == ["/dev/video0", "/dev/video7"],
        "without a restart": told["same_process"] is True and told["restarts"] == 0,
    }


def _pictures(pictures: dict[str, bytes]) -> dict[str, bool]:
    return {"there is a picture of each": tuple(pictures) == _PICTURES} | {
        f"{name} shows vivid's bars": _shows_bars(data) for name, data in pictures.items()
    }


def _shows_bars(data: bytes) -> bool:
    """Eight bars of colour side by side, 320 x 180."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or picture.shape != (180, 320, 3):
        return False
    columns = picture[120:].mean(axis=0)
    return float(columns.std(axis=0).mean()) > _LEAST_SPREAD
