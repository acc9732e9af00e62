"""One command to a sensor node: its frame, the answer that belongs to it, and what the answer says in words."""

import math
from collections.abc import Iterable
from typing import Final

from contract.sessions import CommandResult, SensorCommand
from edge.core.errors import RefusedError
from edge.sensing.frame_dialect import FrameDialect
from edge.sensing.frames import (
    RATES_HZ,
    READINGS_PER_VALUE,
    UNCALIBRATED,
    CommandType,
    Reply,
    ReplyStatus,
    encode_command,
)

_KINDS: Final = {
    "identify": CommandType.IDENTIFY,
    "calibrate": CommandType.CALIBRATE,
    "self_test": CommandType.SELF_TEST,
    "rate": CommandType.RATE,
}
_MOST_COUNTS: Final = 1023
_SEQ_MODULUS: Final = 1 << 16
_PATIENCE_NS: Final = 4_000_000_000
"""Measuring open electrodes and testing itself may take a node a second or two."""
_TESTED: Final = ("supply_mv", "free_ram_bytes", "eeprom_ok", "adc_spread", "overruns")
_REFUSALS: Final = {
    ReplyStatus.UNKNOWN: "the node does not know this command: its firmware is older",
    ReplyStatus.BAD_ARGUMENT: "the node does not take this value",
    ReplyStatus.FAILED: "the node tried and failed: check its electrodes and supply",
}


class CommandTalk:
    """A command under way. Raise `RefusedError` where its value makes no sense."""

    patience_ns: Final = _PATIENCE_NS

    def __init__(self, command: SensorCommand, seq: int) -> None:
        self._command = command
        self._seq = seq % _SEQ_MODULUS
        self.frame = encode_command(_KINDS[command.command], self._seq, _value(command))
        """What goes down the line."""

    def answer_among(self, replies: Iterable[Reply]) -> Reply | None:
        """The answer to this command, once it is there."""
        kind = _KINDS[self._command.command]
        return next((r for r in replies if r.command_seq == self._seq and r.command == kind), None)

    def result(self, reply: Reply, dialect: FrameDialect) -> CommandResult:
        """What came of it; a calibration is taken over at once."""
        if reply.status != ReplyStatus.OK:
            words = _REFUSALS.get(ReplyStatus(reply.status)) if reply.status in set(ReplyStatus) else None
            return CommandResult(ok=False, detail=words or f"the node answered with status {reply.status}")
        match self._command.command:
            case "calibrate" if reply.values:
                dialect.calibrated(reply.values[0])
                counts = round(reply.values[0] / READINGS_PER_VALUE, 2)
                return CommandResult(ok=True, detail=f"open electrodes read {counts} counts", values={"counts": counts})
            case "self_test":
                values = {name: float(value) for name, value in zip(_TESTED, reply.values, strict=False)}
                return CommandResult(ok=values.get("eeprom_ok", 1) > 0, detail=_test_words(values), values=values)
            case "rate":
                return CommandResult(ok=True, detail=f"samples at {self._command.value:g} Hz")
            case _:
                return CommandResult(ok=True, detail="the node blinks" if self._command.command == "identify" else "")

    def nobody_answered(self) -> CommandResult:
        """What came of it where no answer did."""
        return CommandResult(ok=False, detail=f"the node did not answer within {self.patience_ns / 1e9:g} s")


def _value(command: SensorCommand) -> int | None:
    """The value on the wire."""
    match command.command:
        case "rate":
            return _rate(command.value)
        case "calibrate":
            return _calibration(command.value)
        case _:
            return None


def _rate(value: float | None) -> int:
    if value is None or not math.isfinite(value) or int(value) != value or int(value) not in RATES_HZ:
        raise RefusedError(f"a rate is a whole number of hertz from {RATES_HZ.start} to {RATES_HZ.stop - 1}")
    return int(value)


def _calibration(value: float | None) -> int:
    if value is None:
        return UNCALIBRATED
    if not 1 <= value <= _MOST_COUNTS:
        raise RefusedError(f"open electrodes read from 1 to {_MOST_COUNTS} counts; without a value they are measured")
    return round(value * READINGS_PER_VALUE)


def _test_words(values: dict[str, float]) -> str:
    memory = "its memory is sound" if values.get("eeprom_ok", 1) > 0 else "its memory is damaged: calibrate again"
    supply = f", supply {values['supply_mv'] / 1000:.2f} V" if "supply_mv" in values else ""
    return memory + supply
