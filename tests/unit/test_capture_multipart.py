"""An MJPEG response is cut into pictures, whatever the camera says about them."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.multipart import MultipartParser
from tests.support.jpegs import jpeg, with_thumbnail, without_tables

_PICTURES = [jpeg(60), jpeg(128, width=33, height=17), with_thumbnail(jpeg(200), jpeg(10)), without_tables(jpeg(90))]


def part(body: bytes, *, length: int | None = None, newline: bytes = b"\r\n", boundary: bytes = b"--frame") -> bytes:
    """One part as cameras write it."""
    head = [boundary, b"Content-Type: image/jpeg"]
    if length is not None:
        head.append(b"Content-length: %d" % length)
    return newline.join([*head, b"", b""]) + body + newline


@given(
    st.lists(st.sampled_from(_PICTURES), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([b"\r\n", b"\n"]),
    st.sampled_from([b"--frame", b"--myboundary", b"----=_x:1", b"frame"]),
    st.lists(st.integers(0, 20_000), max_size=12),
)
@settings(max_examples=80)
def test_every_picture_comes_out_whole_however_the_response_is_cut(
    pictures: list[bytes], stated: bool, newline: bytes, boundary: bytes, places: list[int]
) -> None:
    stream = newline.join(
        part(p, length=len(p) if stated else None, newline=newline, boundary=boundary) for p in pictures
    )
    marks = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    parser = MultipartParser()
    found = [p for a, b in itertools.pairwise(marks) for p in parser.feed(stream[a:b])]
    assert found == pictures
    assert parser.by_length is stated


def test_a_picture_without_length_does_not_wait_for_the_next_boundary() -> None:
    parser = MultipartParser()
    assert parser.feed(part(_PICTURES[0])[:-2]) == [_PICTURES[0]]


@pytest.mark.parametrize("error", [-200, -1, 1, 100])
def test_a_wrong_length_costs_no_picture_but_the_first(error: int) -> None:
    parser = MultipartParser()
    stream = b"".join(part(p, length=len(p) + error) for p in _PICTURES * 2)
    found = [picture.rstrip(b"\r\n") for picture in parser.feed(stream)]
    assert found[-6:] == (_PICTURES * 2)[-6:]


@pytest.mark.parametrize("length", [0, 10**11])
def test_an_absurd_length_is_not_believed(length: int) -> None:
    parser = MultipartParser()
    assert parser.feed(part(_PICTURES[0], length=length) + part(_PICTURES[1], length=5)) == _PICTURES[:2]


def test_padding_that_is_counted_is_kept() -> None:
    padded = _PICTURES[0] + b"\x00" * 7
    assert MultipartParser().feed(part(padded, length=len(padded))) == [padded]


@given(st.lists(st.binary(max_size=400), max_size=30))
def test_rubbish_never_grows_the_memory(chunks: list[bytes]) -> None:
    parser = MultipartParser(max_bytes=2000)
    for chunk in chunks:
        parser.feed(b"x: y\r\n" + chunk)
        assert parser.held_bytes <= 2000 + 8192 + 400
