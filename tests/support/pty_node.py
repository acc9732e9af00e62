"""A sensor node on a pseudo-terminal: it speaks frames, does what it is told, and can be made to go wrong."""

import threading
import time
from pathlib import Path

from edge.sensing.frames import (
    Command,
    CommandType,
    FrameSplitter,
    Hello,
    Reply,
    ReplyStatus,
    ResetCause,
    Sampled,
    decode_command,
    encode_message,
)
from edge.sensing.usb_ports import UsbPort
from tests.support.pty_board import PtyBoard

_HELLO_EVERY_S = 10.0


class PtyNode:
    """A node of two channels (Grove GSR, pulse) at `rate_hz`. It speaks from `start` to `stop`, in a thread."""

    def __init__(self, folder: Path, *, board: int = 0xC0FFEE, serial_number: str = "", gsr_open: int | None = 32768):
        folder.mkdir(exist_ok=True)
        self.line = PtyBoard(folder)
        self.board, self.serial_number, self.gsr_open = board, serial_number, gsr_open
        self.rate_hz = 100
        self.boots = 1
        self.values = (300 * 64, 512 * 64)
        self.obeyed: list[Command] = []
        self.deaf = False
        self.self_test = False
        self.patterns = 0
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._begin()

    @property
    def port(self) -> UsbPort:
        """As the host's list of ports shows it."""
        return UsbPort(str(self.line.path), self.serial_number, "2341:0043", f"1-{self.board}")

    def start(self) -> "PtyNode":
        """Begin to speak, with a HELLO."""
        self._over.clear()
        self._thread = threading.Thread(target=self._speak, name="pty node")
        self._thread.start()
        return self

    def stop(self) -> None:
        """Fall silent and vanish."""
        self._over.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        self.line.unplug()

    def plug_elsewhere(self, folder: Path) -> "PtyNode":
        """Come back as another port, restarted."""
        folder.mkdir(exist_ok=True)
        self.line = PtyBoard(folder)
        self.reset()
        return self.start()

    def reset(self) -> None:
        """Begin anew, as after a watchdog."""
        with self._lock:
            self.boots += 1
            self._begin()

    def lose(self, frames: int) -> None:
        """Let frames be lost on the way."""
        with self._lock:
            self._seq += frames

    def noise(self, data: bytes) -> None:
        """Say something that is no frame."""
        with self._lock:
            self.line.say(data)

    def _begin(self) -> None:
        self._seq = 0
        self._began = time.monotonic()
        self._t_us = 0
        self._hello_due = 0.0

    def _speak(self) -> None:
        splitter = FrameSplitter()
        while not self._over.is_set():
            with self._lock:
                if time.monotonic() - self._began >= self._hello_due:
                    self._hello_due += _HELLO_EVERY_S
                    self._say_hello()
                self._say_samples()
            for content in splitter.feed(self.line.hear(1 / self.rate_hz)):
                self._obey(decode_command(content))

    def _say_hello(self) -> None:
        self._say(
            Hello(
                self._next(), 1, (1, 2, 3), self.board, self.boots, ResetCause.WATCHDOG, self.rate_hz, 16,
                self.gsr_open, (1, 2),
            )
        )  # fmt: skip

    def _say_samples(self) -> None:
        now_us = round((time.monotonic() - self._began) * 1e6)
        while self._t_us + 1_000_000 // self.rate_hz <= now_us:
            self._t_us += 1_000_000 // self.rate_hz
            self.patterns += self.self_test
            self._say(Sampled(self._next(), self._t_us, self.values, self_test=self.self_test))

    def _obey(self, command: Command | None) -> None:
        if command is None or self.deaf:
            return
        with self._lock:
            self.obeyed.append(command)
            status, values = self._done(command)
            self._say(Reply(self._next(), command.seq, command.kind, status, values))
            if command.kind is CommandType.IDENTIFY:
                self._say_hello()

    def _done(self, command: Command) -> tuple[ReplyStatus, tuple[int, ...]]:
        match command.kind:
            case CommandType.RATE:
                self.rate_hz = command.value or 1
                return ReplyStatus.OK, ()
            case CommandType.CALIBRATE:
                self.gsr_open = 33_000 if command.value == 0xFFFF else command.value
                return ReplyStatus.OK, (self.gsr_open or 0,)
            case CommandType.SELF_TEST:
                return ReplyStatus.OK, (4987, 812, 1, 130, 2)
            case _:
                return ReplyStatus.OK, ()

    def _next(self) -> int:
        seq, self._seq = self._seq % 65536, self._seq + 1
        return seq

    def _say(self, message: Hello | Sampled | Reply) -> None:
        self.line.say(encode_message(message), give_up=self._over.is_set)
