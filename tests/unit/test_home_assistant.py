"""Home Assistant is told what there is, sees it change, and forgets it when it is switched off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.messages import AnyBody, Event, Prediction, Record
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.sync.board import MOST_TOPICS, Board
from edge.sync.home_assistant import PART, HomeAssistantService, HomeAssistantSettings
from edge.sync.home_entities import Group, Value
from tests.support.clock import START_MS, FakeClock

ON = HomeAssistantSettings(enabled=True, name="Hall")
NAMES: dict[Group, str] = {("camera", "front"): "Front door", ("sensor", "wrist"): "Wrist", ("device", ""): ""}
CONFIG = "homeassistant/device/gate_1/config"
FRONT = "afferent/v1/gate.1/ha/camera/front"


class Stage:
    """A broker's memory, as far as the board says it."""

    def __init__(self, tmp_path: Path) -> None:
        self.kept = tmp_path / "remote" / "home-assistant.json"
        self.board = Board()
        self.retained: dict[str, bytes] = {}
        self.hub = Hub()
        self.health = Health(FakeClock())
        self.values: dict[Group, dict[str, Value]] = {("camera", "front"): {"motion": "OFF"}}

    @asynccontextmanager
    async def running(self, settings: HomeAssistantSettings, names: dict[Group, str]) -> AsyncIterator[None]:
        """The service at work, over a connection."""
        service = HomeAssistantService(
            settings,
            device="gate.1",
            software="1.0",
            names=names,
            readings=lambda: self.values,
            board=self.board,
            hub=self.hub,
            kept=self.kept,
            clock=FakeClock(),
            health=self.health,
        )
        self.board.open(lambda: None)
        task = asyncio.create_task(service.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert task.cancelled(), task.exception()

    async def until(self, condition: Any) -> None:
        """Carry to the broker until it holds."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.002)
                for topic, payload in self.board.take(1000):
                    if payload:
                        self.retained[topic] = payload
                    else:
                        self.retained.pop(topic, None)

    def of(self, topic: str) -> dict[str, Any]:
        """What a topic says."""
        found: dict[str, Any] = json.loads(self.retained.get(topic, b"{}"))
        return found

    def publish(self, body: AnyBody) -> None:
        """A record was committed."""
        record = Record(
            id="00000001-0a1b2c3d:1",
            seq=1,
            boot="00000001-0a1b2c3d",
            t="2026-11-21T08:00:00.000Z",
            mono_ms=0,
            clock="trusted",
            body=body,
        )
        self.hub.publish_record(1, record)


async def test_everything_is_described_in_one_message_and_shown_as_it_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    async with stage.running(ON, NAMES):
        await stage.until(lambda: len(stage.retained) == 4)
        config = stage.of(CONFIG)
        assert config["device"]["identifiers"] == ["afferent_gate_1"]
        assert config["device"]["name"] == "Hall"
        assert config["availability"][0]["topic"] == "afferent/v1/gate.1/status"
        motion = config["components"]["camera_front_motion"]
        assert motion == {
            "platform": "binary_sensor",
            "name": "Front door Motion",
            "unique_id": "afferent_gate_1_camera_front_motion",
            "state_topic": FRONT,
            "value_template": "{{ value_json.motion }}",
            "device_class": "motion",
        }
        for component in config["components"].values():
            key = component["value_template"].removeprefix("{{ value_json.").removesuffix(" }}")
            assert key in stage.of(component["state_topic"]), component
        ids = [component["unique_id"] for component in config["components"].values()]
        assert len(ids) == len(set(ids))
        stage.values["camera", "front"]["motion"] = "ON"
        await stage.until(lambda: stage.of(FRONT)["motion"] == "ON")


async def test_events_and_emotions_are_taken_from_records(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    async with stage.running(ON, NAMES):
        await stage.until(lambda: stage.retained)
        event = Event(event_id="e", phase="open", camera="front", type="loitering", severity="HIGH", start_ms=START_MS)
        stage.publish(event)
        await stage.until(lambda: stage.of(FRONT).get("alarm") == "ON")
        assert stage.of(FRONT)["last_event"] == "loitering"
        assert stage.of(FRONT)["last_event_at"] == "2026-11-21T08:00:00.000Z"
        stage.publish(Event(event_id="e", phase="close", camera="front", type="loitering", start_ms=START_MS))
        await stage.until(lambda: stage.of(FRONT)["alarm"] == "OFF")
        stage.publish(
            Prediction(
                task="emotion",
                model="m",
                model_version="1",
                source="wrist",
                segment_index=0,
                start_ms=START_MS,
                end_ms=START_MS,
                probe="HL",
                user_id="participant-7",
            )
        )
        wrist = "afferent/v1/gate.1/ha/sensor/wrist"
        await stage.until(lambda: stage.of(wrist).get("emotion") == "calm")
        assert b"participant-7" not in b"".join(stage.retained.values())


async def test_what_is_no_more_is_taken_back(tmp_path: Path) -> None:
    """A camera that went, another prefix, and the whole when it is switched off: also by a later run."""
    stage = Stage(tmp_path)
    async with stage.running(ON, NAMES):
        await stage.until(lambda: FRONT in stage.retained)
    stage.board = Board()
    async with stage.running(ON, {("device", ""): ""}):
        await stage.until(lambda: FRONT not in stage.retained)
        assert stage.of(CONFIG)["components"]["camera_front_motion"] == {"platform": "binary_sensor"}
    stage.board = Board()
    async with stage.running(HomeAssistantSettings(enabled=True, prefix="other/place"), NAMES):
        await stage.until(lambda: CONFIG not in stage.retained and "other/place/device/gate_1/config" in stage.retained)
    stage.board = Board()
    async with stage.running(HomeAssistantSettings(), NAMES):
        await stage.until(lambda: not stage.kept.exists())
        assert stage.retained == {}
        assert stage.health.of(PART) is State.STOPPED
    stage.board = Board()
    async with stage.running(HomeAssistantSettings(), NAMES):
        await asyncio.sleep(0.02)
        assert stage.board.take(10) == [], "whoever never wanted it says nothing"


def test_a_board_tells_each_connection_everything_and_repeats_nothing() -> None:
    board, woken = Board(), list[int]()
    board.post("a", b"1")
    assert not board.is_told("a")
    board.open(lambda: woken.append(1))
    assert board.take(10) == [("a", b"1")]
    assert board.is_told("a")
    board.post("a", b"1")
    assert board.take(10) == []
    board.post("a", b"2")
    board.post("b", b"x")
    assert len(woken) == 2
    assert board.take(1) == [("a", b"2")]
    board.close()
    board.open(lambda: None)
    assert dict(board.take(10)) == {"a": b"2", "b": b"x"}
    for number in range(MOST_TOPICS - 2):
        board.post(f"t-{number}", b"")
    with pytest.raises(ValueError, match="enough"):
        board.post("one more", b"")
