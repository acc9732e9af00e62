"""The oracle itself: shown a sink with one thing wrong, it says so. A check that cannot fail would be a defect."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from contract.messages import AnyBody, Event, Loss, Prediction, Record, Recording, Severity
from tests.soak.report import Happened, figures, recovery_waits_s, resent_parts
from tests.soak.schedule import KINDS, schedule
from tests.support.faulty_bucket import SentPart
from tests.support.mqtt_tap import MqttTap
from tests.support.oracle import Kept, Obligations, Sink, Verdict, judge, read_log
from tests.support.oracle_log import OracleLog, plain_of

BOOT: Final = "00000001-0a1b2c3d"
CONTENT: Final = (1000, "a" * 64)


def _prediction(number: int) -> Prediction:
    return Prediction(
        task="emotion",
        model="soak",
        model_version="1",
        source=f"n-{number}",
        segment_index=number,
        start_ms=1,
        end_ms=2,
    )


def _event(number: int, severity: Severity) -> Event:
    return Event(event_id=f"n-{number}", phase="open", camera="soak", type="motion", severity=severity, start_ms=1)


def _clip(phase: Any) -> Recording:
    return Recording(
        recording_id="rec-1", phase=phase, camera="small", reason="continuous", start_ms=0, end_ms=1, frames=1,
        size_bytes=CONTENT[0], sha256=CONTENT[1], codec="mjpeg", width_px=2, height_px=2, key="recordings/rec-1.mp4",
    )  # fmt: skip


BODIES: Final[list[AnyBody]] = [
    _prediction(1), _event(2, "LOW"), _event(3, "CRITICAL"), _prediction(4), _clip("closed"), _event(6, "HIGH"),
    _clip("uploaded"), _prediction(8),
]  # fmt: skip


@pytest.fixture
def owed(tmp_path: Path) -> Obligations:
    """What a log says of these bodies."""
    log = OracleLog(tmp_path / "log")
    for seq, body in enumerate(BODIES, start=1):
        log.minted(body)
        record = Record(id=f"{BOOT}:{seq}", seq=seq, boot=BOOT, t="", mono_ms=0, clock="trusted", body=body)
        log.committed([record])
        log.promised(body, record)
    log.close()
    return read_log(tmp_path / "log")


@pytest.fixture
def sink() -> Sink:
    """All of it, as it should be."""
    kept = [_kept(seq, body, received_ms=1000 + seq) for seq, body in enumerate(BODIES, start=1)]
    return Sink(kept, {"recordings/rec-1.mp4": CONTENT})


def _kept(seq: int, body: AnyBody, *, received_ms: int = 5000, boot: str = BOOT) -> Kept:
    plain = plain_of(body)
    return Kept(boot, seq, plain["kind"], received_ms, plain)


def _counts(verdict: Verdict) -> tuple[int, int, int, int]:
    return len(verdict.lost), len(verdict.doubled), len(verdict.corrupt), len(verdict.out_of_order)


def test_all_that_was_promised_is_sound(owed: Obligations, sink: Sink) -> None:
    verdict = judge(owed, sink)
    assert verdict.sound, verdict


@pytest.mark.parametrize("seq", [1, 2, 3, 8])
def test_a_missing_record_is_lost(owed: Obligations, sink: Sink, seq: int) -> None:
    sink.records = [kept for kept in sink.records if kept.seq != seq]
    assert _counts(judge(owed, sink)) == (1, 0, 0, 0)


def test_a_promise_counts_without_the_commit_in_the_log(owed: Obligations, sink: Sink) -> None:
    del owed.promises[BOOT, 1]
    sink.records = sink.records[1:]
    assert _counts(judge(owed, sink)) == (1, 0, 0, 0)


def test_a_record_under_a_second_number_is_doubled(owed: Obligations, sink: Sink) -> None:
    sink.records.append(_kept(9, _prediction(1)))
    assert _counts(judge(owed, sink)) == (0, 1, 0, 0)


def test_a_row_that_is_there_twice_is_doubled(owed: Obligations, sink: Sink) -> None:
    sink.records.append(sink.records[0])
    assert judge(owed, sink).doubled


def test_a_recording_told_twice_is_doubled(owed: Obligations, sink: Sink) -> None:
    sink.records.append(_kept(9, _clip("uploaded")))
    assert _counts(judge(owed, sink)) == (0, 1, 0, 0)


def test_a_changed_body_is_corrupt(owed: Obligations, sink: Sink) -> None:
    sink.records[0] = replace(sink.records[0], body={**sink.records[0].body, "confidence": 0.25})
    assert _counts(judge(owed, sink)) == (0, 0, 1, 0)


def test_two_bodies_that_changed_places_are_corrupt(owed: Obligations, sink: Sink) -> None:
    one, two = sink.records[0], sink.records[3]
    sink.records[0], sink.records[3] = replace(one, body=two.body), replace(two, body=one.body)
    assert _counts(judge(owed, sink))[2] == 2


@pytest.mark.parametrize("body", [_prediction(99), _event(98, "LOW")])
def test_a_record_that_was_never_minted_is_spurious(owed: Obligations, sink: Sink, body: AnyBody) -> None:
    sink.records.append(_kept(9, body))
    assert _counts(judge(owed, sink)) == (0, 0, 1, 0)


def test_alarms_that_changed_places_are_out_of_order(owed: Obligations, sink: Sink) -> None:
    sink.records[2], sink.records[5] = (
        replace(sink.records[2], received_ms=sink.records[5].received_ms),
        replace(sink.records[5], received_ms=sink.records[2].received_ms),
    )
    assert _counts(judge(owed, sink)) == (0, 0, 0, 1)


def test_two_lanes_side_by_side_are_in_order_and_three_are_not(sink: Sink) -> None:
    def arriving(*seqs: int) -> Sink:
        return Sink([_kept(seq, _prediction(seq), received_ms=at) for at, seq in enumerate(seqs)])

    assert not judge(Obligations(), arriving(1, 10, 2, 11, 3, 12)).out_of_order
    assert len(judge(Obligations(), arriving(1, 10, 20, 2, 11, 21, 5)).out_of_order) == 1
    assert len(judge(Obligations(), arriving(3, 2, 1)).out_of_order) == 1


def test_what_was_sent_again_may_come_late(owed: Obligations, sink: Sink) -> None:
    late = [_kept(seq, _prediction(seq), received_ms=at) for at, seq in enumerate((3, 2, 1))]
    assert not judge(Obligations(), Sink(late, resent={(BOOT, 1)})).out_of_order


def test_what_gave_way_with_an_entry_is_ledgered(owed: Obligations, sink: Sink) -> None:
    loss = Loss(what="records", reason="the outbox was full", count=2, boot=BOOT, first_seq=2, last_seq=2)
    sink.records[0:2] = [_kept(1, loss)]
    verdict = judge(owed, sink)
    assert verdict.sound, verdict
    assert verdict.ledgered == 2


def test_another_reason_is_none(owed: Obligations, sink: Sink) -> None:
    sink.records[0:2] = [_kept(1, Loss(what="records", reason="odd", count=2, boot=BOOT, first_seq=2, last_seq=2))]
    assert _counts(judge(owed, sink)) == (2, 0, 0, 0)


def test_an_alarm_never_may_give_way(owed: Obligations, sink: Sink) -> None:
    loss = Loss(what="records", reason="the outbox was full", count=2, boot=BOOT, first_seq=3, last_seq=3)
    sink.records[1:3] = [_kept(2, loss)]
    assert _counts(judge(owed, sink)) == (1, 0, 0, 0)


def test_a_missing_object_is_lost_and_a_changed_one_corrupt(owed: Obligations, sink: Sink) -> None:
    key = next(iter(sink.objects))
    assert _counts(judge(owed, replace(sink, objects={}))) == (1, 0, 0, 0)
    assert _counts(judge(owed, replace(sink, objects={key: (999, CONTENT[1])}))) == (0, 0, 1, 0)
    assert _counts(judge(owed, replace(sink, objects={key: (1000, "b" * 64)}))) == (0, 0, 1, 0)


def test_an_object_of_no_recording_is_spurious(owed: Obligations, sink: Sink) -> None:
    sink.objects["recordings/rec-9.mp4"] = CONTENT
    assert _counts(judge(owed, sink)) == (0, 0, 1, 0)


def test_a_recording_neither_uploaded_nor_ledgered_is_lost(owed: Obligations, sink: Sink) -> None:
    del owed.promises[BOOT, 7], owed.returned[""]
    sink.records = [kept for kept in sink.records if kept.seq != 7]
    sink.objects.clear()
    assert _counts(judge(owed, sink)) == (1, 0, 0, 0)
    sink.records.append(_kept(9, Loss(what="recording", reason="full", count=1, recording_id="rec-1")))
    assert judge(owed, sink).ledgered_clips == 1
    sink.records[-1] = _kept(9, Loss(what="recording", reason="its file is gone", count=1, recording_id="rec-1"))
    assert _counts(judge(owed, sink)) == (1, 0, 0, 0)


def test_a_line_cut_by_a_kill_is_no_promise(tmp_path: Path) -> None:
    log = OracleLog(tmp_path / "log")
    log.minted(_prediction(1))
    log.close()
    with (tmp_path / "log").open("ab") as file:
        file.write(b'["promised", "n-1", "0000')
    owed = read_log(tmp_path / "log")
    assert set(owed.minted) == {"n-1"}
    assert not owed.places


def test_the_schedule_is_the_seeds_alone_and_meets_every_kind() -> None:
    assert schedule(3, 600) == schedule(3, 600) != schedule(4, 600)
    assert {fault.kind.name for fault in schedule(1, 3600)} == {kind.name for kind in KINDS}


def test_figures_of_recovery_and_of_parts() -> None:
    sink = Sink([_kept(seq, _prediction(seq), received_ms=at) for seq, at in enumerate((100, 2500, 9000), start=1)])
    happened = Happened(returns_ms=[(2000, 8000), (8500, 8600), (8700, 1 << 62)])
    assert recovery_waits_s(sink, happened) == [0.5, 0.3]
    parts = [SentPart("/k", 1, 1.0), SentPart("/k", 2, 2.0), SentPart("/k", 2, 4.0), SentPart("/k", 3, 5.0)]
    assert resent_parts(parts, [3.0]) == 1
    assert resent_parts(parts, []) == 0
    found = figures(Obligations(), sink, Verdict(lost=["x"]), happened, parts)
    assert (found["soak_lost"], found["recovery_first_record_p99_s"]) == (1, 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_the_tap_finds_records_however_the_bytes_are_cut(seed: int) -> None:
    def packet(first: int, body: bytes) -> bytes:
        length, size = b"", len(body)
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (0x80 if size else 0)])
            if not size:
                return bytes([first]) + length + body

    def publish(seq: int) -> bytes:
        payload = f'{{"boot": "{BOOT}", "seq": {seq}, "pad": "{"x" * 200}"}}'.encode()
        return packet(0x32, b"\x00\x01t" + b"\x00\x07" + b"\x02\x01\x01" + payload)

    data = packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x3c") + b"".join(map(publish, (1, 2, 1))) + b"\xc0\x00"
    tap, rng, at = MqttTap(), random.Random(seed), 0
    while at < len(data):
        size = rng.randint(1, 40)
        tap.feed(7, data[at : at + size])
        at += size
    assert tap.times_sent == {(BOOT, 1): 2, (BOOT, 2): 1}
    assert tap.resent == {(BOOT, 1)}
