"""Which channels of a Lab Streaming Layer stream are body signals, and in which unit: by settings, or by what they say.

Rows in, values by our channels out: no library, no clock.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge.core.sample import Channel
from edge.sensing.units import plausible

_MICROSIEMENS: Final = ("us", "microsiemens", "microsiemen", "µs", "μs")
_SAID: Final[dict[tuple[str, str], tuple[Channel, float]]] = {
    **{(label, unit): (Channel.GSR_US, 1.0) for label in ("eda", "gsr") for unit in _MICROSIEMENS},
    **{(label, unit): (Channel.GSR_US, 0.001) for label in ("eda", "gsr") for unit in ("ns", "nanosiemens")},
    **{("hr", unit): (Channel.HR_BPM, 1.0) for unit in ("", "bpm")},
    **{(label, unit): (Channel.IBI_MS, 1.0) for label in ("ibi", "rr") for unit in ("ms", "milliseconds")},
    **{(label, unit): (Channel.IBI_MS, 1000.0) for label in ("ibi", "rr") for unit in ("s", "seconds")},
    **{(label, unit): (Channel.PULSE_RAW, 1.0) for label in ("ppg", "bvp") for unit in ("", "counts", "adc")},
    **{(label, unit): (Channel.SKIN_C, 1.0) for label in ("temp", "skt") for unit in ("c", "°c", "celsius", "degc")},
}
"""What a channel is whose label and unit, in small letters, say so."""


@dataclass(frozen=True, slots=True)
class Column:
    """One channel of a stream: where it stands, what it is, and what its values are multiplied by."""

    index: int
    channel: Channel
    scale: float


def columns(
    labels: Sequence[str], units: Sequence[str], wanted: Mapping[str, str], scale: Mapping[str, float]
) -> list[Column]:
    """The channels to take; raise `ValueError` that names what is wrong with the mapping.

    `labels` and `units` are those of the stream, empty where it tells none; `wanted` and `scale` go by label, or by
    number from 0.
    """
    if wanted:
        found = [(_place(name, labels), Channel(kind), scale.get(name, 1.0)) for name, kind in wanted.items()]
        return [Column(*one) for one in found]
    said = (
        (index, _SAID.get((label.lower(), unit.lower())))
        for index, (label, unit) in enumerate(zip(labels, units, strict=True))
    )
    taken = {known[0]: Column(index, *known) for index, known in reversed(list(said)) if known}
    if not taken:
        shown = ", ".join(
            f"{label or index} [{unit}]" for index, (label, unit) in enumerate(zip(labels, units, strict=True))
        )
        raise ValueError(f"none of its channels says what it is: set `channels`; it has {shown}")
    return sorted(taken.values(), key=lambda column: column.index)


def values_of(row: Sequence[float], taken: Sequence[Column]) -> tuple[dict[Channel, float], int]:
    """The plausible values of a row, and how many others were left out; NaN is the absence of a value."""
    found = {one.channel: float(row[one.index]) * one.scale for one in taken}
    there = {channel: value for channel, value in found.items() if not math.isnan(value)}
    good = plausible(there)
    return good, len(there) - len(good)


def _place(name: str, labels: Sequence[str]) -> int:
    if name in labels:
        return labels.index(name)
    if name.isdecimal() and int(name) < len(labels):
        return int(name)
    raise ValueError(
        f"it has no channel {name!r}: it has {', '.join(label or str(n) for n, label in enumerate(labels))}"
    )
