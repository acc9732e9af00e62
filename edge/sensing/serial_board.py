"""A board on a serial line, wherever it is plugged in and whichever of the two protocols it speaks."""

from typing import Final, NoReturn

from contract.sessions import CommandResult, SensorCommand
from edge.core.clock import Clock
from edge.core.errors import RefusedError, SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.dialect import Dialect, Listener, Protocols
from edge.sensing.frame_dialect import FrameDialect
from edge.sensing.known_boards import KnownBoards, board_of
from edge.sensing.line_dialect import LineDialect
from edge.sensing.node_commands import CommandTalk
from edge.sensing.port_search import PortSearch
from edge.sensing.sensor import Diagnosis
from edge.sensing.serial_line import SerialLine
from edge.sensing.settings import SerialSettings
from edge.sensing.usb_ports import PortList, usb_ports

_BAUDS: Final[dict[str, tuple[int, ...]]] = {
    "frames": (115_200, 250_000),
    "lines": (9600,),
    "auto": (115_200, 9600, 250_000),
}
_LISTEN_NS: Final = 3_000_000_000
"""Longer than the boot loader of a board that was restarted by opening its port (2 s)."""
_ROUNDS: Final = 2
_ASK_NS: Final = 1_500_000_000
"""A node that has not said who it is for so long is asked to."""


class SerialBoard:
    """A `Commanded` sensor on a serial port.

    `known` is shared by the sensors of a process, so that each gets and keeps its own board. What comes before the
    first whole frame or row is no error. While the speed is not known, one after the other is listened to.
    """

    def __init__(
        self,
        settings: SerialSettings,
        *,
        clock: Clock,
        known: KnownBoards | None = None,
        ports: PortList = usb_ports,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._known = known or KnownBoards()
        self._ports = ports
        self._line: SerialLine | None = None
        self._identity = ""
        self._path = settings.port
        self._listener = Listener()
        self._dialect = self._fixed()
        self._baud_since_ns = self._asked_ns = 0
        self._seq = self._turns = 0
        self._acquainted = False
        self._pending: list[Sample] = []

    def open(self) -> None:
        """Find the board and open its port; raise `SourceUnavailableError` with the remedy if that cannot be."""
        search = PortSearch(self._settings, self._known, self._ports)
        found = search.open(self._bauds()[0])
        self._line, self._identity, self._path = found.line, found.identity, found.line.path
        self._baud_since_ns = self._asked_ns = self._clock.mono_ns()

    def read(self) -> list[Sample]:
        """What the board said, or an empty list after a quarter of a second of silence."""
        if self._pending:
            samples, self._pending = self._pending, []
            return samples
        return self._listen()

    def command(self, command: SensorCommand) -> CommandResult:
        """Let a node do something and wait for its answer; raise `RefusedError` where it is none."""
        dialect = self._dialect
        if not isinstance(dialect, FrameDialect) or dialect.hello is None:
            raise RefusedError("this board has no commands, or has not said yet what it is: only sensor nodes have")
        self._seq += 1
        talk = CommandTalk(command, self._seq)
        self._opened().write(talk.frame)
        began_ns = self._clock.mono_ns()
        while self._clock.mono_ns() - began_ns < talk.patience_ns:
            self._pending += self._listen()
            if reply := talk.answer_among(dialect.replies):
                return talk.result(reply, dialect)
        return talk.nobody_answered()

    def close(self) -> None:
        """Let go of the port."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def describe(self) -> str:
        """The port, its speed, and the board where it said what it is."""
        if self._line is None:
            return self._path
        board = self._dialect.board if self._dialect else ""
        return f"{self._path} at {self._line.baud} baud" + (f", {board}" if board else "")

    def diagnosis(self) -> Diagnosis:
        """What could not be read or believed since `open`, and what is known of the board."""
        return self._dialect.diagnosis() if self._dialect else self._listener.diagnosis()

    def _opened(self) -> SerialLine:
        if self._line is None:
            raise SourceUnavailableError(f"{self._path}: not open")
        return self._line

    def _bauds(self) -> tuple[int, ...]:
        """The speeds to try, the one that worked before first."""
        if self._settings.baud:
            return (self._settings.baud,)
        usual = _BAUDS[self._settings.protocol]
        before = self._known.of(self._settings.id).baud
        return tuple(sorted(usual, key=lambda baud: baud != before))

    def _fixed(self) -> Dialect | None:
        """The protocol, where the settings say which it is."""
        return None if self._settings.protocol == "auto" else self._speaks(self._settings.protocol)

    def _speaks(self, protocol: Protocols) -> Dialect:
        return FrameDialect(self._settings) if protocol == "frames" else LineDialect(self._settings)

    def _listen(self) -> list[Sample]:
        line = self._opened()
        data = line.read()
        now_ns = self._clock.mono_ns()
        if self._dialect is None and (protocol := self._listener.feed(data)):
            self._dialect, data = self._speaks(protocol), self._listener.heard
        samples = self._dialect.feed(data, now_ns) if self._dialect else []
        if self._dialect and self._dialect.heard:
            self._get_acquainted(self._dialect, now_ns)
        elif now_ns - self._baud_since_ns > _LISTEN_NS:
            self._try_another_baud(line, now_ns)
        return samples

    def _try_another_baud(self, line: SerialLine, now_ns: int) -> None:
        """Nothing was understood for a while: another speed, and after all speeds twice perhaps another port."""
        bauds = self._bauds()
        self._baud_since_ns = now_ns
        self._turns += 1
        if self._turns >= _ROUNDS * len(bauds):
            self._turns = 0
            self._give_up_the_silent()
        if len(bauds) > 1:
            line.change_baud(bauds[(bauds.index(line.baud) + 1) % len(bauds)])
            self._listener.begin_anew()
            self._dialect = self._fixed()

    def _give_up_the_silent(self) -> None:
        """Look at the other ports, if any may be looked at."""
        if self._settings.port == "auto":
            others = len(self._known.candidates(self._settings.id, self._ports())) > 1
        else:
            others = self._settings.port.startswith("board:")
        if others:
            self._refuse("says nothing that a board says")

    def _get_acquainted(self, dialect: Dialect, now_ns: int) -> None:
        """Remember the board, and give it up where it is the wrong one."""
        if self._acquainted:
            return
        board = None
        if isinstance(dialect, FrameDialect):
            if dialect.hello is None:
                self._ask_who_it_is(now_ns)
                return
            board = dialect.hello.board
        self._check_whose(board)
        self._known.met(self._settings.id, identity=self._identity, baud=self._opened().baud, board=board)
        self._acquainted = True

    def _check_whose(self, board: int | None) -> None:
        wanted = board_of(self._settings.port)
        if wanted is not None and wanted != board:
            self._refuse("has a board that tells no id" if board is None else f"is node {board:08x}, not {wanted:08x}")
        owner = None if board is None else self._known.owner(self._settings.id, board)
        if owner and self._settings.port == "auto":
            self._known.met(owner, identity=self._identity, baud=self._opened().baud, board=board)
            self._refuse(f"node {board:08x} belongs to the sensor {owner}")

    def _refuse(self, why: str) -> NoReturn:
        self._known.refused(self._settings.id, self._identity)
        raise SourceUnavailableError(f"{self._path}: {why}")

    def _ask_who_it_is(self, now_ns: int) -> None:
        if now_ns - self._asked_ns > _ASK_NS:
            self._asked_ns = now_ns
            self._seq += 1
            self._opened().write(CommandTalk(SensorCommand(command="identify"), self._seq).frame)
