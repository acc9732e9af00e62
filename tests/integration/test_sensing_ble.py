"""A heart rate strap through the real Bluetooth library and a real D-Bus daemon; the radio itself is not there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.sessions import SensorCommand
from edge.core.clock import SystemClock
from edge.core.errors import RefusedError, SourceUnavailableError
from edge.core.health import State
from edge.core.sample import Channel
from edge.sensing.ble_heart_rate import BleHeartRate
from edge.sensing.settings import BleSettings
from tests.support.bluez import FakeBluez
from tests.support.sensing import Sensed, running

_BEATS = b"\x16\x48\x55\x03\x40\x03"
"""72 beats a minute with contact, and two intervals."""


@pytest.fixture
def bluez(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBluez]:
    bluez = FakeBluez(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bluez.address)
    yield bluez
    bluez.stop()


def _sensed(**more: object) -> Sensed:
    settings = BleSettings(scan_s=2, **more)  # type: ignore[arg-type]
    return Sensed(settings, lambda: BleHeartRate(settings, clock=SystemClock()), stall_s=1.0)


def _beating(bluez: FakeBluez, true: Callable[[], bool]) -> Callable[[], bool]:
    def beat_and_look() -> bool:
        bluez.beat(_BEATS)
        return true()

    return beat_and_look


async def test_beats_come_with_their_intervals_and_the_rate(bluez: FakeBluez) -> None:
    sensed = _sensed()
    async with running(sensed):
        await sensed.until(_beating(bluez, lambda: len(sensed.samples) > 6))
        view = sensed.service.view()
        with pytest.raises(RefusedError, match="no commands"):
            await sensed.service.command(SensorCommand(command="identify"))
    assert sensed.samples[0].values == {Channel.IBI_MS: pytest.approx(833.008)}
    assert sensed.samples[1].values == {Channel.IBI_MS: 812.5, Channel.HR_BPM: 72.0}
    assert (view.source, view.state, view.board) == ("ble", "ok", "Strap 7 (AA:BB:CC:DD:EE:01)")
    moments = [sample.mono_ns for sample in sensed.samples]
    assert moments == sorted(moments)
    assert not bluez.strap.connected


async def test_a_strap_that_goes_out_of_range_comes_back_by_itself(bluez: FakeBluez) -> None:
    sensed = _sensed(address="aa:bb:cc:dd:ee:01")
    async with running(sensed):
        await sensed.until(_beating(bluez, lambda: len(sensed.samples) > 2))
        bluez.hide()
        bluez.drop()
        await sensed.until(lambda: sensed.state is State.FAILED)
        count = len(sensed.samples)
        bluez.hide(False)
        await sensed.until(_beating(bluez, lambda: len(sensed.samples) > count))
    assert sensed.samples[count].gap_before
    assert sensed.service.stats.reconnects == 1
    assert bluez.strap.connections == 2


async def test_without_skin_contact_nothing_is_told_and_the_reason_is(bluez: FakeBluez) -> None:
    sensed = _sensed(device_name="Strap")
    async with running(sensed):
        await sensed.until(_beating(bluez, lambda: len(sensed.samples) > 2))

        def off_the_skin() -> bool:
            bluez.beat(b"\x04\x48")
            return sensed.state is State.DEGRADED

        await sensed.until(off_the_skin)
        part = sensed.health.part("sensor.body")
        assert part
        assert "electrodes" in part.detail
        count = len(sensed.samples)
        await sensed.until(_beating(bluez, lambda: len(sensed.samples) > count))
    assert sensed.samples[count].gap_before


def test_a_strap_that_is_not_heard_is_unavailable_with_what_to_do(bluez: FakeBluez) -> None:
    sensor = BleHeartRate(BleSettings(address="00:00:00:00:00:09", scan_s=1), clock=SystemClock())
    with pytest.raises(SourceUnavailableError, match="moisten its electrodes"):
        sensor.open()
    sensor.close()
    assert bluez.strap.connections == 0


def test_without_a_bus_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    sensor = BleHeartRate(BleSettings(scan_s=1), clock=SystemClock())
    with pytest.raises(SourceUnavailableError, match="no system bus"):
        sensor.open()
    sensor.close()
