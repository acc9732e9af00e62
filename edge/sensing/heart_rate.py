"""The Heart Rate Measurement (0x2A37) of the Bluetooth SIG's Heart Rate Service 1.0: bytes in, beats out.

Byte 0 holds flags: bit 0 the rate is 16 bits wide, bits 1 and 2 whether the sensor can feel skin and does, bit 3 energy
follows, bit 4 intervals follow, each in 1/1024 s and oldest first. All little-endian.
"""

import struct
from dataclasses import dataclass
from typing import Final

SERVICE: Final = "0000180d-0000-1000-8000-00805f9b34fb"
MEASUREMENT: Final = "00002a37-0000-1000-8000-00805f9b34fb"
_WIDE, _FEELS, _CAN_FEEL, _ENERGY, _INTERVALS = 1, 2, 4, 8, 16
_TICKS_A_SECOND: Final = 1024


@dataclass(frozen=True, slots=True)
class HeartRate:
    """One measurement. `contact` is None where the sensor cannot tell whether it touches skin."""

    bpm: int
    contact: bool | None
    energy_kj: int | None
    intervals_us: tuple[int, ...]
    """From beat to beat, oldest first; microseconds."""


def parse_heart_rate(data: bytes) -> HeartRate | None:
    """The measurement in a notification; None where the bytes are none: too short, or more than they announce."""
    if not data:
        return None
    flags, at = data[0], 1
    wide, energy = bool(flags & _WIDE), bool(flags & _ENERGY)
    intervals_at = at + 1 + wide + 2 * energy
    rest = len(data) - intervals_at
    if rest < 0 or rest % 2 or (rest and not flags & _INTERVALS):
        return None
    bpm = struct.unpack_from("<H" if wide else "<B", data, at)[0]
    energy_kj = struct.unpack_from("<H", data, at + 1 + wide)[0] if energy else None
    ticks = struct.unpack_from(f"<{rest // 2}H", data, intervals_at)
    intervals = tuple(round(tick * 1_000_000 / _TICKS_A_SECOND) for tick in ticks)
    return HeartRate(bpm, bool(flags & _FEELS) if flags & _CAN_FEEL else None, energy_kj, intervals)
