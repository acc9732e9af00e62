"""JPEGs are measured, completed and cut out of streams without being decoded."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.jpeg import BadJpegError, PictureQueue, picture_of
from edge.capture.jpeg_splitter import JpegSplitter
from edge.core.errors import SourceUnavailableError
from tests.support.jpegs import grey_of, jpeg, with_thumbnail, without_tables

_PICTURES = [jpeg(60), jpeg(128, width=33, height=17), with_thumbnail(jpeg(200), jpeg(10)), without_tables(jpeg(90))]
_junk = st.binary(max_size=40).filter(lambda data: b"\xff" not in data)


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(marks)]


def test_a_whole_picture_keeps_its_bytes_and_tells_its_size() -> None:
    data = jpeg(100, width=96, height=64)
    picture = picture_of(data)
    assert picture.jpeg is data
    assert (picture.width, picture.height, picture.luma) == (96, 64, None)


def test_a_preview_inside_does_not_tell_the_size() -> None:
    picture = picture_of(with_thumbnail(jpeg(100, width=96, height=64), jpeg(10, width=16, height=16)))
    assert (picture.width, picture.height) == (96, 64)


def test_missing_huffman_tables_are_put_in() -> None:
    bare = without_tables(jpeg(100))
    assert b"\xff\xc4" not in bare
    whole = picture_of(bare).jpeg
    assert b"\xff\xc4" in whole
    assert abs(grey_of(whole) - 100) < 3


def test_padding_behind_the_end_is_no_damage() -> None:
    data = jpeg() + b"\x00" * 30
    assert picture_of(data).jpeg == data


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"GIF89a" * 9, jpeg()[:-200], jpeg()[:30], b"\xff\xd8\x00" + jpeg()]
)
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadJpegError):
        picture_of(data)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 15), (15, 64), (16_400, 16)])
def test_nothing_to_see_and_more_than_memory_are_refused(width: int, height: int) -> None:
    """The recorder's encoder takes no picture without a pixel, and the camera must not end the appliance by that."""
    with pytest.raises(BadJpegError, match=f"{width}x{height}"):
        picture_of(jpeg(width=width, height=height))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_picture_or_refused(data: bytes) -> None:
    for candidate in (data, b"\xff\xd8" + data):
        try:
            picture_of(candidate)
        except BadJpegError:
            continue


def test_many_damaged_pictures_in_a_row_end_the_source() -> None:
    queue = PictureQueue()
    queue.put([b"bad"] * 24)
    queue.put([jpeg()])
    queue.put([b"bad"] * 24)
    assert queue.take() is not None
    assert queue.take() is None
    with pytest.raises(SourceUnavailableError, match="25 damaged pictures in a row"):
        queue.put([b"bad"])


@given(
    st.lists(st.tuples(_junk, st.sampled_from(_PICTURES)), min_size=1, max_size=5),
    st.lists(st.integers(0, 20_000), max_size=12),
)
@settings(max_examples=60)
def test_every_picture_comes_out_whole_however_the_stream_is_cut(
    parts: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    stream = b"".join(junk + picture for junk, picture in parts)
    splitter = JpegSplitter()
    found = [picture for chunk in _cut(stream, places) for picture in splitter.feed(chunk)]
    assert found == [picture for _, picture in parts]
    assert (splitter.damaged, splitter.held_bytes) == (0, 0)


def test_byte_by_byte_is_the_same() -> None:
    stream = b"--x\r\n" + _PICTURES[2] + b"\r\n" + _PICTURES[1]
    splitter = JpegSplitter()
    found = [picture for i in range(len(stream)) for picture in splitter.feed(stream[i : i + 1])]
    assert found == [_PICTURES[2], _PICTURES[1]]


@given(st.integers(4, len(_PICTURES[0]) - 1))
def test_after_a_cut_off_picture_the_next_ones_come_whole(length: int) -> None:
    """At worst a segment's stated length swallows what follows: 64 KiB, then it is found out and read again."""
    splitter = JpegSplitter()
    following = [_PICTURES[3], _PICTURES[1]] * (80_000 // len(_PICTURES[3] + _PICTURES[1]))
    found = splitter.feed(_PICTURES[0][:length] + b"".join(following))
    assert found[-2:] == following[-2:]
    assert len(found) >= len(following) - 1


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_rubbish_never_grows_the_memory(chunks: list[bytes]) -> None:
    splitter = JpegSplitter(max_bytes=500)
    for chunk in chunks:
        splitter.feed(b"\xff\xd8\xff\xe1\xff\xff" + chunk)
        assert splitter.held_bytes <= 500 + 306


def test_an_endless_picture_is_given_up() -> None:
    splitter = JpegSplitter(max_bytes=10_000)
    for _ in range(40):
        assert splitter.feed(_PICTURES[0][:700] if _ == 0 else b"\x11" * 1000) == []
    assert splitter.held_bytes <= 11_000
    assert splitter.damaged == 1
    assert splitter.feed(_PICTURES[1]) == [_PICTURES[1]]


def test_a_head_that_comes_again_is_not_read_again_and_another_one_is() -> None:
    queue = PictureQueue()
    pictures = [jpeg(60), jpeg(61), jpeg(90, width=33, height=17), without_tables(jpeg(60)), jpeg(60)]
    queue.put(pictures)
    taken = [queue.take() for _ in pictures]
    assert taken == [picture_of(data) for data in pictures]


@given(st.lists(st.sampled_from(_PICTURES), min_size=1, max_size=6), st.data())
def test_a_damaged_picture_is_refused_whatever_came_before(before: list[bytes], data: st.DataObject) -> None:
    queue = PictureQueue()
    queue.put(before)
    whole = data.draw(st.sampled_from(_PICTURES))
    cut = whole[: data.draw(st.integers(0, len(whole) - 70))]
    queue.put([cut])
    assert [picture.jpeg for picture in iter(queue.take, None)] == [picture_of(jpeg).jpeg for jpeg in before]
