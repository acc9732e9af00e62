"""The line protocol of U0.5 and the laying of the board's clock onto ours; any bytes are welcome."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sensing.line import MILLIS_WRAP, LineParser, Row


def _listening() -> LineParser:
    """A parser that has seen the first newline."""
    parser = LineParser()
    parser.feed(b"\n")
    return parser


def _rows(*millis: int) -> bytes:
    return b"".join(b"%d,300,72\r\n" % at for at in millis)


def test_rows_are_read_with_the_boards_time_between_them() -> None:
    rows = _listening().feed(b"1000,300,72\r\n1100,301,73\n")
    assert rows == [Row(1000, 300, 72, None, False), Row(1100, 301, 73, 100, False)]


def test_a_torn_first_line_is_dropped_and_no_error() -> None:
    parser = LineParser()
    rows = parser.feed(b"23,512,70\r\n1100,300,72\r\n")
    assert [row.millis for row in rows] == [1100]
    assert parser.bad_rows == 0


@pytest.mark.parametrize(
    "bad",
    [
        b"1,2",
        b"1,2,3,4",
        b"a,b,c",
        b"1.5,2,3",
        b"-1,2,3",
        b"4294967296,1,1",
        b"\xff\xfe",
        b"1,2,3 x",
        b"1,,3",
        b"9" * 65,
    ],
)
def test_a_bad_row_is_counted_kept_for_diagnosis_and_leaves_a_gap(bad: bytes) -> None:
    parser = _listening()
    rows = parser.feed(_rows(1000) + bad + b"\n" + _rows(1100, 1200))
    assert [(row.millis, row.gap_before) for row in rows] == [(1000, False), (1100, True), (1200, False)]
    assert parser.bad_rows == 1
    assert len(parser.last_bad[0]) <= 4 * 40


def test_only_the_newest_five_bad_rows_are_kept() -> None:
    parser = _listening()
    parser.feed(b"".join(b"bad %d\n" % number for number in range(50)))
    assert parser.bad_rows == 50
    assert list(parser.last_bad) == [f"bad {number}" for number in range(45, 50)]


def test_empty_lines_are_nothing() -> None:
    parser = _listening()
    assert parser.feed(b"\r\n\n  \n") == []
    assert parser.bad_rows == 0


def test_missing_rows_leave_a_gap_but_jitter_does_not() -> None:
    parser = _listening()
    rows = parser.feed(_rows(0, 100, 205, 298, 400, 500, 560, 700, 1000, 1100))
    assert [row.millis for row in rows if row.gap_before] == [1000]


def test_the_boards_clock_wraps_after_2_to_the_32_without_a_gap() -> None:
    parser = _listening()
    start = MILLIS_WRAP - 300
    rows = parser.feed(_rows(*(at % MILLIS_WRAP for at in range(start, start + 800, 100))))
    assert [row.elapsed_ms for row in rows] == [None] + [100] * 7
    assert parser.resets == 0
    assert not any(row.gap_before for row in rows)


def test_a_reset_board_is_recognised() -> None:
    parser = _listening()
    rows = parser.feed(_rows(50_000, 50_100, 50_200, 12, 112))
    assert parser.resets == 1
    assert [(row.elapsed_ms, row.gap_before) for row in rows[3:]] == [(None, True), (100, False)]


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_bytes_in_any_pieces_give_rows_or_bad_rows(pieces: list[bytes]) -> None:
    parser = LineParser()
    rows = [row for piece in pieces for row in parser.feed(piece)]
    lines = b"".join(pieces).count(b"\n")
    assert len(rows) + parser.bad_rows <= lines + 1
    assert all(0 <= row.millis < MILLIS_WRAP for row in rows)
    assert len(parser._rest) <= 64


@given(st.lists(st.integers(1, 60), min_size=1, max_size=50), st.data())
def test_how_the_bytes_are_cut_into_pieces_does_not_matter(cuts: list[int], data: st.DataObject) -> None:
    junk = data.draw(st.lists(st.sampled_from([b"x\n", b"1,2\n", b"\xff" * 70 + b"\n", b""]), max_size=10))
    whole = b"torn\n" + b"".join(junk + [_rows(at) for at in range(0, 1000, 100)])
    at_once, piecewise = LineParser(), LineParser()
    expected, found, at = at_once.feed(whole), [], 0
    for cut in cuts:
        found += piecewise.feed(whole[at : at + cut])
        at += cut
    found += piecewise.feed(whole[at:])
    assert found == expected
    assert piecewise.bad_rows == at_once.bad_rows


@pytest.mark.parametrize("slower_ms", [25, 50, 200])
def test_a_board_that_goes_slower_from_now_on_loses_no_rows(slower_ms: int) -> None:
    """It marked a gap at each row until half of what it remembers was of the new rate."""
    steps = [10] * 40 + [slower_ms] * 40 + [10] * 40 + [slower_ms] * 40
    assert _gaps(steps) == [40, 41, 120, 121], "what a slower rate is, two rows do not tell"


@pytest.mark.parametrize("lost", [1, 3])
def test_rows_that_are_lost_one_after_the_other_are_told_each_time(lost: int) -> None:
    steps = [10] * 20 + [10 * (lost + 1)] * 2 + [10] * 20 + [10 * (lost + 1), 10] * 3 + [10] * 5
    assert _gaps(steps) == [at for at, step in enumerate(steps) if step > 10]


def _gaps(steps: list[int]) -> list[int]:
    """After which steps a parser says that rows are missing."""
    parser, millis = LineParser(), 1000
    parser.feed(b"\n1000,500,70\n")
    found = []
    for at, step in enumerate(steps):
        millis += step
        (row,) = parser.feed(b"%d,500,70\n" % millis)
        if row.gap_before:
            found.append(at)
    return found
