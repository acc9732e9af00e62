"""A clock that is wrong, is set, or leaps: a recording's times come right, its key stays, and nothing sorts wrongly."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.core.clock import Stamp
from edge.recording.salvage import left_behind
from edge.recording.sidecar import Sidecar, read_sidecar
from edge.recording.spool import Spool

_S = 1_000_000_000
_WRONG_MS, _RIGHT_MS = 1_000, 1_780_000_000_000
_SIDECAR = Sidecar(
    recording_id="rec-1",
    camera="front",
    reason="event",
    codec="h264",
    start_ms=_WRONG_MS,
    end_ms=_WRONG_MS + 5000,
    key_ms=_WRONG_MS,
    mono_ns=10 * _S,
    boot="run-1",
    width_px=640,
    height_px=480,
)


def test_a_clock_that_is_set_before_it_is_told_corrects_its_times_and_not_its_key() -> None:
    now = Stamp(100 * _S, _RIGHT_MS, trusted=True)
    timed = _SIDECAR.timed(now, "run-1")
    assert (timed.start_ms, timed.end_ms) == (_RIGHT_MS - 90_000, _RIGHT_MS - 85_000)
    assert timed.key("gate-1") == _SIDECAR.key("gate-1")
    assert timed.timed(now, "run-1") is timed


def test_what_cannot_be_known_is_left() -> None:
    """An untrusted clock, and another run of the host, whose monotonic clock began anew."""
    assert _SIDECAR.timed(Stamp(100 * _S, _RIGHT_MS, trusted=False), "run-1") is _SIDECAR
    assert _SIDECAR.timed(Stamp(100 * _S, _RIGHT_MS, trusted=True), "run-2") is _SIDECAR
    old = replace(_SIDECAR, boot="")
    assert old.timed(Stamp(100 * _S, _RIGHT_MS, trusted=True), "") is old


@given(st.integers(0, 10**6), st.integers(0, 4 * 10**12), st.integers(0, 10**9))
def test_no_clock_makes_it_end_before_it_begins(mono_s: int, wall_ms: int, length_ms: int) -> None:
    sidecar = replace(_SIDECAR, end_ms=_SIDECAR.start_ms + length_ms)
    timed = sidecar.timed(Stamp(mono_s * _S, wall_ms, trusted=True), "run-1")
    assert timed.end_ms - timed.start_ms == length_ms


def test_the_order_grows_though_the_clock_leaps_back_and_the_process_begins_anew(tmp_path: Path) -> None:
    """What lies in the spool is told and given up in the order in which it was made."""
    names = []
    for number, start_ms in enumerate([_RIGHT_MS, _RIGHT_MS - 10**9, _WRONG_MS, _RIGHT_MS - 10**6]):
        spool = Spool(tmp_path)
        order = spool.next_order(start_ms)
        assert spool.next_order(start_ms) > order
        name = f"rec-{9 - number}"
        spool.begin(replace(_SIDECAR, recording_id=name, start_ms=start_ms, order=order))
        names.append(name)
    assert [sidecar.recording_id for sidecar in left_behind(Spool(tmp_path), "front")] == names


def test_a_sidecar_from_before_there_was_an_order_is_read_and_sorts_by_its_time(tmp_path: Path) -> None:
    path = tmp_path / "front" / "rec-1.json"
    path.parent.mkdir()
    path.write_text(
        '{"recording_id":"rec-1","camera":"front","reason":"event","codec":"h264","start_ms":1780000000000,'
        '"width_px":640,"height_px":480}'
    )
    sidecar = read_sidecar(path)
    assert sidecar is not None
    assert (sidecar.order, sidecar.age[0]) == (0, 1_780_000_000_000)
    assert sidecar.key("gate-1").startswith("recordings/gate-1/2026/")
