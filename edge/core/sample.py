"""What a body sensor says at one moment, with units in the names."""

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """A quantity and its unit."""

    GSR_US = "gsr_us"
    """Skin conductance, microsiemens."""
    GSR_RAW = "gsr_raw"
    """Skin conductance in counts of a board that nobody calibrated: good for change, not for level."""
    HR_BPM = "hr_bpm"
    """Heart rate, beats a minute."""
    PULSE_RAW = "pulse_raw"
    """Optical pulse, counts of the converter."""
    IBI_MS = "ibi_ms"
    """Time from the beat before to this one, milliseconds, from a sensor that finds beats itself."""
    SKIN_C = "skin_c"
    """Skin temperature, degrees Celsius."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one sensor at one moment. A channel that said nothing is absent; nothing is ever filled in.

    `gap_before` tells that samples are known to be missing right before this one.
    """

    sensor: str
    mono_ns: int
    values: dict[Channel, float]
    node_ms: int | None = None
    """The sensor board's own clock, where it has one."""
    gap_before: bool = False
