"""The serial board over a real pseudo-terminal: rows, garbage, pulled out and back (U0.5)."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.core.clock import SystemClock
from edge.core.errors import SourceUnavailableError
from edge.core.health import Health, State
from edge.core.sample import Channel, Sample
from edge.sensing.serial_board import SerialBoard
from edge.sensing.service import SensingService
from edge.sensing.settings import SerialSettings
from edge.sensing.usb_ports import UsbPort
from tests.support.pty_board import PtyBoard


@pytest.fixture
def board(tmp_path: Path) -> Iterator[PtyBoard]:
    board = PtyBoard(tmp_path)
    yield board
    board.unplug()


class _Sensing:
    """A running service and what it delivered."""

    def __init__(self, settings: SerialSettings, stall_s: float = 5.0) -> None:
        clock = SystemClock()
        self.health = Health(clock)
        self.samples: list[Sample] = []
        self.service = SensingService(
            settings.id,
            open_sensor=lambda: SerialBoard(settings, clock=clock),
            deliver=self.samples.append,
            health=self.health,
            clock=clock,
            rng=random.Random(1),
            stall_s=stall_s,
        )

    @property
    def state(self) -> State:
        return self.health.of("sensor.body")

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(40):
            while not true():  # noqa: ASYNC110 - what is waited for lies in another thread
                await asyncio.sleep(0.02)


@asynccontextmanager
async def _running(sensing: _Sensing) -> AsyncIterator[None]:
    task = asyncio.create_task(sensing.service.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _settings(board: PtyBoard, **more: object) -> SerialSettings:
    return SerialSettings(port=str(board.path), gsr_unit="grove_adc", gsr_calibration=512, **more)  # type: ignore[arg-type]


async def _first_row(sensing: _Sensing, board: PtyBoard) -> int:
    """Speak until the service listens, for it drops what came before it opened the port; returns the next millis."""
    millis = 0
    async with asyncio.timeout(40):
        while sensing.state is not State.OK:
            board.row(millis)
            millis += 100
            await asyncio.sleep(0.05)
    return millis


async def test_rows_become_samples_with_units_and_the_boards_time(board: PtyBoard) -> None:
    sensing = _Sensing(_settings(board))
    async with _running(sensing):
        millis = await _first_row(sensing, board)
        for step in range(20):
            board.row(millis + step * 100, gsr=300, hr=72)
        await sensing.until(lambda: sensing.samples[-1].node_ms == millis + 1900)
    sample = sensing.samples[-1]
    assert sample.values == {Channel.GSR_US: pytest.approx(100 * 212 / 1624), Channel.HR_BPM: 72.0}
    assert sample.node_ms == millis + 1900
    assert sensing.service.stats.bad_rows == 0
    assert [s.mono_ns for s in sensing.samples] == sorted(s.mono_ns for s in sensing.samples)


async def test_garbage_is_counted_and_kept_for_diagnosis_and_leaves_a_gap(board: PtyBoard) -> None:
    sensing = _Sensing(_settings(board))
    async with _running(sensing):
        millis = await _first_row(sensing, board)
        board.say(b"\xff\xfe\x00nonsense\n12,13\n1,2,3,4\n")
        board.row(millis)
        await sensing.until(lambda: sensing.samples[-1].node_ms == millis)
        stats = sensing.service.stats
        assert stats.bad_rows == 3
        assert stats.last_bad[-2:] == ("12,13", "1,2,3,4")
        assert sensing.samples[-1].gap_before


async def test_pulled_out_it_fails_and_comes_back_by_itself(board: PtyBoard, caplog: pytest.LogCaptureFixture) -> None:
    sensing = _Sensing(_settings(board))
    with caplog.at_level("INFO"):
        async with _running(sensing):
            await _first_row(sensing, board)
            board.unplug()
            await sensing.until(lambda: sensing.state is State.FAILED)
            await asyncio.sleep(1.0)
            count = len(sensing.samples)
            board.plug()
            await _first_row(sensing, board)
            await sensing.until(lambda: len(sensing.samples) > count)
    assert sensing.samples[count].gap_before
    assert sensing.service.stats.reconnects == 1
    said = [record.getMessage() for record in caplog.records if record.name == "edge.core.health"]
    assert [line.split(":")[0] for line in said] == [
        "sensor.body is starting",
        "sensor.body is ok",
        "sensor.body is failed",
        "sensor.body is ok",
    ]


async def test_only_garbage_says_what_to_check(board: PtyBoard) -> None:
    sensing = _Sensing(_settings(board), stall_s=0.5)
    async with _running(sensing):

        def babble() -> bool:
            board.say(b"\x80\x81\n")
            return sensing.state is State.DEGRADED

        await sensing.until(babble)
        assert "speed of the line" in sensing.health.parts()[0].detail


async def test_a_port_that_is_missing_or_busy_is_unavailable_with_a_reason(board: PtyBoard, tmp_path: Path) -> None:
    clock = SystemClock()
    with pytest.raises(SourceUnavailableError, match="no such port"):
        SerialBoard(SerialSettings(port=str(tmp_path / "none")), clock=clock).open()
    first = SerialBoard(_settings(board), clock=clock)
    first.open()
    try:
        with pytest.raises(SourceUnavailableError, match=r"busy|lock"):
            SerialBoard(_settings(board), clock=clock).open()
    finally:
        first.close()


def test_auto_takes_the_first_usb_board_and_says_so_when_there_is_none(board: PtyBoard) -> None:
    clock = SystemClock()
    found = SerialBoard(SerialSettings(), clock=clock, ports=lambda: [UsbPort(str(board.path), "A1")])
    found.open()
    assert found.describe() == f"{board.path} at 115200 baud"
    found.close()
    with pytest.raises(SourceUnavailableError, match="plug it in"):
        SerialBoard(SerialSettings(), clock=clock, ports=list).open()
