"""The sensor node's real firmware on a simulated chip: it samples on time, obeys, and forgets nothing it should keep.

Time is simulated and passes in lock step: no result depends on how fast the machine is.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from contract.sessions import SensorCommand
from edge.core.clock import SystemClock
from edge.core.sample import Channel
from edge.sensing.frames import UNCALIBRATED, CommandType, Hello, Reply, ReplyStatus, ResetCause, Sampled
from edge.sensing.line import LineParser
from edge.sensing.serial_board import SerialBoard
from edge.sensing.settings import SerialSettings
from edge.sensing.units import grove_us
from tests.support.node_talk import OPEN_MV, PowerUp, hellos, identity, reply_to, sampled
from tests.support.node_waveform import RecordedBody, recorded_body
from tests.support.sensing import Sensed, running
from tests.support.simulated_node import (
    GSR_PIN,
    LED,
    PORTB,
    Built,
    SimulatedNode,
    write_waveform,
)

FLASH_BYTES, RAM_BYTES = 32_768, 2_048


@pytest.mark.data
def test_a_recorded_body_is_sampled_100_times_a_second_without_a_gap(
    power_up: PowerUp, data_dir: Path, tmp_path: Path
) -> None:
    """S4.1: 100 Hz; the interval and the node's own time are exact to microseconds of the chip's clock."""
    body: RecordedBody = recorded_body(data_dir, tmp_path)
    with power_up(body.waveform) as node:
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
    assert abs(error_us).max() < 30.0, f"{error_us.std()} us SD"

    row = ((began_us[: len(found)] + 3500) // 10_000).astype(int)
    told_eda = np.array([grove_us(round(one.values[0] / 64), 512) for one in found])
    assert abs(told_eda - body.eda_us[row]).max() < 0.12  # two counts of the ADC
    assert np.corrcoef([one.values[1] for one in found], body.pulse_mv[row])[0, 1] > 0.999


def test_time_and_sequence_numbers_wrap_without_a_seam(node: SimulatedNode) -> None:
    """71 minutes make 2^32 microseconds, 11 make 65536 samples; the time has 48 bits."""
    node.set_variable("now_low", 2**32 - 505_000, 4)
    node.set_variable("seq", 65_500, 2)
    node.messages(0.02)
    found = sampled(node.messages(1.0))
    assert found[0].t_us < 2**32 < found[-1].t_us
    assert {b.t_us - a.t_us for a, b in pairwise(found)} == {10_000}
    assert found[0].seq > 65_000 > found[-1].seq
    assert not any(one.gap_before for one in found)


def test_the_firmware_leaves_room(built_node: Built, node: SimulatedNode) -> None:
    """Half of the flash and a kilobyte of RAM at least."""
    assert (built_node.firmware.with_suffix(".hex")).stat().st_size / 2.8 < FLASH_BYTES / 2
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


def test_oversampling_resolves_what_a_single_reading_cannot(node: SimulatedNode) -> None:
    """2 mV are 0.41 counts of the converter; the noise of one reading is 0.6 counts SD, of a sample far less."""
    node.hiss(seed=3, millivolts=5)
    counts = []
    for millivolts in (2_400, 2_402):
        node.hold(GSR_PIN, millivolts)
        node.messages(0.1)
        counts.append(np.array([one.values[0] for one in sampled(node.messages(2.0))]) / 64)
    assert counts[1].mean() - counts[0].mean() == pytest.approx(0.41, abs=0.06)
    assert max(found.std() for found in counts) < 0.2
    assert reply_to(node, CommandType.SELF_TEST).values[3] in {2, 3}


def test_identify_blinks_for_three_seconds(node: SimulatedNode) -> None:
    node.command(CommandType.IDENTIFY)
    seen = [node.messages(0.05) is not None and bool(node.peek(PORTB) & LED) for _ in range(80)]
    changes = sum(a != b for a, b in pairwise(seen))
    assert 15 <= changes <= 30
    assert not any(seen[62:])


def test_calibration_survives_reset_and_power(power_up: PowerUp) -> None:
    """Measured at open electrodes, kept in the EEPROM; the board keeps its name, too."""
    with power_up() as node:
        (first,) = hellos(node.messages(0.1))
        assert first.gsr_open is None
        node.hold(GSR_PIN, OPEN_MV)
        node.messages(0.1)
        measured = reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=0.7)
        assert measured.status == ReplyStatus.OK
        assert measured.values[0] == pytest.approx(512 * 64, abs=64)
        node.reset(ResetCause.EXTERNAL)
        (after_reset,) = hellos(node.messages(0.1))
    with power_up() as node:
        (after_power,) = hellos(node.messages(0.1))
    assert after_reset.gsr_open == after_power.gsr_open == measured.values[0]
    assert first.board == after_reset.board == after_power.board
    assert (first.boots, after_reset.boots, after_power.boots) == (1, 2, 3)
    assert (after_reset.reset_cause, after_power.reset_cause) == (ResetCause.EXTERNAL, ResetCause.POWER_ON)


def test_two_boards_have_two_names(power_up: PowerUp) -> None:
    with power_up(board=1) as one, power_up(board=2) as other:
        assert hellos(one.messages(0.1))[0].board != hellos(other.messages(0.1))[0].board


def test_a_calibration_may_be_told_but_not_nonsense(node: SimulatedNode) -> None:
    assert reply_to(node, CommandType.CALIBRATE, 32_000).values == (32_000,)
    assert reply_to(node, CommandType.CALIBRATE, 63).status == ReplyStatus.BAD_ARGUMENT
    assert reply_to(node, CommandType.CALIBRATE, 65_473).status == ReplyStatus.BAD_ARGUMENT
    assert identity(node).gsr_open == 32_000


def test_a_hand_on_the_electrodes_is_no_calibration(power_up: PowerUp, tmp_path: Path) -> None:
    moving = write_waveform(tmp_path / "moving.csv", [(2400.0 + 5.0 * n, 2500.0) for n in range(50)])
    with power_up(moving) as node:
        node.messages(0.1)
        assert reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=0.7).status == ReplyStatus.FAILED
        node.hold(GSR_PIN, 1000.0)
        node.messages(0.1)
        assert reply_to(node, CommandType.CALIBRATE, UNCALIBRATED, within=0.7).status == ReplyStatus.FAILED
        assert identity(node).gsr_open is None


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


async def test_the_appliance_hears_the_real_firmware(power_up: PowerUp) -> None:
    """The whole way in real time: simulated chip, pseudo-terminal, driver, units, commands and a brown-out."""
    with power_up() as board:
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
