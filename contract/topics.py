"""MQTT topics: `afferent/v1/{device}/{leaf}`."""

from collections.abc import Mapping
from typing import Final

from contract.errors import InvalidMessageError
from contract.ids import check_id
from contract.messages import (
    AnyBody,
    ClockFix,
    CommandState,
    Consent,
    Erasure,
    Event,
    File,
    HealthChange,
    Label,
    Loss,
    Marker,
    Prediction,
    Recording,
    Session,
    Telemetry,
)

ROOT: Final = "afferent/v1"
REQUESTS: Final = "requests"
"""Where a device asks the cloud for what needs an answer: `contract.storage.StorageRequest`."""
REPLIES: Final = "replies"
"""Where the cloud answers it: `contract.storage.StorageReply`."""
DESIRED: Final = "desired"
"""Retained, from the cloud: `contract.remote.Desired`."""
REPORTED: Final = "reported"
"""Retained, from the device: `contract.remote.Reported`."""
RECORD_LEAVES: Final = ("predictions", "events", "recordings", "telemetry", "ledger", "sessions", "commands")
_LEAVES: Final[Mapping[type[AnyBody], str]] = {
    Prediction: "predictions",
    Event: "events",
    Recording: "recordings",
    File: "recordings",
    Telemetry: "telemetry",
    Loss: "ledger",
    HealthChange: "ledger",
    ClockFix: "ledger",
    Consent: "sessions",
    Session: "sessions",
    Marker: "sessions",
    Label: "sessions",
    Erasure: "sessions",
    CommandState: "commands",
}


def topic(device: str, leaf: str) -> str:
    """The topic of one device, e.g. `afferent/v1/gate-1/status`."""
    return f"{ROOT}/{check_id(device, 'device')}/{leaf}"


def command_leaf(command_id: str) -> str:
    """Where one command goes; a device subscribes to `command_leaf("+")`."""
    return f"cmd/{command_id}" if command_id == "+" else f"cmd/{check_id(command_id, 'command')}"


def leaf_of(body: AnyBody) -> str:
    """The leaf on which a record with this body is published."""
    return _LEAVES[type(body)]


def split(name: str) -> tuple[str, str]:
    """`(device, leaf)` of a topic of ours; raise `InvalidMessageError` for any other."""
    head, _, rest = name.partition(f"{ROOT}/")
    device, _, leaf = rest.partition("/")
    if head or not leaf:
        raise InvalidMessageError(f"{name!r:.120} is not a topic of {ROOT}")
    return check_id(device, "device"), leaf
