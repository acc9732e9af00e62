"""What Home Assistant is told that there is: our entities in the words of its MQTT discovery.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, the scheme for whole devices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from contract.topics import topic

Value = str | int | float | None
Group = tuple[str, str]
"""`("camera", id)`, `("sensor", id)` or `("device", "")`: what has a state topic of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One thing that Home Assistant shows; the words are its own. `key` is that of the value."""

    key: str
    name: str
    platform: Literal["sensor", "binary_sensor"] = "sensor"
    device_class: str = ""
    unit: str = ""
    state_class: str = ""
    icon: str = ""
    diagnostic: bool = False


_MEASURED: Final = "measurement"
KINDS: Final[Mapping[str, tuple[Entity, ...]]] = {
    "camera": (
        Entity(key="motion", name="Motion", platform="binary_sensor", device_class="motion"),
        Entity(key="occupied", name="Occupancy", platform="binary_sensor", device_class="occupancy"),
        Entity(key="occupancy", name="Things in zones", state_class=_MEASURED, icon="mdi:account-group"),
        Entity(key="alarm", name="Alarm", platform="binary_sensor", device_class="safety"),
        Entity(key="last_event", name="Last event", icon="mdi:cctv"),
        Entity(key="last_event_at", name="Last event at", device_class="timestamp"),
        Entity(key="recording", name="Recording", platform="binary_sensor", device_class="running"),
        Entity(key="working", name="Camera", platform="binary_sensor", device_class="connectivity", diagnostic=True),
    ),
    "sensor": (
        Entity(key="hr_bpm", name="Heart rate", unit="bpm", state_class=_MEASURED, icon="mdi:heart-pulse"),
        Entity(key="scl_us", name="Skin conductance", unit="µS", state_class=_MEASURED, icon="mdi:hand-water"),
        Entity(key="skin_c", name="Skin temperature", device_class="temperature", unit="°C", state_class=_MEASURED),
        Entity(key="emotion", name="Emotion", icon="mdi:emoticon-outline"),
    ),
    "device": (
        Entity(key="temperature_c", name="Temperature", device_class="temperature", unit="°C", state_class=_MEASURED),
        Entity(key="storage_used_percent", name="Storage used", unit="%", state_class=_MEASURED, icon="mdi:harddisk"),
        Entity(key="disk_free_gb", name="Disk free", device_class="data_size", unit="GB", state_class=_MEASURED),
        Entity(key="outbox_records", name="Records waiting", state_class=_MEASURED, diagnostic=True),
    ),
}
SLOW: Final = ("sensor", "device")
"""Groups whose values change all the time."""


def config_topic(prefix: str, device: str) -> str:
    """Where Home Assistant looks for the description of a device."""
    return f"{prefix}/device/{_plain_id(device)}/config"


def state_topic(device: str, group: Group) -> str:
    """Where the values of a group are."""
    kind, name = group
    return topic(device, f"ha/{kind}/{name}" if name else f"ha/{kind}")


def config_of(device: str, *, name: str, software: str, components: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a device with these components."""
    return {
        "device": {
            "identifiers": [f"afferent_{_plain_id(device)}"],
            "name": name,
            "manufacturer": "Afferent",
            "model": "Edge appliance",
            "sw_version": software,
        },
        "origin": {"name": "afferent", "sw_version": software},
        "availability": [
            {
                "topic": topic(device, "status"),
                "value_template": "{{ value_json.state }}",
                "payload_available": "online",
                "payload_not_available": "offline",
            }
        ],
        "qos": 1,
        "components": dict(components),
    }


def components_of(device: str, names: Mapping[Group, str]) -> dict[str, dict[str, Any]]:
    """Every entity of these groups, by its id."""
    return {
        _component_id(group, entity): _component(device, group, name, entity)
        for group, name in names.items()
        for entity in KINDS[group[0]]
    }


def _component(device: str, group: Group, name: str, entity: Entity) -> dict[str, Any]:
    words = {
        "device_class": entity.device_class,
        "unit_of_measurement": entity.unit,
        "state_class": entity.state_class,
        "icon": entity.icon,
        "entity_category": "diagnostic" if entity.diagnostic else "",
    }
    return {
        "platform": entity.platform,
        "name": f"{name} {entity.name}".strip(),
        "unique_id": f"afferent_{_plain_id(device)}_{_component_id(group, entity)}",
        "state_topic": state_topic(device, group),
        "value_template": f"{{{{ value_json.{entity.key} }}}}",
        **{key: word for key, word in words.items() if word},
    }


def _component_id(group: Group, entity: Entity) -> str:
    return "_".join(part for part in (group[0], _plain_id(group[1]), entity.key) if part)


def _plain_id(name: str) -> str:
    """Home Assistant takes letters, digits, dashes and underscores."""
    return name.replace(".", "_")
