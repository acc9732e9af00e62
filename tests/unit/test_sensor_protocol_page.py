"""The protocol's page is what others port boards by: its example frames are those of the codec."""

import re

import pytest

from edge.sensing.frames import (
    UNCALIBRATED,
    CommandType,
    Hello,
    Message,
    NodeChannel,
    Reply,
    ReplyStatus,
    ResetCause,
    Sampled,
    encode_command,
    encode_message,
)
from edge.sensing.framing import crc16
from edge.sensing.units import grove_us
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "sensor-protocol.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| ((?:[A-Z_]+)[^|]*seq [^|]*) \| `([0-9a-f ]+)` \|$", PAGE, re.MULTILINE)
BODY = (30_208, 27_056)
CHANNELS = (NodeChannel.GSR_GROVE, NodeChannel.PULSE_PPG)
MESSAGES: list[Message] = [
    Hello(0, 1, (1, 0, 0), 0xC0FFEE42, 7, ResetCause.POWER_ON, 100, 32, 32_704, CHANNELS),
    Sampled(1, 13_504, BODY),
    Sampled(300, 5_000_000_000, BODY, overrun=True),
    Reply(301, 1, CommandType.RATE, ReplyStatus.OK),
    Reply(302, 2, CommandType.CALIBRATE, ReplyStatus.OK, (32_704,)),
    Reply(303, 4, CommandType.SELF_TEST, ReplyStatus.OK, (5_006, 1_384, 1, 2, 0)),
]
COMMANDS = [
    (CommandType.RATE, 1, 100),
    (CommandType.CALIBRATE, 2, UNCALIBRATED),
    (CommandType.IDENTIFY, 3, None),
    (CommandType.SELF_TEST, 4, None),
    (CommandType.MODE, 5, 1),
]
FRAMES = [encode_message(message) for message in MESSAGES] + [encode_command(*command) for command in COMMANDS]


def test_each_example_is_checked() -> None:
    assert len(EXAMPLES) == len(FRAMES)


@pytest.mark.parametrize(
    ("example", "frame"), list(zip(EXAMPLES, FRAMES, strict=False)), ids=[one[0] for one in EXAMPLES]
)
def test_an_example_is_what_the_codec_makes(example: tuple[str, str], frame: bytes) -> None:
    assert bytes.fromhex(example[1]) == frame


@pytest.mark.parametrize("kind", CommandType)
def test_each_command_is_on_the_page(kind: CommandType) -> None:
    assert f"| 0x{kind:02X} {kind.name} |" in PAGE


def test_the_check_value_of_the_crc_is_on_the_page() -> None:
    assert f"0x{crc16(b'123456789'):04X}" in PAGE


def test_the_formula_is_that_of_the_host() -> None:
    formula = re.search(r"^ {4}us = (.*)$", PAGE, re.MULTILINE)
    assert formula is not None
    told = eval(formula[1], {"C": 512, "a": 300})  # noqa: S307 - our own page
    assert told == pytest.approx(grove_us(300, 512))
