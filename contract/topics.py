"""MQTT topics: `afferent/v1/{device}/{leaf}`."""

from typing import Final

from contract.errors import InvalidMessageError
from contract.ids import check_id
from contract.messages import (
    AnyBody,
    ClockFix,
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
)

ROOT: Final = "afferent/v1"
REQUESTS: Final = "requests"
"""Where a device asks the cloud for what needs an answer: `contract.storage.StorageRequest`."""
REPLIES: Final = "replies"
"""Where the cloud answers it: `contract.storage.StorageReply`."""
RECORD_LEAVES: Final = ("predictions", "events", "recordings", "telemetry", "ledger", "sessions")


def topic(device: str, leaf: str) -> str:
    """The topic of one device, e.g. `afferent/v1/gate-1/status`."""
    return f"{ROOT}/{check_id(device, 'device')}/{leaf}"


def leaf_of(body: AnyBody) -> str:
    """The leaf on which a record with this body is published."""
    match body:
        case Prediction():
            return "predictions"
        case Event():
            return "events"
        case Recording() | File():
            return "recordings"
        case Loss() | HealthChange() | ClockFix():
            return "ledger"
        case Consent() | Session() | Marker() | Label() | Erasure():
            return "sessions"
        case _:
            return "telemetry"


def split(name: str) -> tuple[str, str]:
    """`(device, leaf)` of a topic of ours; raise `InvalidMessageError` for any other."""
    head, _, rest = name.partition(f"{ROOT}/")
    device, _, leaf = rest.partition("/")
    if head or not leaf:
        raise InvalidMessageError(f"{name!r:.120} is not a topic of {ROOT}")
    return check_id(device, "device"), leaf
