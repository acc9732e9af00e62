"""Reads one sensor in a thread of its own; its samples wait, oldest dropped, until the event loop takes them."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from contract.sessions import CommandResult, SensorCommand
from edge.core.errors import EdgeError, RefusedError, SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.sensor import Commanded, Diagnosis, Sensor

_MOST_WAITING: Final = 2048
_MOST_COMMANDS: Final = 8
_GONE: Final = "the sensor was lost before it answered: try again when it is back"


class SensorReader:
    """One connection, from opening to its end. Made and used within the event loop."""

    def __init__(self, open_sensor: Callable[[], Sensor], *, name: str, limit: int = _MOST_WAITING) -> None:
        self.turns = 0
        self.dropped = 0
        self.opened = False
        self.diagnosis = Diagnosis()
        self.description = ""
        self._open_sensor = open_sensor
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._ended: asyncio.Future[BaseException | None] = self._loop.create_future()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._waiting: deque[Sample] = deque()
        self._commands: deque[tuple[SensorCommand, asyncio.Future[CommandResult]]] = deque()
        self._thread = threading.Thread(target=self._work, name=name)

    def start(self) -> None:
        """Begin reading."""
        self._thread.start()

    async def next(self) -> list[Sample]:
        """The samples that wait, at least one; raise what ended the connection after the last was given."""
        while True:
            if samples := self._take():
                return samples
            if self._ended.done():
                raise self._ended.result() or RuntimeError("the reader was stopped")
            self._ready.clear()
            await self._ready.wait()

    async def command(self, command: SensorCommand) -> CommandResult:
        """Let the board do something, in the reading thread; raise `RefusedError` where it cannot."""
        if not self.opened or self._ended.done():
            raise RefusedError("the sensor is not connected: plug it in, or wait until it is found")
        answer: asyncio.Future[CommandResult] = self._loop.create_future()
        with self._lock:
            if len(self._commands) >= _MOST_COMMANDS:
                raise RefusedError("the sensor is busy with other commands: try again in a moment")
            self._commands.append((command, answer))
        return await answer

    async def stop(self) -> None:
        """End reading and return when the source is closed and the thread gone."""
        self._stop.set()
        await asyncio.shield(self._ended)
        self._thread.join()

    def _take(self) -> list[Sample]:
        with self._lock:
            samples = list(self._waiting)
            self._waiting.clear()
        return samples

    def _end(self, error: BaseException | None) -> None:
        self._ended.set_result(error)
        self._ready.set()
        for _, answer in self._taken_commands():
            _answer(answer, RefusedError(_GONE))

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._read()
        except BaseException as caught:  # noqa: BLE001 - handed to the event loop, which raises it
            error = caught
        self._loop.call_soon_threadsafe(self._end, error)

    def _read(self) -> None:
        sensor = self._open_sensor()
        self.description = sensor.describe()
        try:
            sensor.open()
            self.description, self.opened = sensor.describe(), True
            while not self._stop.is_set():
                for command, answer in self._taken_commands():
                    result = _done(sensor, command)
                    self._loop.call_soon_threadsafe(_answer, answer, result)
                self._hand_over(sensor.read(), sensor.diagnosis())
                self.description = sensor.describe()
        finally:
            sensor.close()

    def _taken_commands(self) -> list[tuple[SensorCommand, asyncio.Future[CommandResult]]]:
        with self._lock:
            commands = list(self._commands)
            self._commands.clear()
        return commands

    def _hand_over(self, samples: list[Sample], diagnosis: Diagnosis) -> None:
        self.turns += 1
        self.diagnosis = diagnosis
        if not samples:
            return
        with self._lock:
            first = not self._waiting
            self._waiting.extend(samples)
            self._shorten()
        if first:
            self._loop.call_soon_threadsafe(self._ready.set)

    def _shorten(self) -> None:
        over = len(self._waiting) - self._limit
        if over <= 0:
            return
        for _ in range(over):
            self._waiting.popleft()
        self.dropped += over
        self._waiting[0] = replace(self._waiting[0], gap_before=True)


def _done(sensor: Sensor, command: SensorCommand) -> CommandResult | EdgeError:
    """What came of a command, or why nothing did; a line that was lost shows at the next read as well."""
    if not isinstance(sensor, Commanded):
        return RefusedError(f"{sensor.describe()} has no commands: only a sensor board does")
    try:
        return sensor.command(command)
    except RefusedError as refused:
        return refused
    except SourceUnavailableError as lost:
        return RefusedError(f"{_GONE} ({lost})")


def _answer(answer: asyncio.Future[CommandResult], result: CommandResult | EdgeError) -> None:
    if answer.done():
        return
    if isinstance(result, EdgeError):
        answer.set_exception(result)
    else:
        answer.set_result(result)
