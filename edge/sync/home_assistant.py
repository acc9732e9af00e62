"""Tells a Home Assistant at the same broker what this appliance is and sees, where the operator wants that.

One retained message by the scheme of its MQTT discovery for devices (`<prefix>/device/<id>/config`; Home Assistant
2024.12 and later) describes all entities; their values are small retained messages below `afferent/v1/{device}/ha/`.
Our records do not fit for that: they come again, and late, after an outage. What was told is kept in a file, so that it
can be taken back.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from contract.messages import Event, Prediction, Record
from edge.core.clock import Clock
from edge.core.files import write_private
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.service import Pulse
from edge.sync.board import Board
from edge.sync.home_entities import KINDS, SLOW, Group, Value, components_of, config_of, config_topic, state_topic

PART: Final = "home_assistant"
_EVERY_S: Final = 1.0
_SLOW_EVERY: Final = 10
"""Of so many looks one also takes in what changes all the time."""
_MOST_OPEN: Final = 200
_QUADRANTS: Final = {"HH": "excited", "HL": "calm", "LH": "distressed", "LL": "dull"}
"""First letter valence, second arousal, as of `Prediction.probe`."""
_log = logging.getLogger(__name__)
Readings = Callable[[], Mapping[Group, Mapping[str, Value]]]
"""Values of each group by the keys of its entities."""


class HomeAssistantSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[home_assistant]` table: whether the appliance shows itself to a Home Assistant at the same broker."""

    enabled: Annotated[
        bool, Meta(description="Whether Home Assistant is told of this appliance, its cameras and its sensors.")
    ] = False
    prefix: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}(?![\s\S])",
            description="Topic below which Home Assistant looks for devices.",
        ),
    ] = "homeassistant"
    name: Annotated[
        str, Meta(max_length=80, description="What Home Assistant calls the appliance; empty takes the device's name.")
    ] = ""


class Told(Struct, frozen=True, kw_only=True):
    """What the broker retains of us for Home Assistant."""

    config_topic: str
    topics: list[str] = []
    components: dict[str, str] = {}
    """Platform by id."""


class HomeAssistantService:
    """A `Service`. Health part: `home_assistant`. Switched off, it takes back what was told earlier.

    `names` are the groups that there are, with what people call each; `readings` gives their values; `kept` is the file
    in which it is noted what was told.
    """

    def __init__(  # noqa: PLR0913 - what it shows comes from everywhere
        self,
        settings: HomeAssistantSettings,
        *,
        device: str,
        software: str,
        names: Mapping[Group, str],
        readings: Readings,
        board: Board,
        hub: Hub,
        kept: Path,
        clock: Clock,
        health: Health,
    ) -> None:
        self.name = "home-assistant"
        self.pulse = Pulse(clock)
        self._settings = settings
        self._device = device
        self._software = software
        self._names = names
        self._readings = readings
        self._board = board
        self._hub = hub
        self._kept = kept
        self._clock = clock
        self._health = health
        self._events = Events()
        self._config_topic = config_topic(settings.prefix, device)

    async def run(self) -> None:
        """Tell until cancelled."""
        told = await asyncio.to_thread(_read, self._kept)
        if not self._settings.enabled:
            await self._stay_away(told)
        watching = asyncio.create_task(self._watch(), name="home-assistant-watch")
        try:
            await self._introduce(told)
            look = 0
            while True:
                self.pulse.beat()
                self._show(slow=look % _SLOW_EVERY == 0)
                look += 1
                await self._clock.sleep(_EVERY_S)
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def _stay_away(self, told: Told | None) -> None:
        """Take back what an earlier run told, and then nothing."""
        self._health.set(PART, State.STOPPED, "switched off by home_assistant.enabled")
        leaving = [told.config_topic, *told.topics] if told else []
        for name in leaving:
            self._board.post(name, b"")
        while True:
            self.pulse.beat()
            if leaving and all(self._board.is_told(name) for name in leaving):
                leaving = []
                with suppress(OSError):  # then it is taken back once more by the next run
                    await asyncio.to_thread(self._kept.unlink, missing_ok=True)
            await self._clock.sleep(_EVERY_S * _SLOW_EVERY)

    async def _introduce(self, told: Told | None) -> None:
        """Say what there is; what was told and is no more is taken back."""
        components = components_of(self._device, self._names)
        topics = [state_topic(self._device, group) for group in self._names]
        now = Told(
            config_topic=self._config_topic,
            topics=topics,
            components={name: str(one["platform"]) for name, one in components.items()},
        )
        with suppress(OSError):  # the disk takes nothing now: told all the same
            await asyncio.to_thread(write_private, self._kept, msgspec.json.encode(now))
        gone: dict[str, dict[str, Any]] = {}
        if told:
            gone = {name: {"platform": kind} for name, kind in told.components.items() if name not in components}
            for name in {told.config_topic, *told.topics} - {self._config_topic, *topics}:
                self._board.post(name, b"")
        self._board.post(self._config_topic, msgspec.json.encode(self._config({**components, **gone})))
        self._health.set(PART, State.OK, f"{len(components)} entities")

    def _config(self, components: Mapping[str, Any]) -> dict[str, Any]:
        name = self._settings.name or self._device
        return config_of(self._device, name=name, software=self._software, components=components)

    def _show(self, *, slow: bool) -> None:
        readings = self._readings()
        for group in self._names:
            if group[0] in SLOW and not slow:
                continue
            values = {**dict.fromkeys(entity.key for entity in KINDS[group[0]]), **readings.get(group, {})}
            self._board.post(
                state_topic(self._device, group), msgspec.json.encode({**values, **self._events.of(group)})
            )

    async def _watch(self) -> None:
        async for message in self._hub.watch():
            if message.topic == "record" and isinstance(message.data, Record):
                self._events.saw(message.data)


class Events:
    """What of records is shown: the last event and the open alarms of each camera, the last emotion of each sensor."""

    def __init__(self) -> None:
        self._values: defaultdict[Group, dict[str, Value]] = defaultdict(dict)
        self._alarms: dict[str, str] = {}
        """Camera by id of the open event, oldest first."""

    def saw(self, record: Record) -> None:
        """A record was committed."""
        match record.body:
            case Event() as event:
                self._saw_event(event, record.t)
            case Prediction(task="emotion") as prediction:
                probe = prediction.probe
                self._values["sensor", prediction.source]["emotion"] = _QUADRANTS[probe] if probe else None

    def of(self, group: Group) -> dict[str, Value]:
        """The values of a group."""
        values = dict(self._values.get(group, {}))
        if group[0] == "camera":
            values["alarm"] = "ON" if group[1] in self._alarms.values() else "OFF"
        return values

    def _saw_event(self, event: Event, t: str) -> None:
        if event.phase == "close":
            self._alarms.pop(event.event_id, None)
        elif event.severity in {"HIGH", "CRITICAL"}:
            self._alarms[event.event_id] = event.camera
            while len(self._alarms) > _MOST_OPEN:
                self._alarms.pop(next(iter(self._alarms)))
        if event.phase == "open":
            self._values["camera", event.camera] |= {"last_event": event.type, "last_event_at": t}


def _read(path: Path) -> Told | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Told)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        _log.warning("%s cannot be read, what Home Assistant was told stays: %s", path, error)
        return None
