"""The sensor node's real firmware on a simulated chip: it samples on time, forgets nothing it should keep, and no fault
makes a wrong sample. Time is simulated and passes in lock step: no result depends on how fast the machine is."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from contract.sessions import SensorCommand
from edge.core.clock import SystemClock
from edge.core.sample import Channel
from edge.sensing.frames import UNCALIBRATED, CommandType, Hello, Message, Reply, ReplyStatus, ResetCause, Sampled
from edge.sensing.framing import wrap
from edge.sensing.line import LineParser
from edge.sensing.serial_board import SerialBoard
from edge.sensing.settings import SerialSettings
from edge.sensing.units import grove_us
from tests.support.node_waveform import RecordedBody, recorded_body
from tests.support.sensing import Sensed, running
from tests.support.simulated_node import (
    GSR_PIN,
    LED,
    PORTB,
    PULSE_PIN,
    TIMER_1_INTERRUPTS,
    Built,
    SimulatedNode,
    build,
    grove_mv,
    write_waveform,
)

Desk = Callable[..., AbstractContextManager[SimulatedNode]]
OPEN_MV = 2500.0
MAIN_LOOP = "commands_turn"
"""A function that the main loop calls each time."""
FLASH_BYTES, RAM_BYTES = 32_768, 2_048
BOTH_COPIES = (4, 36)
"""A byte in each of the two copies of the settings."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("sensor-node"))


@pytest.fixture
def desk(built: Built, tmp_path: Path) -> Desk:
    """Boards with steady electrodes; each call powers up the same one."""
    steady = write_waveform(tmp_path / "steady.csv", [(grove_mv(2.0), 2500.0)])

    def power_up(waveform: Path = steady, board: int = 1) -> SimulatedNode:
        return SimulatedNode(built, waveform=waveform, eeprom=tmp_path / f"eeprom-{board}", seed=board)

    return power_up


@pytest.fixture
def node(desk: Desk) -> Iterator[SimulatedNode]:
    """A board that has said HELLO and sampled a while."""
    with desk() as board:
        board.messages(0.1)
        yield board


def sampled(messages: list[Message]) -> list[Sampled]:
    return [one for one in messages if isinstance(one, Sampled)]


def hellos(messages: list[Message]) -> list[Hello]:
    return [one for one in messages if isinstance(one, Hello)]


def reply_to(node: SimulatedNode, kind: CommandType, value: int | None = None, *, within: float = 0.2) -> Reply:
    """The one reply to this command."""
    seq = node.command(kind, value)
    (found,) = [one for one in node.messages(within) if isinstance(one, Reply)]
    assert (found.command_seq, found.command) == (seq, kind)
    return found


def identity(node: SimulatedNode) -> Hello:
    """What the node says of itself when asked."""
    node.command(CommandType.IDENTIFY)
    return hellos(node.messages(0.1))[-1]


@pytest.mark.data
def test_a_recorded_body_is_sampled_100_times_a_second_without_a_gap(
    desk: Desk, data_dir: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """S4.1: 100 Hz; the interval and the node's own time are exact to microseconds of the chip's clock."""
    body: RecordedBody = recorded_body(data_dir, tmp_path)
    with desk(body.waveform) as node:
        messages = node.messages(15.0)
        began_us = np.array(node.bursts_us())
    found = sampled(messages)
    assert 1498 <= len(found) <= 1500
    assert not any(one.gap_before or one.overrun for one in found)
    assert {b.t_us - a.t_us for a, b in pairwise(found)} == {10_000}
    assert [one.seq for one in messages] == list(range(len(messages)))
    assert [hello.seq for hello in hellos(messages)] == [0, 1000]

    told_us = np.array([one.t_us for one in found])
    error_us = (told_us - began_us[: len(found)]) - (told_us - began_us[: len(found)]).mean()
    record_property("jitter_sd_us", float(error_us.std()))
    record_property("jitter_max_us", float(abs(error_us).max()))
    assert abs(error_us).max() < 30.0

    row = ((began_us[: len(found)] + 3500) // 10_000).astype(int)
    told_eda = np.array([grove_us(round(one.values[0] / 64), 512) for one in found])
    assert abs(told_eda - body.eda_us[row]).max() < 0.12  # two counts of the ADC
    assert np.corrcoef([one.values[1] for one in found], body.pulse_mv[row])[0, 1] > 0.999


def test_the_firmware_leaves_room(built: Built, node: SimulatedNode) -> None:
    """Half of the flash and a kilobyte of RAM at least."""
    assert (built.firmware.with_suffix(".hex")).stat().st_size / 2.8 < FLASH_BYTES / 2
    _, free_ram, *_ = reply_to(node, CommandType.SELF_TEST).values
    assert 1_000 < free_ram < RAM_BYTES


@pytest.mark.parametrize(("rate", "oversample"), [(1, 64), (3, 64), (50, 64), (100, 32), (250, 16), (333, 8), (500, 8)])
def test_the_rate_is_what_was_asked_for(node: SimulatedNode, rate: int, oversample: int) -> None:
    before = sampled(node.messages(0.1))[-1]
    assert reply_to(node, CommandType.RATE, rate).status == ReplyStatus.OK
    hello = identity(node)
    assert (hello.rate_hz, hello.oversample) == (rate, oversample)
    node.messages(1.1)
    seconds = 3 if rate < 50 else 1
    found = sampled(node.messages(seconds))
    assert abs(len(found) - seconds * rate) <= 1
    assert not any(one.gap_before for one in found)
    (step,) = {b.t_us - a.t_us for a, b in pairwise(found)}
    assert step == pytest.approx(1e6 / rate, rel=0.002)
    assert abs(found[-1].t_us - node.us) < 1.1e6 / rate + 20_000
    assert all(abs(a - b) <= 64 for a, b in zip(found[-1].values, before.values, strict=True))


@pytest.mark.parametrize("rate", [0, 501, 65_535])
def test_a_rate_out_of_bounds_is_refused_and_changes_nothing(node: SimulatedNode, rate: int) -> None:
    assert reply_to(node, CommandType.RATE, rate).status == ReplyStatus.BAD_ARGUMENT
    assert identity(node).rate_hz == 100


def test_a_self_test_tells_how_the_board_is(node: SimulatedNode) -> None:
    reply = reply_to(node, CommandType.SELF_TEST)
    supply_mv, _, eeprom_whole, spread, overruns = reply.values
    assert reply.status == ReplyStatus.OK
    assert 4_950 < supply_mv < 5_050
    assert (eeprom_whole, spread, overruns) == (1, 0, 0)


def test_a_sample_that_a_self_test_costs_at_the_fastest_rate_is_told(node: SimulatedNode) -> None:
    """Overruns are flagged, never silent."""
    reply_to(node, CommandType.RATE, 500)
    node.messages(0.5)
    missed = reply_to(node, CommandType.SELF_TEST).values[4]
    seq = node.command(CommandType.SELF_TEST)
    messages = node.messages(0.5)
    overrun = [one for one in sampled(messages) if one.overrun]
    assert len(overrun) == 1
    assert overrun[0].gap_before
    assert overrun[0].lost_before == 0
    (second,) = [one for one in messages if isinstance(one, Reply)]
    assert (second.command_seq, second.values[4]) == (seq, missed + 1)


@pytest.mark.parametrize("stalled_s", [0.05, 0.07, 0.2, 1.5])
def test_samples_that_a_stalled_loop_costs_are_told(node: SimulatedNode, stalled_s: float) -> None:
    """The queue outlasts 70 ms (as writing the settings takes); what falls out of it later is marked, step by step."""
    before = sampled(node.messages(0.1))
    node.hang(MAIN_LOOP)
    stalled = sampled(node.messages(stalled_s))
    node.heal(MAIN_LOOP)
    found = before + stalled + sampled(node.messages(0.3))
    missed = [(b.t_us - a.t_us) // 10_000 - 1 for a, b in pairwise(found)]
    assert sum(missed) == pytest.approx(max(0.0, stalled_s * 100 - 7), abs=2)
    assert [one.overrun for one in found[1:]] == [count > 0 for count in missed]
    assert reply_to(node, CommandType.SELF_TEST).values[4] == sum(missed)
    assert node.parser.lost == node.parser.resets == 0


def test_the_slowest_rate_still_answers_within_three_seconds(node: SimulatedNode) -> None:
    node.hold(GSR_PIN, OPEN_MV)
    reply_to(node, CommandType.RATE, 1)
    assert reply_to(node, CommandType.SELF_TEST, within=1.2).status == ReplyStatus.OK
    assert reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=3.0).status == ReplyStatus.OK


def test_one_measurement_at_a_time(node: SimulatedNode) -> None:
    node.hold(GSR_PIN, OPEN_MV)
    node.messages(0.1)
    kinds = (CommandType.CALIBRATE, CommandType.CALIBRATE, CommandType.SELF_TEST, CommandType.SELF_TEST)
    seqs = [node.command(kind, UNCALIBRATED if kind == CommandType.CALIBRATE else None) for kind in kinds]
    replies = {one.command_seq: one.status for one in node.messages(1.0) if isinstance(one, Reply)}
    assert [replies[seq] for seq in seqs] == [ReplyStatus.OK, ReplyStatus.FAILED, ReplyStatus.OK, ReplyStatus.FAILED]


def test_identify_blinks_for_three_seconds(node: SimulatedNode) -> None:
    node.command(CommandType.IDENTIFY)
    seen = [node.messages(0.05) is not None and bool(node.peek(PORTB) & LED) for _ in range(80)]
    changes = sum(a != b for a, b in pairwise(seen))
    assert 15 <= changes <= 30
    assert not any(seen[62:])


def test_calibration_survives_reset_and_power(desk: Desk) -> None:
    """Measured at open electrodes, kept in the EEPROM; the board keeps its name, too."""
    with desk() as node:
        (first,) = hellos(node.messages(0.1))
        assert first.gsr_open is None
        node.hold(GSR_PIN, OPEN_MV)
        node.messages(0.1)
        measured = reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=0.7)
        assert measured.status == ReplyStatus.OK
        assert measured.values[0] == pytest.approx(512 * 64, abs=64)
        node.reset(ResetCause.EXTERNAL)
        (after_reset,) = hellos(node.messages(0.1))
    with desk() as node:
        (after_power,) = hellos(node.messages(0.1))
    assert after_reset.gsr_open == after_power.gsr_open == measured.values[0]
    assert first.board == after_reset.board == after_power.board
    assert (first.boots, after_reset.boots, after_power.boots) == (1, 2, 3)
    assert (after_reset.reset_cause, after_power.reset_cause) == (ResetCause.EXTERNAL, ResetCause.POWER_ON)


def test_two_boards_have_two_names(desk: Desk) -> None:
    with desk(board=1) as one, desk(board=2) as other:
        assert hellos(one.messages(0.1))[0].board != hellos(other.messages(0.1))[0].board


def test_a_calibration_may_be_told_but_not_nonsense(node: SimulatedNode) -> None:
    assert reply_to(node, CommandType.CALIBRATE, 32_000).values == (32_000,)
    assert reply_to(node, CommandType.CALIBRATE, 63).status == ReplyStatus.BAD_ARGUMENT
    assert reply_to(node, CommandType.CALIBRATE, 65_473).status == ReplyStatus.BAD_ARGUMENT
    assert identity(node).gsr_open == 32_000


def test_a_hand_on_the_electrodes_is_no_calibration(desk: Desk, tmp_path: Path) -> None:
    moving = write_waveform(tmp_path / "moving.csv", [(2400.0 + 5.0 * n, 2500.0) for n in range(50)])
    with desk(moving) as node:
        node.messages(0.1)
        assert reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=0.7).status == ReplyStatus.FAILED
        node.hold(GSR_PIN, 1000.0)
        node.messages(0.1)
        assert reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=0.7).status == ReplyStatus.FAILED
        assert identity(node).gsr_open is None


def test_one_rotten_copy_of_the_settings_costs_the_newest_change_at_most(node: SimulatedNode) -> None:
    reply_to(node, CommandType.CALIBRATE, 32_000)
    before = identity(node)
    node.rot(BOTH_COPIES[0], 0xFF)
    node.reset(ResetCause.POWER_ON)
    (after,) = hellos(node.messages(0.1))
    assert after.board == before.board
    assert after.gsr_open in {None, 32_000}
    assert reply_to(node, CommandType.SELF_TEST).values[2] == 1


def test_two_rotten_copies_are_told_by_the_self_test_and_then_begun_anew(node: SimulatedNode) -> None:
    reply_to(node, CommandType.CALIBRATE, 32_000)
    for address in BOTH_COPIES:
        node.rot(address, 0xFF)
    failed = reply_to(node, CommandType.SELF_TEST)
    assert (failed.status, failed.values[2]) == (ReplyStatus.FAILED, 0)
    node.reset(ResetCause.POWER_ON)
    (after,) = hellos(node.messages(0.1))
    assert (after.gsr_open, after.boots) == (None, 1)


def test_the_old_lines_are_what_the_line_parser_reads(node: SimulatedNode) -> None:
    """`millis,gsr,hr`, kept over a reset for readers that know nothing else, and left again by a frame."""
    node.command(CommandType.MODE, 1)
    node.run(0.1)
    node.reset(ResetCause.POWER_ON)
    parser = LineParser()
    rows = parser.feed(node.run(2.0))
    assert 197 <= len(rows) <= 200
    assert parser.bad_rows == 0
    assert {row.elapsed_ms for row in rows[1:]} == {10}
    assert not any(row.gap_before for row in rows)
    assert grove_us(rows[-1].gsr, 512) == pytest.approx(2.0, abs=0.1)
    assert rows[-1].hr == pytest.approx(512, abs=1)

    node.command(CommandType.MODE, 0)
    back = node.messages(0.2)
    assert [type(one) for one in back if not isinstance(one, Sampled)] == [Reply, Hello]
    assert len(sampled(back)) > 10


def test_a_command_among_lines_is_answered_by_a_frame_that_readers_of_lines_drop(node: SimulatedNode) -> None:
    node.command(CommandType.MODE, 1)
    node.run(0.1)
    parser = LineParser()
    parser.feed(node.run(0.1))
    node.command(CommandType.SELF_TEST)
    heard = node.run(0.2)
    rows = parser.feed(heard)
    assert 1 <= parser.bad_rows <= 3  # a byte of a frame may be a newline
    assert 19 <= len(rows) <= 21
    assert {row.elapsed_ms for row in rows} == {10}
    assert [type(one) for one in node.parser.feed(heard)] == [Reply]


def test_lost_and_damaged_bytes_are_gaps_and_never_wrong_samples(desk: Desk, tmp_path: Path) -> None:
    """One byte in 200 lost or with a bit turned over: about a tenth of the frames."""
    moving = write_waveform(tmp_path / "moving.csv", [(1500.0 + 3 * n, 4000.0 - 7 * n) for n in range(300)])
    with desk(moving, board=1) as twin:
        truth = {one.seq: one for one in twin.messages(8.0)}
    with desk(moving, board=2) as node:
        node.noise(seed=7, per_million=5_000)
        messages = node.messages(8.0)
    found, parser = sampled(messages), node.parser
    assert 0.8 * len(truth) < len(found) < 0.97 * len(truth)
    assert all(replace(one, lost_before=0, gap_before=False) == truth[one.seq] for one in found)
    assert all(b.gap_before == (b.seq != a.seq + 1) for a, b in pairwise(found))
    assert parser.resets == 0
    assert parser.bad_crc + parser.malformed + parser.too_long > 0
    assert len(truth) - len(messages) - parser.lost in {0, 1, 2, 3}  # those at either end of the line


@pytest.mark.parametrize("lost", [1, 19, 20, 200])
def test_dropped_bytes_are_counted_in_frames(node: SimulatedNode, lost: int) -> None:
    """19 bytes are one sample on the line."""
    node.drop(lost)
    found = sampled(node.messages(0.5))
    assert 1 <= node.parser.lost <= lost // 19 + 2
    assert [one.lost_before for one in found if one.gap_before] == [node.parser.lost]


@pytest.mark.parametrize("cause", [ResetCause.EXTERNAL, ResetCause.BROWN_OUT, ResetCause.POWER_ON])
def test_a_reset_is_seen_with_its_cause(node: SimulatedNode, cause: ResetCause) -> None:
    before = identity(node)
    node.reset(cause)
    messages = node.messages(0.2)
    (hello,) = hellos(messages)
    assert (hello.board, hello.boots, hello.reset_cause) == (before.board, before.boots + 1, cause)
    assert node.parser.resets == 1
    assert [one.gap_before for one in sampled(messages)][:2] == [True, False]


@pytest.mark.parametrize("fault", ["main loop hangs", "timer dies"])
def test_the_watchdog_ends_a_node_that_makes_no_progress(node: SimulatedNode, fault: str) -> None:
    """The flash is overwritten or the timer's interrupt turned off from outside; the firmware has no such switch."""
    if fault == "timer dies":
        node.poke(TIMER_1_INTERRUPTS, 0)
    else:
        node.hang(MAIN_LOOP)
    assert hellos(node.messages(1.8)) == []
    assert [hello.reset_cause for hello in hellos(node.messages(0.5))] == [ResetCause.WATCHDOG]
    node.heal(MAIN_LOOP)
    assert len(sampled(node.messages(0.5))) >= 49


def test_the_watchdog_leaves_the_slowest_rate_alone(node: SimulatedNode) -> None:
    reply_to(node, CommandType.RATE, 1)
    assert [hello.boots for hello in hellos(node.messages(12.0))] == [1]
    assert node.parser.resets == 0


def test_an_unplugged_electrode_reads_as_open_as_the_calibration(node: SimulatedNode) -> None:
    """What it then tells is no conductance, or next to none."""
    node.hold(GSR_PIN, OPEN_MV)
    node.messages(0.2)
    open_value = reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=0.7).values[0]
    node.follow(GSR_PIN)
    node.messages(0.1)
    worn = sampled(node.messages(0.1))[-1].values[0]
    node.hold(GSR_PIN, OPEN_MV)
    node.hold(PULSE_PIN, 0.0)
    node.messages(0.1)
    gsr, pulse = sampled(node.messages(0.1))[-1].values
    assert worn < open_value - 20 * 64
    assert abs(gsr - open_value) <= 64
    assert pulse == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\x90\x05\x00", ReplyStatus.UNKNOWN),
        (b"\x80\x05\x00", ReplyStatus.UNKNOWN),
        (b"\x01\x05\x00", ReplyStatus.UNKNOWN),
        (b"\x81\x05\x00", ReplyStatus.BAD_ARGUMENT),
        (b"\x81\x05\x00\x64\x00\x00", ReplyStatus.BAD_ARGUMENT),
        (b"\x83\x05\x00\x00", ReplyStatus.BAD_ARGUMENT),
        (b"\x85\x05\x00\x02", ReplyStatus.BAD_ARGUMENT),
    ],
)
def test_a_whole_command_that_makes_no_sense_is_answered(
    node: SimulatedNode, content: bytes, status: ReplyStatus
) -> None:
    node.send(wrap(content))
    (reply,) = [one for one in node.messages(0.1) if isinstance(one, Reply)]
    assert (reply.command_seq, reply.command, reply.status) == (5, content[0], status)


def test_garbage_neither_stops_nor_resets_the_node(node: SimulatedNode) -> None:
    """8 kB of bytes at the line's full speed, many of them zeros, some of them nearly commands."""
    chance = random.Random(5)
    for _ in range(8):
        garbage = bytearray(chance.randbytes(900))
        for at in range(0, 900, chance.randint(3, 40)):
            garbage[at] = 0
        node.send(bytes(garbage) + wrap(b"\x81\x01\x00\x64\x00")[:-2] + bytes(8) + wrap(bytes(50)))
        found = sampled(node.messages(0.1))
        assert 9 <= len(found) <= 11
        assert not any(one.gap_before for one in found)
    assert node.parser.resets == 0
    assert identity(node).boots == 1


def test_a_missing_compiler_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="gcc-avr"):
        build(tmp_path)


async def test_the_appliance_hears_the_real_firmware(desk: Desk) -> None:
    """The whole way in real time: simulated chip, pseudo-terminal, driver, units, commands and a brown-out."""
    with desk() as board:
        board.hold(GSR_PIN, OPEN_MV)
        board.pace(1.0)
        settings = SerialSettings(port=str(board.path))
        sensed = Sensed(settings, lambda: SerialBoard(settings, clock=SystemClock(), ports=list))
        async with running(sensed):
            await sensed.more(20)
            measured = await sensed.service.command(SensorCommand(command="calibrate"))
            tested = await sensed.service.command(SensorCommand(command="self_test"))
            board.follow(GSR_PIN)
            board.reset(ResetCause.BROWN_OUT)
            board.pace(1.0)
            samples = (await sensed.more(80))[40:]
            view = sensed.service.view()
    assert measured.values["counts"] == pytest.approx(511.5, abs=1)
    assert (tested.ok, tested.values["eeprom_ok"]) == (True, 1)
    assert samples[-1].values[Channel.GSR_US] == pytest.approx(2.0, abs=0.1)
    assert samples[-1].values[Channel.PULSE_RAW] == pytest.approx(511.5, abs=1)
    assert (view.resets, view.lost, view.calibrated, view.commands[0]) == (1, 0, True, "identify")
