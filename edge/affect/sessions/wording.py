"""Channels, states and moments as who leads a session reads them; their ids are for programs."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from contract.sessions import ChannelQuality, SensorView
from edge.affect.signals.reading import NOISY

_CHANNELS: Final = {
    "gsr_us": "skin conductance",
    "gsr_raw": "skin conductance",
    "hr_bpm": "heart rate",
    "ibi_ms": "heart beats",
    "pulse_raw": "pulse",
    "skin_c": "skin temperature",
}
_SIGNALS: Final = {"saturated": "at its limit", "motion": "disturbed by movement"}
_SENSORS: Final = {
    "starting": "is connecting",
    "degraded": "is impaired",
    "failed": "is not there",
    "stopped": "is switched off",
}


def channels_said(names: Iterable[str]) -> list[str]:
    """Each channel in words, once."""
    return list(dict.fromkeys(_CHANNELS.get(name, name.replace("_", " ")) for name in names))


def quality_said(name: str, quality: ChannelQuality) -> str:
    """`pulse is noisy`, and why where that is known; a channel without a trouble of a name is poor."""
    state = "poor" if quality.state == "ok" else _SIGNALS.get(quality.state, quality.state.replace("_", " "))
    why = f": {quality.detail}" if quality.state == "noisy" and quality.detail not in ("", NOISY) else ""
    return f"{channels_said([name])[0]} is {state}{why}"


def sensor_named(sensor: SensorView) -> str:
    """What its owner calls it; its id where it has no name."""
    return sensor.name or sensor.id


def trouble_said(sensor: SensorView) -> str:
    """`Left hand is impaired: ...`."""
    said = f"{sensor_named(sensor)} {_SENSORS.get(sensor.state, f'is {sensor.state}')}"
    return f"{said}: {sensor.detail}" if sensor.detail else said


def moment_said(ms: int) -> str:
    """`2026-11-21 09:00:00 (UTC+01:00)`: date, time and zone as on the appliance's own clock."""
    at = datetime.fromtimestamp(ms / 1000, UTC).astimezone()
    ahead = at.isoformat()[-6:]
    return f"{at:%Y-%m-%d %H:%M:%S} (UTC{ahead if at.utcoffset() else ''})"
