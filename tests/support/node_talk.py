"""How tests talk with a simulated sensor node, and what they pick from what it says."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from edge.sensing.frames import CommandType, Hello, Message, Reply, Sampled
from tests.support.simulated_node import SimulatedNode

PowerUp = Callable[..., AbstractContextManager[SimulatedNode]]
"""`power_up(waveform=..., board=...)`: the fixture that gives boards."""
OPEN_MV = 2500.0
"""What open electrodes put on the pin: 511 counts as the simulated ADC reads."""
MAIN_LOOP = "commands_turn"
"""A function that the firmware's main loop calls each time."""


def sampled(messages: list[Message]) -> list[Sampled]:
    """The samples among them."""
    return [one for one in messages if isinstance(one, Sampled)]


def hellos(messages: list[Message]) -> list[Hello]:
    """What the node said of itself among them."""
    return [one for one in messages if isinstance(one, Hello)]


def reply_to(node: SimulatedNode, kind: CommandType, value: int | None = None, *, within: float = 0.2) -> Reply:
    """The one reply to this command."""
    seq = node.command(kind, value)
    (found,) = [one for one in node.messages(within) if isinstance(one, Reply)]
    assert (found.command_seq, found.command) == (seq, kind)
    return found


def identity(node: SimulatedNode) -> Hello:
    """What the node says of itself when asked."""
    node.command(CommandType.IDENTIFY)
    return hellos(node.messages(0.1))[-1]
