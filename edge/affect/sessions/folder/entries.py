"""What stands in the journal of a session, as MessagePack: a frame is a list of these, in the order they came."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from contract.messages import Prediction
from contract.sessions import SessionLabel, SessionMarker
from edge.core.files import DAMAGED
from edge.core.sample import Sample

Moment = tuple[int, int | None, bool, dict[str, float]]
"""`mono_ns`, the board's own `node_ms`, whether samples are known to be missing before it, and value by channel."""


class Samples(Struct, frozen=True, array_like=True, tag="samples"):
    """What one sensor delivered, as it came."""

    sensor: str
    moments: list[Moment]


class Dropped(Struct, frozen=True, array_like=True, tag="dropped"):
    """Samples that came while the disk took none, and were too many to wait."""

    sensor: str
    from_ns: int
    to_ns: int
    samples: int


class Predicted(Struct, frozen=True, array_like=True, tag="predicted"):
    """A prediction of the session, its times by the session's own clock."""

    body: Prediction


class Labelled(Struct, frozen=True, array_like=True, tag="labelled"):
    """What the participant said."""

    label: SessionLabel


class Marked(Struct, frozen=True, array_like=True, tag="marked"):
    """A marked moment."""

    marker: SessionMarker


Entry = Samples | Dropped | Predicted | Labelled | Marked
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[Entry])


def pack(entries: Sequence[Entry]) -> bytes:
    """The payload of a frame."""
    return _encoder.encode(entries)


def unpack(payload: bytes) -> list[Entry]:
    """What a frame says; nothing if newer software wrote it."""
    try:
        return _decoder.decode(payload)
    except DAMAGED:
        return []


def samples_of(came: Iterable[Sample]) -> Iterator[Samples]:
    """Samples as entries, those of one sensor that came in a row together."""
    sensor, moments = "", list[Moment]()
    for one in came:
        if moments and one.sensor != sensor:
            yield Samples(sensor, moments)
            moments = []
        sensor = one.sensor
        values = {channel.value: value for channel, value in one.values.items()}
        moments.append((one.mono_ns, one.node_ms, one.gap_before, values))
    if moments:
        yield Samples(sensor, moments)
