"""The judge of `make test-v4l2` lets nothing pass that the machine did not show."""

from typing import Any

import cv2
import numpy as np
import pytest

from tests.v4l2.machine import Found
from tests.v4l2.verdict import problems

_NAMES = {"/dev/afferent/camera-PLAYED0": "/dev/video0", "mode": "video 660"}
_GOOD: dict[str, Any] = {
    "before": {**_NAMES, "/dev/afferent/camera-PLAYED1": "/dev/video1"},
    "after": {**_NAMES, "/dev/afferent/camera-PLAYED1": "/dev/video7"},
    "fenced": {"/dev/video0": "open", "/dev/ttyS0": "EPERM", "/dev/null": "open"},
    "pictures": {"front": [1, 2, 3], "side": [1, 2, 3]},
    "again": {"front": [1, 2, 3], "side": [1, 2, 3]},
    "exposure": 1.4,
    "memory_max": 2,
    "memory_high": 1,
    "tasks_max": 512,
    "user": "afferent",
    "status": {"CapBnd": "0", "CapEff": "0", "NoNewPrivs": "1", "Seccomp": "2"},
    "details": {"front": "the camera was unplugged", "side": "there is no such device"},
    "left_of_nodes": [],
    "opened": ["/dev/video0", "/dev/video7"],
    "same_process": True,
    "restarts": 0,
    "recorded": {"front": 20_000, "side": 20_000},
    "result": "success",
    "stop_s": 9.7,
}
_WRONG: dict[str, Any] = {
    "before": {**_NAMES, "/dev/afferent/camera-PLAYED1": "/dev/video0"},
    "after": {**_NAMES, "/dev/afferent/camera-PLAYED1": "/dev/video1"},
    "fenced": {"/dev/video0": "open", "/dev/ttyS0": "open", "/dev/null": "open"},
    "pictures": {"front": [1, 2, 3]},
    "again": {"side": [1, 2, 3]},
    "exposure": 1.8,
    "memory_max": 1,
    "memory_high": 0,
    "tasks_max": 4915,
    "user": "root",
    "status": {"CapBnd": "1ffffffffff", "CapEff": "0", "NoNewPrivs": "1", "Seccomp": "2"},
    "details": {"front": "the camera was unplugged", "side": ""},
    "left_of_nodes": ["/dev/video0"],
    "opened": ["/dev/video0"],
    "same_process": False,
    "restarts": 1,
    "recorded": {"front": 20_000, "side": 0},
    "result": "watchdog",
    "stop_s": 90,
}


def _jpeg(*, bars: bool) -> bytes:
    colours = [0, 255] * 4 if bars else [90] * 8
    row = np.repeat(np.array(colours, np.uint8), 40)
    return cv2.imencode(".jpg", np.repeat(np.tile(row, (180, 1))[:, :, None], 3, axis=2))[1].tobytes()


_PICTURES = {f"{when}-{camera}": _jpeg(bars=True) for when in ("after", "before") for camera in ("front", "side")}


def test_what_is_as_it_should_be_passes() -> None:
    assert problems(Found(_GOOD, _PICTURES, "")) == []


@pytest.mark.parametrize("name", _GOOD)
def test_what_is_wrong_or_not_said_does_not_pass(name: str) -> None:
    assert problems(Found({**_GOOD, name: _WRONG[name]}, _PICTURES, ""))
    assert problems(Found({key: value for key, value in _GOOD.items() if key != name}, _PICTURES, ""))


def test_pictures_that_are_missing_grey_or_none_do_not_pass() -> None:
    for name in _PICTURES:
        for data in (_jpeg(bars=False), b"\xff\xd8\xff"):
            assert problems(Found(_GOOD, {**_PICTURES, name: data}, ""))
        assert problems(Found(_GOOD, {other: data for other, data in _PICTURES.items() if other != name}, ""))


def test_a_machine_that_says_nothing_or_an_error_does_not_pass() -> None:
    assert problems(Found({}, {}, "")) == ["the machine said nothing"]
    assert problems(Found({**_GOOD, "error": "OSError: not in time"}, _PICTURES, "")) == ["OSError: not in time"]
