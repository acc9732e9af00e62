"""Faults of a sensor node, its line and its chip, with the real firmware: told, every one, and never a wrong sample."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.sensing.frames import UNCALIBRATED, CommandType, Reply, ReplyStatus, ResetCause, Sampled, encode_command
from edge.sensing.framing import wrap
from tests.support.node_talk import MAIN_LOOP, OPEN_MV, PowerUp, hellos, identity, reply_to, sampled
from tests.support.simulated_node import (
    GSR_PIN,
    PULSE_PIN,
    TIMER_1_INTERRUPTS,
    SimulatedNode,
    build,
    write_waveform,
)

BOTH_COPIES = (4, 36)
"""A byte in each of the two copies of the settings."""


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


def test_one_rotten_copy_of_the_settings_costs_the_newest_change_at_most(node: SimulatedNode) -> None:
    reply_to(node, CommandType.CALIBRATE, 32_000)
    before = identity(node)
    node.rot(BOTH_COPIES[0], 0xFF)
    node.reset(ResetCause.POWER_ON)
    (after,) = hellos(node.messages(0.1))
    assert after.board == before.board
    assert after.gsr_open in {None, 32_000}
    assert reply_to(node, CommandType.SELF_TEST).values[2] == 1


def test_no_single_byte_of_the_eeprom_can_make_a_board_forget(node: SimulatedNode) -> None:
    """Whichever byte of either copy rots, the other copy has the board's name and calibration."""
    for value in (32_000, 32_001):
        reply_to(node, CommandType.CALIBRATE, value)
    node.reset(ResetCause.POWER_ON)
    (before,) = hellos(node.messages(0.1))
    for address in [*range(15), *range(32, 47)]:
        node.rot(address, 0x55)
        node.reset(ResetCause.POWER_ON)
        (after,) = hellos(node.messages(0.05))
        assert (after.board, after.gsr_open) == (before.board, 32_001)
        assert after.boots >= before.boots


def test_a_power_cut_while_settings_are_written_costs_the_newest_change_at_most(node: SimulatedNode) -> None:
    """Cut after each byte in turn: the calibration is the one before or the new one, and the board stays who it is."""
    board, known, cuts, kept = identity(node).board, 20_000, 0, 0
    reply_to(node, CommandType.CALIBRATE, known)
    for writes in range(1, 12):
        wanted = 0x5A5A ^ writes * 0x1111
        node.cut_power_after(writes)
        node.command(CommandType.CALIBRATE, wanted)
        reborn = hellos(node.messages(0.1))
        cuts += len(reborn)
        assert all(hello.reset_cause == ResetCause.BROWN_OUT for hello in reborn)
        node.cut_power_after(0)
        after = identity(node)
        assert after.board == board
        assert after.gsr_open in {known, wanted}
        kept += after.gsr_open == wanted
        known = after.gsr_open or 0
    assert cuts >= 4
    assert 1 <= kept <= 11 - cuts + 1, (cuts, kept)


def test_two_rotten_copies_are_told_by_the_self_test_and_then_begun_anew(node: SimulatedNode) -> None:
    reply_to(node, CommandType.CALIBRATE, 32_000)
    for address in BOTH_COPIES:
        node.rot(address, 0xFF)
    failed = reply_to(node, CommandType.SELF_TEST)
    assert (failed.status, failed.values[2]) == (ReplyStatus.FAILED, 0)
    node.reset(ResetCause.POWER_ON)
    (after,) = hellos(node.messages(0.1))
    assert (after.gsr_open, after.boots) == (None, 1)


def test_lost_and_damaged_bytes_are_gaps_and_never_wrong_samples(power_up: PowerUp, tmp_path: Path) -> None:
    """One byte in 200 lost or with a bit turned over: about a tenth of the frames."""
    moving = write_waveform(tmp_path / "moving.csv", [(1500.0 + 3 * n, 4000.0 - 7 * n) for n in range(300)])
    with power_up(moving, board=1) as twin:
        truth = {one.seq: one for one in twin.messages(8.0)}
    with power_up(moving, board=2) as node:
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


def test_garbage_neither_stops_nor_delays_nor_resets_the_node(node: SimulatedNode) -> None:
    """8 kB of bytes at the line's full speed, many of them zeros, some of them nearly commands."""
    node.bursts_us()
    chance = random.Random(5)
    for _ in range(8):
        garbage = bytearray(chance.randbytes(900))
        for at in range(0, 900, chance.randint(3, 40)):
            garbage[at] = 0
        node.send(bytes(garbage) + wrap(b"\x81\x01\x00\x64\x00")[:-2] + bytes(8) + wrap(bytes(50)))
        found = sampled(node.messages(0.1))
        assert 9 <= len(found) <= 11
        assert not any(one.gap_before for one in found)
    jitter_us = float(abs(np.diff(node.bursts_us()) - 10_000).max())
    assert jitter_us < 40.0, f"{jitter_us} us"
    assert node.parser.resets == 0
    assert identity(node).boots == 1


def test_a_flood_of_whole_commands_costs_samples_and_says_so(node: SimulatedNode) -> None:
    """Each of these writes to the EEPROM, and 20 times as many come as can be written: what that costs is told."""
    seq = 0
    told: list[Sampled] = []
    for _ in range(30):
        frames = b"".join(encode_command(CommandType.CALIBRATE, seq + at, 20_000 + 300 * at) for at in range(100))
        seq += 100
        node.send(frames)
        told += sampled(node.messages(0.1))
    assert node.parser.resets == 0
    assert len(told) > 60
    assert [one.overrun for one in told[20:60]].count(True) > 20
    node.messages(0.5)
    assert identity(node).boots == 1


def test_a_missing_compiler_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="gcc-avr"):
        build(tmp_path)
