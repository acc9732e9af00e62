"""The service around detectors: only what moves, seldom, newest first, never in anybody's way, whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.models.store import ModelStore
from edge.vision.detect.detections import Expression
from edge.vision.detect.service import DetectorService
from edge.vision.detect.settings import DetectSettings
from edge.vision.findings import Thing
from tests.support.clock import FakeClock
from tests.support.detector_graphs import BLUE, RED, classifier_graph, yolox_graph, yunet_graph
from tests.support.detectors import HEIGHT, WIDTH, Bgr, failing_on_white, frame, picture, pixels, put, thing

_NAMES = ["apple", "berry"]
_RED_AT, _BLUE_AT = (80, 60, 60, 90), (420, 210, 100, 70)
_WITHIN_S = 10.0
_BEFORE_A_RETRY_S = 0.5
"""Long enough for the next look at 2 Hz; a first retry comes after half a second at the earliest."""


class Room:
    """A service over a folder of models, with a clock under the test's hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = FakeClock()
        self.health = Health(self.clock)
        self.folder = folder
        self.models = ModelStore(folder, must_exist=False)
        self.said: list[Expression] = []
        self.service = DetectorService(
            "front",
            models=self.models,
            settings=DetectSettings(**settings),
            health=self.health,
            clock=self.clock,
            on_expression=self.said.append,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The service at work."""
        task = asyncio.create_task(self.service.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def look(self, image: Bgr, *things: Thing, after_s: float = 1.0) -> None:
        """Offer a picture some time later, and wait until it was looked at."""
        self.clock.advance(after_s)
        looks = self.service.stats.looks
        self.service.offer(self.frame(image), things)
        await until(lambda: self.service.stats.looks > looks)

    def frame(self, image: Bgr) -> Frame:
        """A picture taken now."""
        return frame(image, mono_ns=self.clock.mono_ns())

    @property
    def state(self) -> State:
        """The health of `detect.front`."""
        return self.health.of("detect.front")

    @property
    def words(self) -> str:
        """What health says."""
        part = self.health.part("detect.front")
        return part.detail if part else ""


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(_WITHIN_S):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def _tracked(number: int, at: tuple[int, int, int, int], *, still: bool = False) -> Thing:
    x, y, w, h = at
    return thing(number, (x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT), still=still)


def _objects(folder: Path) -> None:
    put(folder, yolox_graph(), "objects", "yolox", _NAMES, pad=114)


async def test_without_a_detector_nothing_is_done(tmp_path: Path) -> None:
    """Not even a thread; and the analysis gets an answer all the same."""
    room = Room(tmp_path / "none")
    async with room.running():
        await until(lambda: room.state is State.STOPPED and "no detector is installed" in room.words)
        for _ in range(100):
            room.service.offer(room.frame(picture((RED, _RED_AT))), [_tracked(1, _RED_AT)])
        await asyncio.sleep(0.05)
        assert room.service.stats.looks == 0
        assert room.service.labels() == {} and room.service.faces() == ()


async def test_tracks_get_their_class(tmp_path: Path) -> None:
    _objects(tmp_path)
    room = Room(tmp_path)
    async with room.running():
        await until(lambda: room.state is State.OK)
        assert "yolox-like on CPUExecutionProvider" in room.words
        await room.look(picture((RED, _RED_AT), (BLUE, _BLUE_AT)), _tracked(7, _RED_AT), _tracked(9, _BLUE_AT))
        labels = room.service.labels()
        assert {number: one.label for number, one in labels.items()} == {7: "apple", 9: "berry"}
        assert all(one.confidence > 0.8 for one in labels.values())
    assert room.state is State.STOPPED


async def test_classes_that_are_not_asked_for_are_not_told(tmp_path: Path) -> None:
    _objects(tmp_path)
    room = Room(tmp_path, classes=("berry",))
    async with room.running():
        await until(lambda: room.state is State.OK)
        await room.look(picture((RED, _RED_AT), (BLUE, _BLUE_AT)), _tracked(7, _RED_AT), _tracked(9, _BLUE_AT))
        assert list(room.service.labels()) == [9]


async def test_only_what_moves_is_looked_at(tmp_path: Path) -> None:
    """A red thing stands still in the far corner: no look for its sake, and not in the window of another."""
    _objects(tmp_path)
    room = Room(tmp_path)
    async with room.running():
        await until(lambda: room.state is State.OK)
        room.clock.advance(1)
        room.service.offer(room.frame(picture((RED, _RED_AT))), [_tracked(1, _RED_AT, still=True)])
        room.service.offer(room.frame(picture((RED, _RED_AT))), [])
        await asyncio.sleep(0.05)
        assert room.service.stats.looks == 0
        red_at, blue_at = (20, 20, 30, 40), (560, 300, 40, 40)
        await room.look(picture((RED, red_at), (BLUE, blue_at)), _tracked(1, red_at, still=True), _tracked(2, blue_at))
        assert list(room.service.labels()) == [2]


async def test_looks_are_seldom_and_the_newest_wins(tmp_path: Path) -> None:
    """Thirty frames in a second and a half at 2 Hz: three or four looks."""
    _objects(tmp_path)
    room = Room(tmp_path, max_hz=2.0)
    async with room.running():
        await until(lambda: room.state is State.OK)
        for _ in range(30):
            room.clock.advance(0.05)
            room.service.offer(room.frame(picture((RED, _RED_AT))), [_tracked(1, _RED_AT)])
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert 2 <= room.service.stats.looks <= 4


async def test_faces_are_told_and_speak_and_fade(tmp_path: Path) -> None:
    """A face that is happy all over: its place, its expression over the probes, with the frame's own time."""
    put(tmp_path, yunet_graph(), "faces", "yunet", ["face"], max_overlap=0.3)
    put(tmp_path, classifier_graph(), "expressions", "classifier", ["happy", "sad", "neutral"], activation="none")
    room = Room(tmp_path)
    async with room.running():
        await until(lambda: room.state is State.OK)
        at = (280, 130, 36, 40)
        await room.look(picture((RED, at)), _tracked(3, (260, 110, 80, 90)))
        (face,) = room.service.faces()
        assert pixels(face) == pytest.approx(at, abs=6)
        (expression,) = room.said
        assert expression.camera == "front" and expression.mono_ns == room.clock.mono_ns()
        assert expression.probabilities["HH"] > 0.8 and sum(expression.probabilities.values()) == pytest.approx(1)
        assert 0.3 < expression.confidence <= 1.0
        assert room.clock.now().wall_ms == expression.t_ms
        room.clock.advance(4)
        assert room.service.faces() == ()


async def test_a_model_that_fails_is_told_and_tried_again_and_the_others_go_on(tmp_path: Path) -> None:
    """S1.17 for detectors: objects fail on a white picture, faces are found in the same look."""
    put(tmp_path, failing_on_white(), "objects", "rtdetr", ["thing"])
    put(tmp_path, yunet_graph(), "faces", "yunet", ["face"], max_overlap=0.3)
    room = Room(tmp_path)
    white, red_at = ((255, 255, 255), (10, 10, 200, 300)), (500, 120, 36, 40)
    async with room.running():
        await until(lambda: room.state is State.OK)
        await room.look(picture(white, (RED, red_at)), _tracked(1, (10, 10, 200, 300)), _tracked(2, red_at))
        assert room.state is State.DEGRADED and "objects: model rtdetr-like cannot run" in room.words
        assert len(room.service.faces()) == 1 and room.service.stats.failures == 1
        await room.look(picture((RED, red_at)), _tracked(2, red_at), after_s=_BEFORE_A_RETRY_S)
        assert room.state is State.DEGRADED, "it is not tried again at once"
        room.clock.advance(61)
        await until(lambda: room.state is State.OK)
        assert "objects" in room.words


async def test_a_model_that_cannot_be_loaded_is_told_and_tried_again(tmp_path: Path) -> None:
    _objects(tmp_path)
    (tmp_path / "yolox-like.onnx").write_bytes(b"cut short")
    room = Room(tmp_path)
    async with room.running():
        await until(lambda: room.state is State.DEGRADED)
        assert "wrong digest" in room.words
        (tmp_path / "yolox-like.onnx").write_bytes(yolox_graph())
        room.clock.advance(5)
        await until(lambda: room.state is State.OK)


async def test_what_is_installed_or_removed_meanwhile_is_noticed(tmp_path: Path) -> None:
    room = Room(tmp_path / "later")
    async with room.running():
        await until(lambda: room.state is State.STOPPED)
        _objects(tmp_path / "later")
        await until(lambda: room.state is State.OK)
        (tmp_path / "later" / "yolox-like.json").unlink()
        await until(lambda: room.state is State.STOPPED)
        room.clock.advance(1)
        room.service.offer(room.frame(picture((RED, _RED_AT))), [_tracked(1, _RED_AT)])
        await asyncio.sleep(0.05)
        assert room.service.stats.looks == 0


async def test_switched_off_is_switched_off(tmp_path: Path) -> None:
    _objects(tmp_path)
    room = Room(tmp_path, enabled=False)
    async with room.running():
        await until(lambda: "switched off" in room.words)
    put(tmp_path, yunet_graph(), "faces", "yunet", ["face"])
    room = Room(tmp_path, objects=False)
    room.service.load_models()
    assert room.state is State.OK and "objects" not in room.words and "faces" in room.words


async def test_a_picture_that_cannot_be_decoded_is_passed_over(tmp_path: Path) -> None:
    _objects(tmp_path)
    room = Room(tmp_path)
    async with room.running():
        await until(lambda: room.state is State.OK)
        room.clock.advance(1)
        room.service.offer(Frame("front", 1, b"no JPEG", WIDTH, HEIGHT, 0), [_tracked(1, _RED_AT)])
        await until(lambda: room.service.stats.looks == 1)
        await room.look(picture((RED, _RED_AT)), _tracked(1, _RED_AT))
        assert list(room.service.labels()) == [1] and room.state is State.OK


async def test_two_cameras_share_one_model(tmp_path: Path) -> None:
    _objects(tmp_path)
    first, second = Room(tmp_path), Room(tmp_path)
    second.service._eyes._models = first.models
    first.service.load_models()
    second.service.load_models()
    assert first.models.share("objects") is second.service._eyes._shared["objects"]
    async with first.running(), second.running():
        await asyncio.gather(*(room.look(picture((RED, _RED_AT)), _tracked(1, _RED_AT)) for room in (first, second)))
    assert [room.service.labels()[1].label for room in (first, second)] == ["apple"] * 2
