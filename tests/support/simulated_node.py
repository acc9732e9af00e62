"""The sensor node's real firmware on a simulated ATmega328P: its UART on a pseudo-terminal, a waveform on its pins.

`run` is in lock step: simulated time passes only as it says, some twenty times as fast as the wall clock. `pace` lets
it run by itself. A missing compiler or simulator is an error that names the packages, never a reason to skip.
"""

import os
import select
import shutil
import subprocess
import tty
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from edge.sensing.frames import CommandType, FrameParser, Message, ResetCause, encode_command

ROOT: Final = Path(__file__).resolve().parents[2]
FIRMWARE: Final = ROOT / "firmware-config" / "sensor-node"
HOST: Final = Path(__file__).with_name("simavr")
PACKAGES: Final = "gcc-avr avr-libc binutils-avr gcc libc6-dev libsimavr-dev libelf-dev make"
WAVEFORM_HZ: Final = 100
GSR_PIN, PULSE_PIN = 0, 1
TIMER_1_INTERRUPTS: Final = 0x6F
"""TIMSK1 in the memory of an ATmega328P."""
CYCLES_PER_US: Final = 16
PORTB: Final = 0x25
LED: Final = 0x20
_FIRST_OF_RAM: Final = 0x800000
_JUMP_TO_ITSELF: Final = 0xCFFF
_FOLLOW: Final = -1
_PATIENCE_S: Final = 30.0
_REFERENCE_MV: Final = 5000
_AT_ONCE: Final = 4096


@dataclass(frozen=True, slots=True)
class Built:
    """The firmware's ELF and the program that runs it."""

    firmware: Path
    host: Path

    def address_of(self, symbol: str) -> int:
        """Where a function of the firmware begins in flash, or a variable in the RAM, bytes."""
        listed = _run(["avr-nm", str(self.firmware)])
        found = next(int(line.split()[0], 16) for line in listed.splitlines() if line.split()[-1] == symbol)
        return found % _FIRST_OF_RAM

    def first_word_of(self, function: str) -> int:
        """The first instruction of a function, or the first half of it."""
        at = self.address_of(function)
        section = ["-s", "-j", ".text", f"--start-address={at}", f"--stop-address={at + 2}"]
        dump = _run(["avr-objdump", *section, str(self.firmware)])
        return int.from_bytes(bytes.fromhex(dump.strip().splitlines()[-1].split()[1]), "little")


def build(folder: Path) -> Built:
    """Compile both into `folder`; raise `RuntimeError` with the compiler's words or the packages that are missing."""
    for tool in ("avr-gcc", "avr-nm", "gcc", "make"):
        if shutil.which(tool) is None:
            raise RuntimeError(f"{tool} is missing; the sensor node's tests need the packages {PACKAGES}")
    _run(["make", "-C", str(FIRMWARE), f"BUILD={folder}"])
    host = folder / "node-host"
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    libraries = ["-lsimavr", "-lelf", "-lutil"]
    _run(["gcc", *flags, "-o", str(host), *sorted(str(file) for file in HOST.glob("*.c")), *libraries])
    return Built(folder / "sensor-node.elf", host)


def grove_mv(microsiemens: float, open_reading: float = 512.0) -> float:
    """What a Grove GSR puts on its pin: the inverse of `edge.sensing.units.grove_us`."""
    reading = (100.0 * open_reading - 1024.0 * microsiemens) / (100.0 + 2.0 * microsiemens)
    return reading * _REFERENCE_MV / 1024.0


def write_waveform(path: Path, rows: Iterable[tuple[float, float]]) -> Path:
    """Write millivolts of GSR and pulse, a row each 10 ms."""
    path.write_text("".join(f"{gsr:.1f},{pulse:.1f}\n" for gsr, pulse in rows))
    return path


class SimulatedNode:
    """One board on a desk. `path` is its serial port; `eeprom` outlives it. Used as a context."""

    def __init__(self, built: Built, *, waveform: Path, eeprom: Path, seed: int = 1) -> None:
        self._built = built
        self._arguments = [str(built.host), str(built.firmware), str(eeprom), str(waveform), str(seed)]
        self._sent = self._taken = 0
        self._command_seq = 0
        self.parser = FrameParser()
        self.us = 0
        """Simulated time."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.path = Path(self._answer("pty"))
        self._port = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(_PATIENCE_S)
        self._process.stdout.close()
        os.close(self._port)

    def run(self, seconds: float) -> bytes:
        """Let so much time pass; the bytes that came on the port meanwhile."""
        self._tell(f"run {round(seconds * 1e6)} {self._sent}")
        return self._take_answer()

    def messages(self, seconds: float) -> list[Message]:
        """Let so much time pass; what the node said meanwhile, by one parser for all calls."""
        return self.parser.feed(self.run(seconds))

    def pace(self, speed: float) -> None:
        """Go on by itself at `speed` times the wall clock, for whoever else has `path` open, until `pause`."""
        self._do(f"pace {speed}")

    def pause(self) -> None:
        """Stop the time; what came on the line since `pace` was for others."""
        self._tell("run 0")
        self._taken = int(self._answer("ok").split()[1])

    def send(self, data: bytes) -> None:
        """Put bytes on the line to the node; they arrive as time passes."""
        self._sent += os.write(self._port, data)

    def command(self, kind: CommandType, value: int | None = None) -> int:
        """Send a command; its sequence number."""
        self._command_seq += 1
        self.send(encode_command(kind, self._command_seq, value))
        return self._command_seq

    def hold(self, pin: int, millivolts: float) -> None:
        """Put a steady voltage on a pin."""
        self._do(f"hold {pin} {round(millivolts)}")

    def follow(self, pin: int) -> None:
        """Let a pin follow the waveform again."""
        self._do(f"hold {pin} {_FOLLOW}")

    def hiss(self, seed: int, millivolts: int) -> None:
        """From now on each single reading is off by up to so much, evenly, by chance."""
        self._do(f"hiss {seed} {millivolts}")

    def drop(self, count: int) -> None:
        """Lose the next bytes on the line."""
        self._do(f"drop {count}")

    def flip(self, mask: int) -> None:
        """Turn over bits of the next byte on the line."""
        self._do(f"flip {mask}")

    def noise(self, seed: int, per_million: int) -> None:
        """From now on damage each byte with this chance: half are lost, half have a bit turned over."""
        self._do(f"noise {seed} {per_million}")

    def reset(self, cause: ResetCause) -> None:
        """Reset the MCU for this reason. The RAM keeps what it holds, as on the real one."""
        self._do(f"reset {int(cause)}")

    def rot(self, address: int, mask: int) -> None:
        """Turn over bits of one byte of the EEPROM."""
        self._do(f"rot {address} {mask}")

    def cut_power_after(self, writes: int) -> None:
        """Brown out right after so many more bytes were written to the EEPROM."""
        self._do(f"cut {writes}")

    def poke(self, address: int, value: int) -> None:
        """Put a value into a register or the RAM, as a fault in the chip would."""
        self._do(f"poke {address} {value}")

    def set_variable(self, symbol: str, value: int, size: int) -> None:
        """Give a variable of the firmware another value, as if it had run until it had that."""
        address = self._built.address_of(symbol)
        for offset, byte in enumerate(value.to_bytes(size, "little")):
            self.poke(address + offset, byte)

    def peek(self, address: int) -> int:
        """What a register or a byte of the RAM holds."""
        return int(self._ask(f"peek {address}", "peek"))

    def bursts_us(self) -> list[float]:
        """When each burst of readings since the last call truly began, simulated microseconds; for 200 Hz at most."""
        return [int(cycles) / CYCLES_PER_US for cycles in self._ask("bursts", "bursts").split()]

    def hang(self, function: str) -> None:
        """Turn the first instruction of a function into a jump to itself, as rotten flash would."""
        self._do(f"flash {self._built.address_of(function)} {_JUMP_TO_ITSELF}")

    def heal(self, function: str) -> None:
        """Put back what `hang` overwrote."""
        self._do(f"flash {self._built.address_of(function)} {self._built.first_word_of(function)}")

    def _ask(self, line: str, word: str) -> str:
        self._tell(line)
        found = self._answer(word)
        self._answer("ok")
        return found

    def _do(self, line: str) -> None:
        self._tell(line)
        self._answer("ok")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    def _answer(self, word: str) -> str:
        """What stands after `word` on the next line that begins with it."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.split()[:1] == [word.encode()]:
                rest = line.decode().partition(" ")[2].strip()
                if word == "ok":
                    self.us = int(rest.split()[0])
                return rest
        raise RuntimeError(f"the simulator ended with {self._process.wait(_PATIENCE_S)}")

    def _take_answer(self) -> bytes:
        """Read the port until the simulator is through and all that it sent has come."""
        assert self._process.stdout is not None
        found = bytearray()
        while not select.select([self._process.stdout], [], [], 0)[0]:
            found += self._read_port()
        want = int(self._answer("ok").split()[1]) - self._taken
        while len(found) < want:
            if not select.select([self._port], [], [], _PATIENCE_S)[0]:
                raise RuntimeError(f"{want - len(found)} bytes of the simulator did not come")
            found += os.read(self._port, _AT_ONCE)
        self._taken += len(found)
        return bytes(found)

    def _read_port(self) -> bytes:
        """What is on the port, waiting until there is something or the simulator has answered."""
        assert self._process.stdout is not None
        answers = self._process.stdout.fileno()
        ready, _, _ = select.select([self._port, answers], [], [], _PATIENCE_S)
        if ready == [answers]:
            ready, _, _ = select.select([self._port], [], [], 0)
        return os.read(self._port, _AT_ONCE) if self._port in ready else b""


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed; needed packages: {PACKAGES}\n{done.stdout}{done.stderr}")
    return done.stdout
