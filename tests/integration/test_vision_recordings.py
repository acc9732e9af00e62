"""Vision on real recordings: what moves is found, what does not is not, what is abnormal raises the alarm."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.frame import Frame
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis, Seen
from edge.vision.pixels.blobs import Blob
from edge.vision.pixels.luma import CELL, analysis_size
from edge.vision.pixels.motion import MotionDetector
from edge.vision.settings import VisionSettings
from edge.vision.things.tracks import overlap
from edge.vision.unusual.alarm import AnomalyAlarm
from edge.vision.unusual.anomaly import AnomalyDetector
from edge.vision.unusual.baseline import Baseline
from edge.vision.unusual.learning import Learning
from tests.support.recorded_video import CdnetTruth, MaskScore, frames, pictures, planes

pytestmark = pytest.mark.data
SIZE = (160, 120)
PEOPLE = "vision/clips/one-by-one-person-detection.mp4"
PEOPLE_FPS = 10.0
PED2_FRAME_NS = 100_000_000
WALKING = ((68, 80), (186, 196), (233, 243), (437, 446), (512, 524), (688, 696))
"""Frames in which somebody walks in or out, read off the clip by eye."""
NOBODY_MOVES = ((1, 58), (120, 170), (300, 420))
"""Frames in which the room is empty, or somebody stands at the table."""


@pytest.mark.parametrize(("name", "at_least"), [("highway", 0.95), ("traffic", 0.82)])
def test_motion_by_the_rules_of_cdnet(data_dir: Path, name: str, at_least: float) -> None:
    """MOG2 as it comes reaches .60 and .64."""
    truth, score = CdnetTruth(data_dir / "vision" / "motion", name), MaskScore()
    model = ModelStore().load("motion")
    detector = MotionDetector(model, SIZE, np.random.default_rng(0), threshold=13, age_limit=1500)
    for number, plane in enumerate(planes(truth.video, SIZE), start=truth.first_frame):
        truth.score(score, number, detector.step(plane))
    assert score.f_measure >= at_least


@pytest.fixture(scope="module")
def people(data_dir: Path) -> list[Seen]:
    """What is seen in each of the first 700 frames of the clip with people."""
    store = ModelStore()
    models = store.load("motion"), store.load("anomaly")
    analysis = FrameAnalysis(*models, VisionSettings(), np.random.default_rng(0), data_dir / "none")
    return [analysis.step(frame) for frame, _ in zip(frames(data_dir / PEOPLE, PEOPLE_FPS), range(700), strict=False)]


def _moving(seen: Seen) -> bool:
    return any(not thing.still and thing.moving_s >= 0.2 for thing in seen.things)


def _share(people: list[Seen], spans: tuple[tuple[int, int], ...]) -> float:
    at = [number - 1 for first, last in spans for number in range(first, last + 1)]
    return sum(_moving(people[index]) for index in at) / len(at)


def test_people_who_walk_are_motion(people: list[Seen]) -> None:
    assert _share(people, WALKING) > 0.9


def test_an_empty_room_and_people_who_stand_are_not(people: list[Seen]) -> None:
    assert _share(people, NOBODY_MOVES) < 0.05


def test_a_person_is_one_box_around_the_person(people: list[Seen]) -> None:
    person = Blob(0.53, 0.0, 0.18, 0.88, 0.1)
    best = max(
        overlap(Blob(thing.box.x, thing.box.y, thing.box.w, thing.box.h, 0.1), person) for thing in people[250].things
    )
    assert best > 0.6


def test_a_real_empty_room_under_noise_is_idle(data_dir: Path) -> None:
    """One picture of the empty room as a noisy camera would give it again and again."""
    store = ModelStore()
    settings = VisionSettings(anomaly=False)
    analysis = FrameAnalysis(store.load("motion"), None, settings, np.random.default_rng(0), data_dir / "none")
    picture = cv2.resize(next(iter(pictures(data_dir / PEOPLE))), (640, 360), interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng(1)
    for number in range(1, 120):
        noisy = np.clip(picture + rng.normal(0, 8, picture.shape[:2])[:, :, None], 0, 255).astype(np.uint8)
        jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()
        height, width = picture.shape[:2]
        seen = analysis.step(Frame("front", number, jpeg, width, height, number * 66_666_667))
        assert seen.things == (), f"frame {number}"


class _Ped2:
    """The walkway of UCSD Ped2, clip by clip through one pair of models that goes on learning."""

    def __init__(self, folder: Path) -> None:
        store = ModelStore()
        self.size = analysis_size(360, 240)
        grid = self.size[1] // CELL, self.size[0] // CELL
        learning = Learning(frames=900, active_frames=100, sensitivity=1.0)
        self._folder = folder
        self._motion = MotionDetector(
            store.load("motion"), self.size, np.random.default_rng(0), threshold=13, age_limit=1500
        )
        self._anomaly = AnomalyDetector(store.load("anomaly"), self.size, learning, Baseline(grid))

    def alarms(self, clip: str) -> Iterator[bool]:
        """Whether the alarm is on, frame by frame."""
        self._anomaly.cut()
        alarm = AnomalyAlarm(5)
        for at, plane in enumerate(planes(self._folder / f"ped2_{clip}.mp4", self.size)):
            mask = self._motion.step(plane)
            at_ns = at * PED2_FRAME_NS
            reading = self._anomaly.step(plane, mask, usable=not self._motion.learning, at_ns=at_ns)
            yield alarm.step(reading, (), at) is not None


def test_cyclists_and_carts_among_pedestrians_raise_the_alarm(data_dir: Path) -> None:
    """Ped2: learned from walkers only, no false alarm on them, and every abnormal clip is noticed."""
    folder = data_dir / "vision" / "anomaly"
    labels = json.loads((folder / "ped2_labels.json").read_text())
    walkway = _Ped2(folder)
    normal = [list(walkway.alarms(f"train_{clip:02d}")) for clip in range(1, 9)]
    assert sum(sum(clip) for clip in normal) == 0
    hits = false = abnormal = 0
    for clip in ("01", "02", "04"):
        first, last = labels[clip]["anomalous_1based"]
        on = list(walkway.alarms(f"test_{clip}"))
        inside = on[first - 1 : last]
        assert any(inside), f"clip {clip}"
        hits, abnormal = hits + sum(inside), abnormal + len(inside)
        false += sum(on) - sum(inside)
    assert hits / abnormal > 0.5
    assert false == 0
