"""Units at the door: from what a board counts to what a body does, or to honest counts, or to nothing.

Nothing implausible passes. A heart rate of 0 means that no finger was on the sensor, not that a heart stood still.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge.core.sample import Channel
from edge.sensing.node_messages import READINGS_PER_VALUE, NodeChannel
from edge.sensing.settings import GsrUnit, HrUnit

_CONVERTER: Final = 2.0**24
"""The widest of optical sensors have 24 bits; waves that were filtered on the way swing around 0."""
_PLAUSIBLE: Final[dict[Channel, tuple[float, float]]] = {
    Channel.GSR_US: (0.001, 100.0),
    Channel.GSR_RAW: (0.0, 1024.0),
    Channel.HR_BPM: (20.0, 250.0),
    Channel.IBI_MS: (240.0, 3000.0),
    Channel.PULSE_RAW: (-_CONVERTER, _CONVERTER),
    Channel.SKIN_C: (5.0, 45.0),
}

_GSR, _PULSE = int(NodeChannel.GSR_GROVE), int(NodeChannel.PULSE_PPG)


@dataclass(frozen=True, slots=True)
class BoardUnits:
    """What the two numbers of a row mean on one board. `gsr_calibration` 0: nobody calibrated its Grove GSR."""

    gsr_unit: GsrUnit
    gsr_calibration: float
    hr_unit: HrUnit

    def values(self, gsr: int, hr: int) -> dict[Channel, float]:
        """The plausible ones of the two values of a row, by channel and unit."""
        return plausible(dict((self._gsr(gsr), self._hr(hr))))

    def _gsr(self, gsr: int) -> tuple[Channel, float]:
        if self.gsr_unit == "us":
            return Channel.GSR_US, float(gsr)
        if self.gsr_unit == "nanosiemens":
            return Channel.GSR_US, gsr / 1000.0
        if self.gsr_calibration:
            return Channel.GSR_US, grove_us(gsr, self.gsr_calibration)
        return Channel.GSR_RAW, float(gsr)

    def _hr(self, hr: int) -> tuple[Channel, float]:
        return (Channel.HR_BPM if self.hr_unit == "bpm" else Channel.PULSE_RAW), float(hr)


@dataclass(frozen=True, slots=True)
class NodeUnits:
    """What the values of a sensor node mean. `gsr_calibration`: its reading (of 1024) with open electrodes, 0 if nobody
    calibrated it."""

    channels: tuple[int, ...]
    gsr_calibration: float

    @property
    def calibrated(self) -> bool | None:
        """Whether skin conductance comes in microsiemens; None where the node measures none."""
        return self.gsr_calibration > 0 if NodeChannel.GSR_GROVE in self.channels else None

    def values(self, values: Sequence[int]) -> tuple[dict[Channel, float], int]:
        """The plausible values of a frame by channel and unit, and how many were left out as implausible.

        A skin thermometer has no formula in the protocol and a supply voltage is none of the body: neither is a value.
        """
        found: dict[Channel, float] = {}
        for kind, value in zip(self.channels, values, strict=False):
            if kind == _GSR:
                channel, reading = self._gsr(value / READINGS_PER_VALUE)
                found[channel] = reading
            elif kind == _PULSE:
                found[Channel.PULSE_RAW] = value / READINGS_PER_VALUE
        good = plausible(found)
        return good, len(found) - len(good)

    def _gsr(self, reading: float) -> tuple[Channel, float]:
        if self.gsr_calibration:
            return Channel.GSR_US, grove_us(reading, self.gsr_calibration)
        return Channel.GSR_RAW, reading


def plausible(values: dict[Channel, float]) -> dict[Channel, float]:
    """Those of `values` that a body, or the converter in front of it, can show; NaN is not one of them."""
    return {
        channel: value for channel, value in values.items() if _PLAUSIBLE[channel][0] <= value <= _PLAUSIBLE[channel][1]
    }


def grove_us(adc: float, calibration: float) -> float:
    """Skin conductance in microsiemens of a Grove GSR v1.2 from a reading of 0 to 1024, fractions allowed.

    From the maker's R = (1024 + 2*adc)*10000/(C - adc) ohm, where C, nominally 512, is what this very board reads with
    open electrodes. At C and above the resistance is beyond what the board can measure: NaN.
    """
    if not 0 <= adc < calibration:
        return math.nan
    return 100.0 * (calibration - adc) / (1024 + 2 * adc)
