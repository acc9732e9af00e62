"""The frames of a sensor node, in both directions: bytes in, messages out, and commands the other way.

Sans I/O: nothing here knows a port or a clock. `edge.sensing.framing` cuts frames out of bytes, `frame_layout` knows
where each byte stands, `node_messages` what is said; this is their front door, and knows what is missing.
"""

from dataclasses import replace

from edge.sensing.frame_layout import HEAD, SEQ_MODULUS, decode_command, decode_message, encode_command, encode_message
from edge.sensing.framing import FrameSplitter
from edge.sensing.node_messages import (
    MOST_CHANNELS,
    PROTOCOL,
    RATES_HZ,
    READINGS_PER_VALUE,
    UNCALIBRATED,
    Command,
    CommandType,
    Hello,
    Message,
    NodeChannel,
    Reply,
    ReplyStatus,
    ResetCause,
    Sampled,
)

__all__ = [
    "MOST_CHANNELS",
    "PROTOCOL",
    "RATES_HZ",
    "READINGS_PER_VALUE",
    "UNCALIBRATED",
    "Command",
    "CommandType",
    "FrameParser",
    "FrameSplitter",
    "Hello",
    "Message",
    "NodeChannel",
    "Reply",
    "ReplyStatus",
    "ResetCause",
    "Sampled",
    "decode_command",
    "encode_command",
    "encode_message",
]


class FrameParser:
    """Turns the bytes of one connection into messages.

    Counted: `bad_crc`, `malformed` (COBS), `too_long`, `unknown` (whole, but of a type or shape that we do not know),
    `lost` frames by sequence number (a gap of 65536 or more counts modulo 65536) and `resets` of the node. The loss
    right before and after a reset is known only from the reset on.
    """

    def __init__(self) -> None:
        self.unknown = 0
        self._frames = FrameSplitter()
        self._order = _Order()

    @property
    def bad_crc(self) -> int:
        """Frames whose CRC did not fit."""
        return self._frames.bad_crc

    @property
    def malformed(self) -> int:
        """Frames that were no COBS."""
        return self._frames.malformed

    @property
    def too_long(self) -> int:
        """Frames longer than any can be."""
        return self._frames.too_long

    @property
    def lost(self) -> int:
        """Frames that never came, by sequence number."""
        return self._order.lost

    @property
    def resets(self) -> int:
        """How often the node began anew while we listened."""
        return self._order.resets

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes. Any bytes are welcome, in pieces of any size."""
        found: list[Message] = []
        for content in self._frames.feed(data):
            message = decode_message(content)
            if message is None:
                self.unknown += 1
                if len(content) >= HEAD.size:
                    self._order.other(HEAD.unpack_from(content)[1])
            else:
                found.append(self._order.place(message))
        return found


class _Order:
    """What is missing, told by sequence numbers, the node's time and its count of boots."""

    def __init__(self) -> None:
        self.lost = 0
        self.resets = 0
        self._next: int | None = None
        self._t_us = -1
        self._boot: tuple[int, int] | None = None
        self._gap = False

    def place(self, message: Message) -> Message:
        match message:
            case Sampled():
                return self._sampled(message)
            case Hello():
                return self._hello(message)
            case _:
                return replace(message, lost_before=self.other(message.seq))

    def other(self, seq: int) -> int:
        """Count a frame that tells nothing of the node's time or boot; how many are missing before it.

        A step of more than half of all numbers is a step back: the node began anew, and its HELLO was lost.
        """
        if self._next is not None and (seq - self._next) % SEQ_MODULUS > SEQ_MODULUS // 2:
            self._restart()
            self._boot = None
        return self._follow(seq)

    def _follow(self, seq: int) -> int:
        lost = 0 if self._next is None else (seq - self._next) % SEQ_MODULUS
        self._next = (seq + 1) % SEQ_MODULUS
        self.lost += lost
        self._gap |= lost > 0
        return lost

    def _sampled(self, found: Sampled) -> Sampled:
        if found.t_us <= self._t_us:
            self._restart()
            self._boot = None
        lost = self._follow(found.seq)
        gap = self._gap or found.overrun
        self._gap = False
        self._t_us = found.t_us
        return replace(found, lost_before=lost, gap_before=gap) if gap else found

    def _hello(self, found: Hello) -> Hello:
        boot = (found.board, found.boots)
        anew = found.seq == 0 and self._next not in {None, 0}
        if anew or (self._boot is not None and boot != self._boot):
            self._restart()
        self._boot = boot
        return replace(found, lost_before=self._follow(found.seq))

    def _restart(self) -> None:
        self.resets += 1
        self._next = 0
        self._t_us = -1
        self._gap = True
