"""What every sensor promises, asked of each driver on its real source."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.core.clock import SystemClock
from edge.core.errors import SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.replay import ReplaySensor
from edge.sensing.sensor import READ_LIMIT_S, Sensor
from edge.sensing.serial_board import SerialBoard
from edge.sensing.settings import ReplaySettings, SerialSettings, SimulatedSettings
from edge.sensing.simulated import SimulatedSensor
from edge.sensing.units import plausible
from tests.support.pty_board import PtyBoard

_SLACK_S = 2.0
"""The machine may be busy."""


@dataclass
class _Source:
    """A driver on a source that speaks, on one that is silent, and on one that is not there (None: always there)."""

    speaking: Callable[[], Sensor]
    silent: Callable[[], Sensor]
    missing: Callable[[], Sensor] | None


@pytest.fixture(params=["serial", "replay", "simulated"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Source]:
    if request.param == "serial":
        yield from _serial(tmp_path)
    elif request.param == "replay":
        yield _replay(tmp_path)
    else:
        yield _simulated()


def _serial(folder: Path) -> Iterator[_Source]:
    clock = SystemClock()
    (folder / "speaking").mkdir()
    (folder / "silent").mkdir()
    speaking, silent = PtyBoard(folder / "speaking"), PtyBoard(folder / "silent")
    over = threading.Event()

    def speak() -> None:
        millis = 0
        while not over.wait(0.01):
            speaking.row(millis)
            millis += 10

    voice = threading.Thread(target=speak)
    voice.start()

    def board(path: Path) -> Sensor:
        return SerialBoard(SerialSettings(port=str(path), gsr_calibration=512), clock=clock)

    yield _Source(lambda: board(speaking.path), lambda: board(silent.path), lambda: board(folder / "none"))
    over.set()
    voice.join()
    speaking.unplug()
    silent.unplug()


def _replay(folder: Path) -> _Source:
    clock = SystemClock()
    (folder / "speaking.csv").write_text("t_s,hr_bpm,gsr_us\n" + "".join(f"{n / 100},70,4\n" for n in range(1000)))
    (folder / "silent.csv").write_text("t_s,hr_bpm\n0,70\n3600,70\n")

    def sensor(name: str) -> Sensor:
        return ReplaySensor(ReplaySettings(files=(str(folder / name),)), clock=clock)

    return _Source(lambda: sensor("speaking.csv"), lambda: sensor("silent.csv"), lambda: sensor("none.csv"))


def _simulated() -> _Source:
    clock = SystemClock()

    def sensor(rate_hz: float) -> Sensor:
        return SimulatedSensor(SimulatedSettings(rate_hz=rate_hz), clock=clock)

    return _Source(lambda: sensor(50.0), lambda: sensor(1.0), None)


def _read_some(sensor: Sensor, count: int) -> list[Sample]:
    deadline = time.monotonic() + 20
    samples: list[Sample] = []
    while len(samples) < count:
        assert time.monotonic() < deadline, "no samples came"
        samples += sensor.read()
    return samples


def test_samples_come_in_order_with_its_id_and_plausible_values(source: _Source) -> None:
    sensor = source.speaking()
    started_ns = time.monotonic_ns()
    sensor.open()
    try:
        samples = _read_some(sensor, 20)
    finally:
        sensor.close()
    moments = [sample.mono_ns for sample in samples]
    assert moments == sorted(moments)
    assert started_ns <= moments[0]
    assert moments[-1] <= time.monotonic_ns()
    for sample in samples:
        assert sample.sensor == "body"
        assert sample.values
        assert sample.values == plausible(sample.values)


def test_read_comes_back_in_time_when_there_is_nothing(source: _Source) -> None:
    sensor = source.silent()
    sensor.open()
    try:
        sensor.read()
        before = time.monotonic()
        assert sensor.read() == []
        assert time.monotonic() - before < READ_LIMIT_S + _SLACK_S
    finally:
        sensor.close()


def test_close_is_allowed_before_open_and_twice(source: _Source) -> None:
    source.silent().close()
    sensor = source.silent()
    sensor.open()
    sensor.close()
    sensor.close()


def test_a_fresh_one_can_be_opened_after_another_was_closed(source: _Source) -> None:
    for _ in range(2):
        sensor = source.speaking()
        sensor.open()
        assert _read_some(sensor, 3)
        sensor.close()


def test_it_says_what_it_is_and_what_it_threw_away(source: _Source) -> None:
    sensor = source.speaking()
    sensor.open()
    try:
        _read_some(sensor, 3)
        assert sensor.describe()
        assert sensor.diagnosis().bad_rows == 0
    finally:
        sensor.close()


def test_one_that_is_not_there_is_unavailable_with_a_reason(source: _Source) -> None:
    if source.missing is None:
        return
    sensor = source.missing()
    with pytest.raises(SourceUnavailableError) as caught:
        sensor.open()
    assert "none" in str(caught.value)
    sensor.close()
