"""The MP4 box walker: exact on a real file, unimpressed by any other bytes."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.access_unit import AccessUnit
from edge.recording.boxes import Cut, MalformedBoxError, Read, walk, whole_part
from edge.recording.sidecar import Sidecar
from edge.recording.writer import ClipWriter
from tests.support.encoded import encoded
from tests.support.pictures import jpeg

_STEP_NS = 100_000_000


def _reader(data: bytes) -> Read:
    file = io.BytesIO(data)

    def read(offset: int, size: int) -> bytes:
        file.seek(offset)
        return file.read(size)

    return read


def _cut(data: bytes) -> Cut | None:
    return whole_part(_reader(data), len(data))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real clip: 18 frames of 0.1 s in fragments of 5, 5, 5 and 3."""
    return _clip(tmp_path_factory.mktemp("clip") / "a.mp4", codec="h264")


def _clip(path: Path, *, codec: str, same: bool = False) -> bytes:
    sidecar = Sidecar(
        recording_id="rec-1",
        camera="front",
        reason="event",
        codec="h264" if codec == "h264" else "mjpeg",
        start_ms=1_780_000_000_000,
        width_px=160,
        height_px=120,
    )
    writer = ClipWriter(path, sidecar, fragment_s=lambda: 0.5, by_keys=codec == "h264")
    for unit in encoded(18, fps=10, key_every=5) if codec == "h264" else _kept(same=same):
        writer.add(unit)
    writer.finish()
    return path.read_bytes()


def _kept(*, same: bool) -> Iterator[AccessUnit]:
    for number in range(18):
        at_ns = number * _STEP_NS
        yield AccessUnit("mjpeg", jpeg(0 if same else number), True, number, at_ns, at_ns, 160, 120)


def _fragment_ends(data: bytes) -> Iterator[int]:
    return (box.end for box in walk(_reader(data), 0, len(data)) if box.kind == b"mdat")


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_a_whole_file_is_kept_up_to_its_last_fragment(tmp_path: Path, codec: str) -> None:
    data = _clip(tmp_path / "a.mp4", codec=codec)
    cut = _cut(data)
    assert cut == Cut(max(_fragment_ends(data)), 18, 1.8)


def test_frames_of_one_size_and_length_need_no_table_and_are_counted_all_the_same(tmp_path: Path) -> None:
    cut = _cut(_clip(tmp_path / "a.mp4", codec="mjpeg", same=True))
    assert cut is not None
    assert (cut.frames, cut.end_s) == (18, 1.8)


def test_a_file_cut_anywhere_keeps_exactly_its_whole_fragments(clip: bytes) -> None:
    ends = list(_fragment_ends(clip))
    frames = [5, 10, 15, 18]
    for size in range(len(clip)):
        cut = _cut(clip[:size])
        whole = sum(end <= size for end in ends)
        if whole == 0:
            assert cut is None
        else:
            assert cut is not None
            assert (cut.size, cut.frames) == (ends[whole - 1], frames[whole - 1])


def test_a_tail_of_zeros_as_a_power_cut_leaves_it_is_cut_off(clip: bytes) -> None:
    second = list(_fragment_ends(clip))[1]
    cut = _cut(clip[:second] + bytes(4096))
    assert cut is not None
    assert (cut.size, cut.frames) == (second, 10)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_cut_or_none(data: bytes) -> None:
    cut = _cut(data)
    assert cut is None or 0 < cut.size <= len(data)


@given(st.data())
def test_a_damaged_file_never_gives_more_than_there_is(clip: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(clip) - 1))
    damaged = bytearray(clip)
    damaged[at : at + 8] = data.draw(st.binary(min_size=1, max_size=8))
    cut = _cut(bytes(damaged))
    assert cut is None or (0 < cut.size <= len(damaged) and cut.frames >= 0)


def test_a_box_that_does_not_fit_is_malformed() -> None:
    with pytest.raises(MalformedBoxError):
        list(walk(_reader(b"\0\0\0\x20moov"), 0, 8))


def test_a_box_with_a_long_size_is_walked() -> None:
    data = b"\0\0\0\x01mdat" + (20).to_bytes(8, "big") + b"abcd"
    (box,) = walk(_reader(data), 0, len(data))
    assert (box.kind, box.content, box.end) == (b"mdat", 16, 20)
