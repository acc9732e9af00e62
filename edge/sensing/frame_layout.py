"""Where each byte of a frame's content stands: the middle of the protocol, in both directions."""

import struct
from typing import Final

from edge.sensing.framing import LONGEST_FRAME, wrap
from edge.sensing.node_messages import (
    MOST_CHANNELS,
    UNCALIBRATED,
    Command,
    CommandType,
    Hello,
    Message,
    Reply,
    ResetCause,
    Sampled,
)

SEQ_MODULUS: Final = 1 << 16
HEAD: Final = struct.Struct("<BH")
"""Type and sequence number, with which every frame begins."""
_SAMPLE, _HELLO, _REPLY = 0x01, 0x02, 0x03
_OVERRUN, _SELF_TEST_PATTERN = 1, 2
_SAMPLE_HEAD: Final = struct.Struct("<IHBB")
_HELLO_HEAD: Final = struct.Struct("<BBBBIHBHBHB")
_REPLY_HEAD: Final = struct.Struct("<HBB")

_VALUE_FORMATS: Final[dict[CommandType, str]] = {
    CommandType.RATE: "<H",
    CommandType.CALIBRATE: "<H",
    CommandType.MODE: "<B",
}


def encode_command(kind: CommandType, seq: int, value: int | None = None) -> bytes:
    """A command as it goes down the line, after a zero that closes whatever half a frame the node may hold.

    Raise `ValueError` where `value` is missing, not wanted or does not fit into its bytes; whether it makes sense is
    for the node to say.
    """
    form = _VALUE_FORMATS.get(kind)
    if (form is None) != (value is None):
        raise ValueError(f"{kind.name} takes {'no' if form is None else 'a'} value")
    try:
        body = b"" if form is None else struct.pack(form, value)
    except struct.error as error:
        raise ValueError(f"{value} does not fit into {kind.name}") from error
    return b"\0" + wrap(HEAD.pack(kind, seq % SEQ_MODULUS) + body)


def decode_command(content: bytes) -> Command | None:
    """The command in the content of a frame (as `FrameSplitter` gives it); None where it is none. The node's side."""
    if len(content) < HEAD.size or content[0] not in set(CommandType):
        return None
    number, seq = HEAD.unpack_from(content)
    kind, body = CommandType(number), content[HEAD.size :]
    form = _VALUE_FORMATS.get(kind)
    if len(body) != (struct.calcsize(form) if form else 0):
        return None
    return Command(kind, seq, struct.unpack(form, body)[0] if form else None)


def encode_message(message: Message) -> bytes:
    """A node's frame as it goes down the line. `lost_before` and `gap_before` are what a listener finds: not sent.

    Raise `ValueError` where a field does not fit.
    """
    try:
        content = _encode(message)
    except struct.error as error:
        raise ValueError(f"does not fit into a frame: {message}") from error
    if len(content) + 2 > LONGEST_FRAME:
        raise ValueError(f"a frame has no more than {LONGEST_FRAME} bytes: {message}")
    return wrap(content)


def decode_message(content: bytes) -> Message | None:
    """The message in the content of a node's frame; None where its type or shape is not known."""
    if len(content) < HEAD.size:
        return None
    kind, seq = HEAD.unpack_from(content)
    match kind:
        case 0x01:
            return _decode_sample(seq, content[HEAD.size :])
        case 0x02:
            return _decode_hello(seq, content[HEAD.size :])
        case 0x03:
            return _decode_reply(seq, content[HEAD.size :])
        case _:
            return None


def _encode(message: Message) -> bytes:
    match message:
        case Sampled(seq, t_us, values):
            flags = _OVERRUN * message.overrun | _SELF_TEST_PATTERN * message.self_test
            head = _SAMPLE_HEAD.pack(t_us & 0xFFFFFFFF, t_us >> 32, flags, len(values))
            return HEAD.pack(_SAMPLE, seq) + head + _words(values)
        case Hello():
            gsr_open = UNCALIBRATED if message.gsr_open is None else message.gsr_open
            head = _HELLO_HEAD.pack(
                message.protocol,
                *message.firmware,
                message.board,
                message.boots,
                message.reset_cause,
                message.rate_hz,
                message.oversample,
                gsr_open,
                len(message.channels),
            )
            return HEAD.pack(_HELLO, message.seq) + head + struct.pack(f"{len(message.channels)}B", *message.channels)
        case _:
            head = _REPLY_HEAD.pack(message.command_seq, message.command, message.status)
            return HEAD.pack(_REPLY, message.seq) + head + _words(message.values)


def _decode_sample(seq: int, body: bytes) -> Sampled | None:
    if len(body) < _SAMPLE_HEAD.size:
        return None
    low, high, flags, count = _SAMPLE_HEAD.unpack_from(body)
    values = body[_SAMPLE_HEAD.size :]
    if not 1 <= count <= MOST_CHANNELS or len(values) != 2 * count:
        return None
    return Sampled(seq, high << 32 | low, _unwords(values), bool(flags & _OVERRUN), bool(flags & _SELF_TEST_PATTERN))


def _decode_hello(seq: int, body: bytes) -> Hello | None:
    if len(body) < _HELLO_HEAD.size:
        return None
    protocol, major, minor, patch, board, boots, cause, rate, oversample, gsr_open, count = _HELLO_HEAD.unpack_from(
        body
    )
    channels = body[_HELLO_HEAD.size :]
    if count > MOST_CHANNELS or len(channels) != count:
        return None
    return Hello(
        seq,
        protocol,
        (major, minor, patch),
        board,
        boots,
        ResetCause(cause),
        rate,
        oversample,
        None if gsr_open == UNCALIBRATED else gsr_open,
        tuple(channels),
    )


def _decode_reply(seq: int, body: bytes) -> Reply | None:
    if len(body) < _REPLY_HEAD.size or (len(body) - _REPLY_HEAD.size) % 2:
        return None
    command_seq, command, status = _REPLY_HEAD.unpack_from(body)
    return Reply(seq, command_seq, command, status, _unwords(body[_REPLY_HEAD.size :]))


def _words(values: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def _unwords(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 2}H", data)
