"""The journal of a session: whatever a power cut or a bad card does to it, what checks is kept and the rest counted."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge.affect.sessions.folder.entries import Dropped, Entry, Samples, pack, samples_of, unpack
from edge.affect.sessions.folder.journal import MAGIC, JournalReader, JournalWriter
from edge.affect.sessions.folder.layout import SessionNote
from edge.affect.sessions.folder.taking import Taking
from edge.core.sample import Channel, Sample
from tests.support.outboxes import DEVICE

PAYLOADS = st.lists(st.binary(max_size=200) | st.just(MAGIC * 3), max_size=12)
HEAD = 12


def _written(path: Path, payloads: list[bytes]) -> list[int]:
    """The length of the journal after each frame."""
    path.touch()
    writer = JournalWriter(path)
    ends = []
    for payload in payloads:
        writer.append(payload)
        ends.append(writer.size_bytes)
    writer.close()
    return ends


@settings(deadline=None)
@given(payloads=PAYLOADS, cut=st.floats(0, 1), junk=st.binary(max_size=40))
def test_a_torn_tail_costs_the_torn_frame_alone(payloads: list[bytes], cut: float, junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.bin"
        ends = _written(path, payloads)
        size = round(path.stat().st_size * cut)
        whole = [payload for payload, end in zip(payloads, ends, strict=True) if end <= size]
        last = max([end for end in ends if end <= size], default=0)
        raw = path.read_bytes()
        assume(junk[:1] != raw[size : size + 1])  # what completes a frame is no junk
        path.write_bytes(raw[:size] + junk)
        reader = JournalReader(path)
        assert list(reader) == whole
        assert reader.torn_bytes == size - last + len(junk)


@settings(deadline=None)
@given(payloads=st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=8), data=st.data())
def test_a_spoilt_byte_costs_the_frame_around_it_alone(payloads: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.bin"
        ends = _written(path, payloads)
        at = data.draw(st.integers(0, ends[-1] - 1))
        raw = bytearray(path.read_bytes())
        raw[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(raw)
        spoilt = next(index for index, end in enumerate(ends) if at < end)
        reader = JournalReader(path)
        assert list(reader) == [one for index, one in enumerate(payloads) if index != spoilt]
        assert reader.torn_bytes == len(payloads[spoilt]) + HEAD


@given(st.binary(max_size=400))
def test_whatever_stands_in_a_frame_is_read_or_left_out(payload: bytes) -> None:
    assert isinstance(unpack(payload), list)


def test_a_frame_that_the_disk_did_not_take_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path / "journal.bin")
    writer.append(b"first")

    def refuse(_handle: int) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr("edge.affect.sessions.folder.journal.os.fsync", refuse)
        with pytest.raises(OSError, match="no space"):
            writer.append(b"second")
    writer.append(b"third")
    writer.close()
    reader = JournalReader(tmp_path / "journal.bin")
    assert list(reader) == [b"first", b"third"]
    assert reader.torn_bytes == 0


def test_samples_come_out_as_they_went_in() -> None:
    came = [
        Sample("a", 1, {Channel.GSR_US: 0.1}, node_ms=5),
        Sample("a", 2, {}, gap_before=True),
        Sample("b", 3, {Channel.HR_BPM: 60.0, Channel.IBI_MS: 1000.0}),
    ]
    entries: list[Entry] = [*samples_of(came), Dropped("a", 1, 2, 3)]
    assert unpack(pack(entries)) == entries
    assert [(one.sensor, len(one.moments)) for one in samples_of(came)] == [("a", 2), ("b", 1)]
    first = entries[0]
    assert isinstance(first, Samples)
    assert first.moments == [(1, 5, False, {"gsr_us": 0.1}), (2, None, True, {})]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["sample", "flush", "full"]), max_size=60))
def test_each_sample_is_written_once_or_counted_as_dropped(steps: list[str]) -> None:
    note = SessionNote(
        state="running",
        order=1,
        device=DEVICE,
        session_id="x",
        participant="p",
        start_ms=0,
        start_mono_ms=0,
        clock="trusted",
    )
    taking, came = Taking("x", note, most_waiting=5), 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.bin"
        for step in [*steps, "flush"]:
            if step == "sample":
                came += 1
                taking.add(Sample("a", came, {Channel.GSR_US: float(came)}))
            else:
                batch = taking.batch()
                if step == "flush":
                    taking.write(path, batch)
                else:
                    taking.put_back(batch)
            assert taking.waiting <= 5 + 1
        taking.close()
        entries = [entry for payload in JournalReader(path) for entry in unpack(payload)]
    written = [moment[0] for one in entries if isinstance(one, Samples) for moment in one.moments]
    dropped = sum(one.samples for one in entries if isinstance(one, Dropped))
    assert written == sorted(set(written))
    assert len(written) + dropped == came
    assert dropped == taking.lost
