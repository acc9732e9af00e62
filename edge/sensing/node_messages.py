"""What a sensor node and its host say to each other, as values. docs/sensor-protocol.md is the same for people."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, TypeAlias

PROTOCOL: Final = 1
UNCALIBRATED: Final = 0xFFFF
"""`Hello.gsr_open` of a node that nobody calibrated; as the value of CALIBRATE: measure now."""
READINGS_PER_VALUE: Final = 64
"""A value is the sum of this many 10-bit readings, or scaled as if it were: value / 64 is a reading."""
MOST_CHANNELS: Final = 8
RATES_HZ: Final = range(1, 501)


class NodeChannel(IntEnum):
    """What a node's channel measures, as HELLO tells it."""

    GSR_GROVE = 1
    PULSE_PPG = 2
    SKIN_TEMPERATURE = 3
    SUPPLY_MV = 4


class ResetCause(IntFlag):
    """Why the node began anew; several at once are possible, none means that a boot loader took the answer away."""

    POWER_ON = 1
    EXTERNAL = 2
    BROWN_OUT = 4
    WATCHDOG = 8


class CommandType(IntEnum):
    """What a host may ask of a node. RATE takes hertz, CALIBRATE a value or 0xFFFF, MODE 0 (frames) or 1 (lines)."""

    RATE = 0x81
    CALIBRATE = 0x82
    IDENTIFY = 0x83
    SELF_TEST = 0x84
    MODE = 0x85


class ReplyStatus(IntEnum):
    """How a command ended."""

    OK = 0
    UNKNOWN = 1
    BAD_ARGUMENT = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class Sampled:
    """One sample. `t_us` is the node's time since its boot, in the middle of the readings; `values` are in the order of
    `Hello.channels`, each on the 16-bit scale (a 10-bit reading times 64).

    `gap_before`: something is missing between the sample before and this one: frames were lost, the node missed
    samples (`overrun`), or it began anew. `lost_before` frames are missing right before this one.
    """

    seq: int
    t_us: int
    values: tuple[int, ...]
    overrun: bool = False
    self_test: bool = False
    lost_before: int = 0
    gap_before: bool = False


@dataclass(frozen=True, slots=True)
class Hello:
    """What a node says of itself: at boot, after IDENTIFY and every 10 s. `channels` are `NodeChannel` values; a number
    that this version does not know stays a number."""

    seq: int
    protocol: int
    firmware: tuple[int, int, int]
    board: int
    boots: int
    reset_cause: ResetCause
    rate_hz: int
    oversample: int
    gsr_open: int | None
    channels: tuple[int, ...]
    lost_before: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of one command: `command_seq` is the command's own number. `status` and `command` are numbers of
    `ReplyStatus` and `CommandType`, or ones that this version does not know."""

    seq: int
    command_seq: int
    command: int
    status: int
    values: tuple[int, ...] = ()
    lost_before: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a host; `value` is None for those that take none."""

    kind: CommandType
    seq: int
    value: int | None = None


Message: TypeAlias = Sampled | Hello | Reply
