"""Sensor nodes: frames with sequence numbers and the node's own time, as samples."""

from collections import deque
from typing import Final

from edge.core.sample import Sample
from edge.sensing.frames import PROTOCOL, FrameParser, Hello, Message, Reply, Sampled
from edge.sensing.node_clock import NodeClock
from edge.sensing.sensor import Diagnosis
from edge.sensing.settings import SerialSettings
from edge.sensing.units import NodeUnits

COMMANDS: Final = ("identify", "calibrate", "self_test", "rate")
_REPLIES_KEPT: Final = 8
_FULL_SCALE: Final = 64.0


class FrameDialect:
    """A `Dialect` of frames. Samples that come before the node said what its channels are are not told of, nor those of
    a node that speaks another protocol: the bytes of its frames may mean something else."""

    def __init__(self, settings: SerialSettings) -> None:
        self.hello: Hello | None = None
        """What the node last said of itself."""
        self.board = ""
        self.replies: deque[Reply] = deque(maxlen=_REPLIES_KEPT)
        """The newest answers to commands."""
        self._id = settings.id
        self._calibration = settings.gsr_calibration
        self._parser = FrameParser()
        self._clock = NodeClock()
        self._units = NodeUnits((), 0.0)
        self._t_us: int | None = None
        self._boots: int | None = None
        self._implausible = self._messages = self._strange = 0
        self._stranger = PROTOCOL
        self._gap = False

    @property
    def heard(self) -> bool:
        """Whether a whole frame came."""
        return self._messages > 0

    def feed(self, data: bytes, arrived_ns: int) -> list[Sample]:
        """The samples of the frames that `data` completes."""
        messages = self._parser.feed(data)
        self._messages += len(messages)
        timed = [(message, self._units, self._elapsed(message)) for message in map(self._heard, messages) if message]
        placed = self._clock.place([elapsed for _, _, elapsed in timed], arrived_ns)
        samples = (
            self._sample(message, units, at, jumped)
            for (message, units, _), (at, jumped) in zip(timed, placed, strict=True)
        )
        return [sample for sample in samples if sample]

    def calibrated(self, gsr_open: int) -> None:
        """The node measured, or took, this value of open electrodes; what the settings say comes before it."""
        self._understand(gsr_open)

    def diagnosis(self) -> Diagnosis:
        """What could not be read or believed, and what the node said of itself."""
        parser = self._parser
        bad = parser.bad_crc + parser.malformed + parser.too_long + parser.unknown + self._strange
        return Diagnosis(
            bad_rows=bad,
            implausible=self._implausible,
            resets=parser.resets,
            last_bad=self._bad_words() if bad else (),
            lost=parser.lost,
            board=self.board,
            calibrated=self._units.calibrated if self.hello else None,
            clock=self._clock.figures(),
            commands=COMMANDS if self.hello else (),
        )

    def _heard(self, message: Message) -> Sampled | None:
        """The sample that a message is, once its channels are known; others are taken note of."""
        match message:
            case Hello() if message.protocol == PROTOCOL:
                self._greeted(message)
            case Hello():
                self.hello, self.board, self._stranger = None, "", message.protocol
                self._strange += 1
            case Reply():
                self.replies.append(message)
            case Sampled() if self.hello:
                return message
        return None

    def _greeted(self, hello: Hello) -> None:
        if self._boots is not None and hello.boots != self._boots:
            self._t_us = None
        self._boots, self.hello, self.board = hello.boots, hello, _board_words(hello)
        self._understand(hello.gsr_open)

    def _understand(self, gsr_open: int | None) -> None:
        own = (gsr_open or 0) / _FULL_SCALE
        self._units = NodeUnits(self.hello.channels if self.hello else (), self._calibration or own)

    def _elapsed(self, message: Sampled) -> int | None:
        """Microseconds of the node since the sample before; None for the first, and after a reset."""
        before, self._t_us = self._t_us, message.t_us
        return message.t_us - before if before is not None and message.t_us > before else None

    def _sample(self, message: Sampled, units: NodeUnits, mono_ns: int, jumped: bool) -> Sample | None:
        """A test pattern, and what no body shows, is no sample; both leave a gap."""
        values, left_out = ({}, 0) if message.self_test else units.values(message.values)
        self._implausible += left_out
        self._gap = self._gap or message.gap_before or jumped
        if not values:
            self._gap = True
            return None
        gap, self._gap = self._gap, False
        return Sample(self._id, mono_ns, values, message.t_us // 1000, gap)

    def _bad_words(self) -> tuple[str, ...]:
        parser = self._parser
        counted = (
            (parser.bad_crc, "frames whose CRC does not fit"),
            (parser.malformed, "frames that are no COBS"),
            (parser.too_long, "frames that are too long"),
            (parser.unknown, "frames of a type that is not known"),
            (self._strange, f"greetings in protocol {self._stranger}, of which {PROTOCOL} alone is spoken here"),
        )
        return tuple(f"{count} {what}" for count, what in counted if count)


def _board_words(hello: Hello) -> str:
    version = ".".join(map(str, hello.firmware))
    return f"sensor node {hello.board:08x}, firmware {version}, {hello.rate_hz} Hz"
