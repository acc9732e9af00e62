"""What analysing a frame costs, by size and by how much goes on in it, and against the plain way: decode all, MOG2 at
half size, draw, encode again.

Both ways get the same 1280x720 JPEGs of a recorded clip, frame by frame in turn, on one thread each; what counts is the
thread's CPU time, for the machine may be busy.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from edge.core.frame import Frame
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis
from edge.vision.settings import VisionSettings
from tests.bench.frame_costs import crowd_costs, frame_ms

FRAMES: Final = 300
WARM_UP: Final = 30
QUALITY: Final = 80
_FRAME_NS: Final = 66_666_667
_SHRINK: Final = 2
_LEAST_AREA: Final = 150
CLIP: Final = "vision/clips/one-by-one-person-detection.mp4"


def measure(data_dir: Path) -> dict[str, dict[str, Any]]:
    """`frame_ms_480p`, `frame_ms_720p`, `frame_crowd_ratio`, and `analysis_cpu_ratio_720p`: CPU of our analysis over
    that of the plain way, medians of the same run."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # or the plain way would spread over threads that are not counted
    try:
        recorded = recorded_frames(data_dir / CLIP, FRAMES, (1280, 720))
        ours, plain = _race(recorded)
        smaller, larger = frame_ms(recorded_frames(data_dir / CLIP, FRAMES, (640, 480)), recorded)
        crowd = crowd_costs()
    finally:
        cv2.setNumThreads(threads)
    return {
        "frame_ms_480p": {"value": smaller, "unit": "ms", "baseline": None, "ratio": None},
        "frame_ms_720p": {"value": larger, "unit": "ms", "baseline": plain, "ratio": larger / plain},
        **crowd,
        "analysis_cpu_ratio_720p": {"value": ours / plain, "unit": "ratio", "baseline": 1.0, "ratio": ours / plain},
        "analysis_cpu_ms_720p": {"value": ours, "unit": "ms", "baseline": plain, "ratio": ours / plain},
    }


def recorded_frames(clip: Path, count: int, size: tuple[int, int]) -> list[Frame]:
    """The first `count` frames of a clip as JPEGs of `size`, 15 a second."""
    video = cv2.VideoCapture(str(clip))
    frames: list[Frame] = []
    while len(frames) < count:
        there, picture = video.read()
        if not there:
            break
        _, jpeg = cv2.imencode(".jpg", cv2.resize(picture, size), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        seq = len(frames) + 1
        frames.append(Frame("bench", seq, jpeg.tobytes(), *size, seq * _FRAME_NS))
    video.release()
    return frames


def _race(frames: list[Frame]) -> tuple[float, float]:
    analysis, plain = _our_way(), _plain_way()
    ours_ms, plain_ms = [], []
    for frame in frames:
        ours_ms.append(_cpu_ms(lambda frame=frame: analysis(frame)))  # type: ignore[misc]
        plain_ms.append(_cpu_ms(lambda frame=frame: plain(frame)))  # type: ignore[misc]
    return statistics.median(ours_ms[WARM_UP:]), statistics.median(plain_ms[WARM_UP:])


def _our_way() -> Callable[[Frame], object]:
    store = ModelStore()
    models = store.load("motion"), store.load("anomaly")
    return FrameAnalysis(*models, VisionSettings(), np.random.default_rng(0), Path("unused.npz")).step


def _plain_way() -> Callable[[Frame], object]:
    subtractor = cv2.createBackgroundSubtractorMOG2()

    def look(frame: Frame) -> object:
        picture = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        mask = subtractor.apply(cv2.resize(picture, None, fx=1 / _SHRINK, fy=1 / _SHRINK))
        contours, _ = cv2.findContours((mask == 255).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            if cv2.contourArea(contour) > _LEAST_AREA:
                x, y, w, h = (_SHRINK * side for side in cv2.boundingRect(contour))
                cv2.rectangle(picture, (x, y), (x + w, y + h), (0, 0, 255), 2)
        return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])

    return look


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began) / 1e6


if __name__ == "__main__":
    folder = os.environ.get("AFFERENT_DATA", "../shared/data")
    sys.stdout.write(json.dumps(measure(Path(folder)), indent=2) + "\n")
