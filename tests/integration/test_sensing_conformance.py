"""What every sensor promises, asked of each driver on its real source."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.core.clock import SystemClock
from edge.core.errors import SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.ble_heart_rate import BleHeartRate
from edge.sensing.lsl_inlet import LslInlet
from edge.sensing.replay import ReplaySensor
from edge.sensing.sensor import READ_LIMIT_S, Sensor
from edge.sensing.serial_board import SerialBoard
from edge.sensing.settings import BleSettings, LslSettings, ReplaySettings, SerialSettings, SimulatedSettings
from edge.sensing.simulated import SimulatedSensor
from edge.sensing.units import plausible
from tests.support.bluez import FakeBluez
from tests.support.lsl import Outlet, liblsl
from tests.support.pty_board import PtyBoard
from tests.support.pty_node import PtyNode

_SLACK_S = 20.0
"""The machine may be busy."""
_EARLIER_NS = 3_000_000_000
"""What a source had measured just before it was opened may come with the first."""


@dataclass
class _Source:
    """A driver on a source that speaks, on one that is silent, and on one that is not there (None: always there)."""

    speaking: Callable[[], Sensor]
    silent: Callable[[], Sensor]
    missing: Callable[[], Sensor] | None


@pytest.fixture(params=["serial", "node", "ble", "lsl", "replay", "simulated"])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Source]:
    match request.param:
        case "serial":
            yield from _serial(tmp_path)
        case "node":
            yield from _node(tmp_path)
        case "ble":
            yield from _ble(tmp_path, monkeypatch)
        case "lsl":
            yield from _lsl()
        case "replay":
            yield _replay(tmp_path)
        case _:
            yield _simulated()


@contextmanager
def _repeated(step: Callable[[], object], every_s: float) -> Iterator[None]:
    """Let a source speak all the while."""
    over = threading.Event()

    def speak() -> None:
        while not over.wait(every_s):
            step()

    voice = threading.Thread(target=speak)
    voice.start()
    try:
        yield
    finally:
        over.set()
        voice.join()


def _serial(folder: Path) -> Iterator[_Source]:
    (folder / "speaking").mkdir()
    (folder / "silent").mkdir()
    speaking, silent = PtyBoard(folder / "speaking"), PtyBoard(folder / "silent")
    millis = itertools.count(0, 10)
    with _repeated(lambda: speaking.row(next(millis)), 0.01):
        yield _boards(speaking.path, silent.path, folder / "none")
    speaking.unplug()
    silent.unplug()


def _node(folder: Path) -> Iterator[_Source]:
    speaking = PtyNode(folder / "speaking").start()
    (folder / "silent").mkdir()
    silent = PtyBoard(folder / "silent")
    yield _boards(speaking.line.path, silent.path, folder / "none")
    speaking.stop()
    silent.unplug()


def _boards(speaking: Path, silent: Path, missing: Path) -> _Source:
    clock = SystemClock()

    def board(path: Path) -> Sensor:
        return SerialBoard(SerialSettings(port=str(path), gsr_calibration=512), clock=clock)

    return _Source(lambda: board(speaking), lambda: board(silent), lambda: board(missing))


def _ble(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Source]:
    bluez = FakeBluez(folder)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bluez.address)

    def strap(name: str) -> Sensor:
        return BleHeartRate(BleSettings(device_name=name, scan_s=2), clock=SystemClock())

    # There is one strap: it beats from when a speaking one is asked for.
    beating = threading.Event()

    def beat() -> None:
        if beating.is_set():
            bluez.beat(b"\x10\x48\x55\x03")

    def speaking() -> Sensor:
        beating.set()
        return strap("")

    with _repeated(beat, 0.05):
        yield _Source(speaking, lambda: strap("Strap"), lambda: strap("none"))
    bluez.stop()


def _lsl() -> Iterator[_Source]:
    speaking = Outlet("speaking", {"EDA": "uS"}, row=[4.0]).start()
    silent = Outlet("silent", {"EDA": "uS"}, row=[4.0])

    def inlet(name: str) -> Sensor:
        return LslInlet(LslSettings(stream=name, library=liblsl(), find_s=2), clock=SystemClock())

    yield _Source(lambda: inlet("speaking"), lambda: inlet("silent"), lambda: inlet("none"))
    speaking.stop()
    silent.stop()


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
    deadline = time.monotonic() + 40
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
    assert started_ns - _EARLIER_NS <= moments[0]
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
