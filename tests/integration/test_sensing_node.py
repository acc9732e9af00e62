"""Sensor nodes over real pseudo-terminals: frames, loss, resets, commands, hot-plug and several boards at once."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from contract.sessions import SensorCommand
from edge.core.clock import SystemClock
from edge.core.errors import RefusedError, SourceUnavailableError
from edge.core.health import State
from edge.core.sample import Channel
from edge.sensing.known_boards import KnownBoards
from edge.sensing.serial_board import SerialBoard
from edge.sensing.settings import SerialSettings
from edge.sensing.usb_ports import PortList, UsbPort, holder
from tests.support.pty_board import PtyBoard
from tests.support.pty_node import PtyNode
from tests.support.sensing import Sensed, running


@pytest.fixture
def node(tmp_path: Path) -> Iterator[PtyNode]:
    node = PtyNode(tmp_path / "usb0").start()
    yield node
    node.stop()


def _sensed(settings: SerialSettings, *, known: KnownBoards | None = None, ports: PortList = list) -> Sensed:
    clock = SystemClock()
    return Sensed(settings, lambda: SerialBoard(settings, clock=clock, known=known, ports=ports))


def _on(node: PtyNode, **more: object) -> Sensed:
    return _sensed(SerialSettings(port=str(node.line.path), **more))  # type: ignore[arg-type]


async def test_frames_become_samples_with_units_and_the_nodes_time(node: PtyNode) -> None:
    sensed = _on(node)
    async with running(sensed):
        samples = (await sensed.more(50))[10:]
        view = sensed.service.view()
    assert samples[0].values == {Channel.GSR_US: pytest.approx(100 * 212 / 1624), Channel.PULSE_RAW: 512.0}
    assert all(after.node_ms - before.node_ms == 10 for before, after in pairwise(samples))  # type: ignore[operator]
    assert all(after.mono_ns >= before.mono_ns for before, after in pairwise(samples))
    assert not any(sample.gap_before for sample in samples)
    assert (view.source, view.state, view.calibrated, view.lost, view.resets) == ("serial", "ok", True, 0, 0)
    assert view.board == "sensor node 00c0ffee, firmware 1.2.3, 100 Hz"
    assert view.commands == ["identify", "calibrate", "self_test", "rate"]
    assert view.clock_jitter_ms is not None
    assert abs(view.clock_drift_ppm or 0.0) < 10_000


async def test_a_fraction_of_a_count_shows_and_an_uncalibrated_node_keeps_its_counts(node: PtyNode) -> None:
    node.gsr_open, node.values = None, (300 * 64 + 16, 512 * 64)
    node.reset()  # or the board that it was may have said its first word already
    sensed = _on(node)
    async with running(sensed):
        samples = await sensed.more(10)
        view = sensed.service.view()
    assert samples[-1].values[Channel.GSR_RAW] == 300.25
    assert view.calibrated is False


async def test_the_settings_calibration_comes_before_that_of_the_node(node: PtyNode) -> None:
    sensed = _on(node, gsr_calibration=500.5)
    async with running(sensed):
        samples = await sensed.more(10)
    assert samples[-1].values[Channel.GSR_US] == pytest.approx(100 * 200.5 / 1624)


async def test_lost_frames_leave_one_gap_and_are_counted_and_never_filled_in(node: PtyNode) -> None:
    sensed = _on(node)
    async with running(sensed):
        await sensed.more(20)
        before = len(sensed.samples)
        node.lose(7)
        await sensed.more(30)
        view = sensed.service.view()
    assert view.lost == 7
    assert [s.gap_before for s in sensed.samples[before - 3 :]].count(True) == 1


async def test_noise_is_counted_and_nothing_of_it_becomes_a_sample(node: PtyNode) -> None:
    sensed = _on(node)
    async with running(sensed):
        await sensed.more(20)
        node.noise(b"\0\x05\x01\x02\x03\x04\0")
        samples = await sensed.more(30)
        stats = sensed.service.stats
    assert stats.bad_rows == 1
    assert "CRC" in stats.last_bad[-1]
    assert all(set(sample.values) == {Channel.GSR_US, Channel.PULSE_RAW} for sample in samples)


async def test_a_reset_is_counted_leaves_a_gap_and_time_goes_on(node: PtyNode) -> None:
    sensed = _on(node)
    async with running(sensed):
        await sensed.more(20)
        node.reset()
        samples = await sensed.more(60)
        view = sensed.service.view()
    assert view.resets == 1
    assert view.lost == 0
    assert [sample.gap_before for sample in samples].count(True) == 1
    moments = [sample.mono_ns for sample in sensed.samples]
    assert moments == sorted(moments)


async def test_a_test_pattern_is_no_sample(node: PtyNode) -> None:
    sensed = _on(node)
    async with running(sensed):
        await sensed.more(20)
        node.self_test = True
        await sensed.until(lambda: node.patterns >= 20)
        node.self_test = False
        await sensed.until(lambda: any(sample.gap_before for sample in sensed.samples[1:]))
    (at,) = [at for at, sample in enumerate(sensed.samples) if at and sample.gap_before]
    before, after = sensed.samples[at - 1].node_ms, sensed.samples[at].node_ms
    assert before is not None
    assert after is not None
    assert after - before >= 20 * 10, "a hundred a second"


async def test_commands_reach_the_node_and_their_answers_come_back(node: PtyNode) -> None:
    sensed = _on(node)
    async with running(sensed):
        await sensed.more(20)
        assert (await sensed.service.command(SensorCommand(command="identify"))).ok
        tested = await sensed.service.command(SensorCommand(command="self_test"))
        measured = await sensed.service.command(SensorCommand(command="calibrate"))
        given = await sensed.service.command(SensorCommand(command="calibrate", value=510.5))
        rated = await sensed.service.command(SensorCommand(command="rate", value=50))
        with pytest.raises(RefusedError, match="whole number of hertz"):
            await sensed.service.command(SensorCommand(command="rate", value=0.5))
        with pytest.raises(RefusedError, match="counts"):
            await sensed.service.command(SensorCommand(command="calibrate", value=5000))
        samples = await sensed.more(5)
    assert (tested.ok, tested.values["supply_mv"], tested.values["overruns"]) == (True, 4987, 2)
    assert measured.values == {"counts": 515.62}
    assert given.values == {"counts": 510.5}
    assert rated.ok
    assert samples[-1].values[Channel.GSR_US] == pytest.approx(100 * 210.5 / 1624)
    assert not any(sample.gap_before for sample in sensed.samples[1:])


async def test_a_node_that_does_not_answer_is_said_to(node: PtyNode) -> None:
    sensed = _on(node)
    async with running(sensed):
        await sensed.more(20)
        node.deaf = True
        result = await sensed.service.command(SensorCommand(command="identify"))
        samples = await sensed.more(300)
    assert not result.ok
    assert "did not answer" in result.detail
    assert not any(sample.gap_before for sample in samples)


async def test_a_command_to_nobody_is_refused(tmp_path: Path) -> None:
    sensed = _sensed(SerialSettings(port=str(tmp_path / "none")))
    with pytest.raises(RefusedError, match="not connected"):
        await sensed.service.command(SensorCommand(command="identify"))
    async with running(sensed):
        await sensed.until(lambda: sensed.state is State.FAILED)
        with pytest.raises(RefusedError, match="not connected"):
            await sensed.service.command(SensorCommand(command="identify"))


async def test_rows_have_no_commands_and_say_so(tmp_path: Path) -> None:
    board = PtyBoard(tmp_path)
    sensed = _sensed(SerialSettings(port=str(board.path)))
    async with running(sensed):
        millis = 0
        while len(sensed.samples) < 5:
            board.row(millis := millis + 100)
            await asyncio.sleep(0.01)
        with pytest.raises(RefusedError, match="no commands"):
            await sensed.service.command(SensorCommand(command="identify"))
        assert sensed.service.view().board == "board of rows"
    board.unplug()


async def test_a_board_that_comes_back_under_another_name_is_found_again(tmp_path: Path) -> None:
    node = PtyNode(tmp_path / "usb0", serial_number="A7").start()
    sensed = _sensed(SerialSettings(port="usb:A7"), ports=lambda: [node.port])
    async with running(sensed):
        await sensed.more(20)
        node.stop()
        await sensed.until(lambda: sensed.state is State.FAILED)
        count = len(sensed.samples)
        node.plug_elsewhere(tmp_path / "usb5")
        await sensed.more(20)
    node.stop()
    assert sensed.samples[count].gap_before
    assert sensed.service.stats.reconnects == 1
    assert "usb5" in sensed.service.stats.description


async def test_several_boards_each_keep_their_own_through_re_plugging(tmp_path: Path) -> None:
    nodes = [PtyNode(tmp_path / f"usb{n}", board=n + 1, serial_number=f"S{n}").start() for n in range(2)]
    known = KnownBoards()

    def ports() -> list[UsbPort]:
        return sorted((node.port for node in nodes if node.line.path.exists()), key=lambda port: port.path)

    sensed = [_sensed(SerialSettings(id=name, port="auto"), known=known, ports=ports) for name in ("left", "right")]
    async with running(*sensed):
        for one in sensed:
            await one.more(5)
        first = [one.service.view().board for one in sensed]
        for node in nodes:
            node.stop()
        for one in sensed:
            await one.until(lambda one=one: one.state is State.FAILED)  # type: ignore[misc]
        for node, name in zip(nodes, ("usb9", "usb8"), strict=True):
            node.plug_elsewhere(tmp_path / name)
        for one in sensed:
            await one.more(5)
        second = [one.service.view().board for one in sensed]
    for node in nodes:
        node.stop()
    assert {board[:20] for board in first} == {"sensor node 00000001", "sensor node 00000002"}
    assert second == first


async def test_a_board_is_found_by_its_id_wherever_it_is_plugged_in(tmp_path: Path) -> None:
    nodes = [PtyNode(tmp_path / f"usb{n}", board=0xA0 + n).start() for n in range(2)]
    sensed = _sensed(SerialSettings(port="board:a1"), known=KnownBoards(), ports=lambda: [node.port for node in nodes])
    async with running(sensed):
        await sensed.more(5)
        assert sensed.service.view().board.startswith("sensor node 000000a1")
    for node in nodes:
        node.stop()


def test_auto_leaves_alone_what_the_settings_of_another_sensor_name() -> None:
    known = KnownBoards()
    known.wish("chest", "usb:A")
    known.wish("wrist", "board:b0")
    known.wish("body", "auto")
    ports = [UsbPort("/dev/ttyUSB0", "A"), UsbPort("/dev/ttyUSB1", "B")]
    assert [port.path for port in known.candidates("body", ports)] == ["/dev/ttyUSB1"]
    assert known.owner("body", 0xB0) == "wrist"
    known.met("body", identity="usb:B", baud=115_200, board=0xB1)
    assert [port.path for port in known.candidates("other", ports)] == []
    known.refused("body", "usb:B")
    known.met("body", identity="usb:C", baud=9600, board=None)
    assert known.of("body").board is None
    assert known.owner("other", 0xB1) is None


def test_refused_ports_come_last_and_their_memory_is_bounded() -> None:
    known = KnownBoards()
    ports = [UsbPort(f"/dev/ttyUSB{n}", f"{n}") for n in range(3)]
    known.refused("body", "usb:0")
    known.refused("body", "usb:1")
    assert [port.serial_number for port in known.candidates("body", ports)] == ["2", "0", "1"]
    for number in range(200):
        known.refused("body", f"usb:x{number}")
    assert [port.serial_number for port in known.candidates("body", ports)] == ["0", "1", "2"]


def test_a_missing_serial_number_is_unavailable_with_what_is_there() -> None:
    settings = SerialSettings(port="usb:Z9")
    board = SerialBoard(settings, clock=SystemClock(), ports=lambda: [UsbPort("/dev/ttyUSB0", "A7")])
    with pytest.raises(SourceUnavailableError, match="serial number Z9: there is A7"):
        board.open()


def test_who_has_a_port_open_is_told_by_name(tmp_path: Path) -> None:
    process = tmp_path / "proc" / "4711"
    (process / "fd").mkdir(parents=True)
    (tmp_path / "tty").touch()
    (process / "fd" / "3").symlink_to(tmp_path / "tty")
    (process / "comm").write_text("minicom\n")
    (tmp_path / "proc" / "self").mkdir()
    assert holder(str(tmp_path / "tty"), tmp_path / "proc") == "minicom (pid 4711)"
    assert holder(str(tmp_path / "other"), tmp_path / "proc") is None
