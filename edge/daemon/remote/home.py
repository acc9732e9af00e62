"""What Home Assistant is shown of this appliance, read from what the rooms know anyway."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from contract.sessions import SensorView, SignalView
from edge.core.storage_view import StorageView
from edge.sync.home_assistant import Readings
from edge.sync.home_entities import Group, Value
from edge.web.deps import CameraPort

_GB: Final = 1e9


def names_of(cameras: Mapping[str, CameraPort], sensors: Sequence[SensorView]) -> dict[Group, str]:
    """The groups that there are, with what people call each."""
    return {
        **{("camera", name): camera.name for name, camera in cameras.items()},
        **{("sensor", sensor.id): sensor.name or sensor.id for sensor in sensors},
        ("device", ""): "",
    }


def readings_of(
    cameras: Mapping[str, CameraPort],
    signals: Callable[[], Sequence[SignalView]],
    storage: Callable[[], StorageView],
    telemetry: Callable[[], Mapping[str, Any]],
) -> Readings:
    """What reads all of them, at the moment it is called."""

    def read() -> Mapping[Group, Mapping[str, Value]]:
        return {
            **{("camera", name): _camera(camera) for name, camera in cameras.items()},
            **{("sensor", view.sensor): _body(view) for view in signals()},
            ("device", ""): _device(storage(), telemetry()),
        }

    return read


def _camera(camera: CameraPort) -> Mapping[str, Value]:
    vision = camera.vision_state() or {}
    occupancy = sum(zone["occupancy"] for zone in vision.get("zones", ()))
    return {
        "motion": _on(bool(vision.get("boxes"))),
        "occupied": _on(occupancy > 0),
        "occupancy": occupancy,
        "recording": _on(camera.recording),
        "working": _on(camera.stats.state == "ok"),
    }


def _body(view: SignalView) -> Mapping[str, Value]:
    return {"hr_bpm": _round(view.hr_bpm, 0), "scl_us": _round(view.scl_us, 2), "skin_c": _round(view.skin_c, 1)}


def _device(storage: StorageView, telemetry: Mapping[str, Any]) -> Mapping[str, Value]:
    return {
        "temperature_c": _round(telemetry.get("temperature_c"), 0),
        "storage_used_percent": _round(100 * storage.used_bytes / storage.max_bytes, 0) if storage.max_bytes else None,
        "disk_free_gb": _round(storage.free_bytes / _GB, 1),
        "outbox_records": telemetry.get("outbox_records"),
    }


def _on(value: bool) -> str:
    return "ON" if value else "OFF"


def _round(value: float | None, digits: int) -> float | None:
    """So that noise is not told each time."""
    return None if value is None else round(value, digits)
