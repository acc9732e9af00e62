"""The parts of sessions that are pure: the stimulus' clock, containers of video, consensus, consent, seats, ids."""

import hashlib
import os
from functools import partial
from math import tanh
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud.training.voices_departure import OFF_CENTRE, values
from contract.sessions import NewLabel, SessionLabel, StimulusClock
from edge.affect.sessions.consensus import Consensus, quadrant_of
from edge.affect.sessions.consent import consent_text
from edge.affect.sessions.labels import checked
from edge.affect.sessions.room import plain_text, printable, pseudonym
from edge.affect.sessions.seats import seat_for
from edge.affect.sessions.settings import SessionSettings
from edge.affect.sessions.timeline import MOST_PIECES, TOLERANCE_MS, StimulusTimeline
from edge.affect.sessions.video_file import Bounds, Upload, container_of
from edge.core.errors import RefusedError, StoreError
from tests.support.sessions_room import MP4, pieces, sensor

WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm" + bytes(
    99
)
MKV = WEBM.replace(b"\x42\x82\x84webm", b"\x42\x82\x88matroska")
ROOMY = Bounds(most_bytes=1 << 20, room_bytes=1 << 30)


def _told(*pieces_: tuple[int, int, float], duration_ms: int | None = None) -> StimulusTimeline:
    said = [StimulusClock(at_ms=at, stimulus_ms=place, rate=rate) for at, place, rate in pieces_]
    return StimulusTimeline(said, duration_ms=duration_ms)


def test_a_pause_holds_the_stimulus_and_a_seek_moves_it() -> None:
    line = _told((1000, 0, 1.0), (6000, 5000, 0.0), (9000, 5000, 2.0), (10_000, 1000, 1.0))
    places = [line.at(at) for at in (999, 1000, 3000, 7000, 9500, 10_500)]
    assert places == [None, 0, 2000, 5000, 6000, 1500]
    assert line.when(1500) == 10_500
    assert line.when(4000) == 13_000
    assert _told((1000, 500, 0.0)).when(700) is None


@given(
    st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 86_400_000), st.floats(0, 16)), max_size=8),
    st.integers(0, 86_400_000),
)
@example([(1_780_000_000_000, 5000, 1e-310)], 6000)
def test_whatever_a_player_says_is_a_place_or_none(said: list[tuple[int, int, float]], place_ms: int) -> None:
    """What is kept of it is read again with the session, for its folder: an error there would be one for good."""
    line = _told(*said)
    assert isinstance(line.at(10**13), int | None)
    assert isinstance(line.when(place_ms), int | None)
    assert StimulusTimeline(line.pieces).at(10**13) == line.at(10**13)


def test_a_stimulus_does_not_go_on_beyond_its_end() -> None:
    assert _told((0, 0, 1.0), duration_ms=5000).at(60_000) == 5000


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 1.0, 2.0])), max_size=40
    )
)
def test_what_was_said_last_of_a_moment_holds_and_time_never_makes_it_jump_back(
    said: list[tuple[int, int, float]],
) -> None:
    line, newest = StimulusTimeline(), -1
    for at, place, rate in said:
        line.tell(StimulusClock(at_ms=at, stimulus_ms=place, rate=rate))
        if at < newest:
            continue
        newest = at
        found = line.at(at)
        assert found is not None
        assert abs(found - place) <= TOLERANCE_MS
    assert [one.at_ms for one in line.pieces] == sorted({one.at_ms for one in line.pieces})
    for at, _, _ in said:
        found = line.at(at)
        back = line.when(found) if found is not None else None
        assert found is None or (back is not None and abs((line.at(back) or 0) - found) <= 1)


def test_a_player_that_only_repeats_itself_costs_nothing_and_one_that_jumps_for_ever_is_bounded() -> None:
    line = StimulusTimeline()
    for second in range(3600):
        line.tell(StimulusClock(at_ms=second * 1000, stimulus_ms=second * 1000 + second % 3 * 30))
    assert len(line.pieces) == 1
    for second in range(3600, 3600 + 2 * MOST_PIECES):
        line.tell(StimulusClock(at_ms=second * 1000, stimulus_ms=second % 2 * 50_000))
    assert len(line.pieces) == MOST_PIECES


@pytest.mark.parametrize(("head", "suffix"), [(MP4, "mp4"), (WEBM, "webm"), (MKV, "mkv"), (b"GIF89a" * 20, None)])
def test_a_container_is_told_by_its_first_bytes(head: bytes, suffix: str | None) -> None:
    assert container_of(head[:64]) == suffix


@given(st.binary(max_size=200))
def test_any_bytes_are_a_container_or_none(head: bytes) -> None:
    assert container_of(head) in {None, "mp4", "webm", "mkv"}


@given(data=st.binary(max_size=3000), size=st.integers(1, 700))
async def test_any_chunking_gives_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    folder = tmp_path_factory.mktemp("videos")
    whole = MP4[:16] + data
    taken = await Upload(folder, "film", size_bytes=len(whole), bounds=ROOMY).take(pieces(whole, size))
    assert taken.path.read_bytes() == whole
    assert (taken.size_bytes, taken.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert list(folder.iterdir()) == [taken.path]


@pytest.mark.parametrize(
    ("data", "size", "bounds", "words"),
    [
        (b"no video at all" * 9, None, ROOMY, "no MP4"),
        (b"", None, ROOMY, "no MP4"),
        (MP4, len(MP4) + 1, ROOMY, "send it again"),
        (MP4, None, Bounds(most_bytes=100, room_bytes=1 << 30), "may have 100 bytes"),
        (MP4, len(MP4), Bounds(most_bytes=100, room_bytes=1 << 30), "may have 100 bytes"),
        (MP4, None, Bounds(most_bytes=1 << 30, room_bytes=-5), "can spare 0 bytes"),
    ],
)
async def test_an_upload_that_is_refused_leaves_nothing(
    tmp_path: Path, data: bytes, size: int | None, bounds: Bounds, words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        await Upload(tmp_path, "film", size_bytes=size, bounds=bounds).take(pieces(data))
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@given(st.text(max_size=90))
def test_what_passes_as_a_pseudonym_is_safe_everywhere(value: str) -> None:
    try:
        kept = pseudonym(value)
    except RefusedError:
        return
    assert kept == value
    assert kept.isascii()
    assert not set(kept) & set("/\\ \n@")


@given(st.text(max_size=300))
def test_notes_keep_no_character_that_a_database_refuses(value: str) -> None:
    kept = plain_text(value, 100)
    assert len(kept) <= 100
    assert "\0" not in kept
    kept.encode()
    try:
        assert printable(value, "id", 80) == value
    except RefusedError:
        assert len(value) > 80 or not value.isprintable()


def _label(**said: object) -> SessionLabel:
    return SessionLabel(label_id="a", at_ms=0, source="square", **said)  # type: ignore[arg-type]


def test_valence_and_arousal_lie_in_a_quadrant_or_on_a_line() -> None:
    corners = [quadrant_of(_label(valence=v, arousal=a)) for v, a in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    assert corners == ["HH", "HL", "LH", "LL"]
    assert quadrant_of(_label(valence=0.0, arousal=1.0)) is None
    assert quadrant_of(_label(valence=0.5)) is None
    assert quadrant_of(_label(probe="LL", valence=0.9, arousal=0.9)) == "LL"


def test_everybody_has_one_voice_however_often_they_spoke() -> None:
    consensus = Consensus(reach_s=10)
    for _ in range(9):
        consensus.hear("film", "p1", _label(probe="HH", stimulus_ms=1000))
    consensus.hear("film", "p2", _label(probe="LL", stimulus_ms=12_000))
    consensus.hear("film", "p2", _label(probe="LL"))
    assert consensus.shares("film", 0, but_of="p3") == (0.5, 0, 0, 0.5)
    assert consensus.shares("film", 24_000, but_of="p3") == (0, 0, 0, 1)
    consensus.forget_stimulus("film")
    assert consensus.shares("film", 0, but_of="p3") is None


def test_others_are_known_by_what_they_felt_too() -> None:
    """A key is a corner; of points in one slice their mean; the middle is the middle; each scale by itself."""
    consensus = Consensus(reach_s=10)
    means = partial(consensus.means, off_centre=0.25)
    consensus.hear("film", "p1", _label(probe="HL", stimulus_ms=1000))
    for valence in (0.2, 0.4):
        consensus.hear("film", "p2", _label(valence=valence, stimulus_ms=2000))
    assert means("film", 0, but_of="p3") == pytest.approx(((tanh(1.25) + tanh(0.55)) / 2, -tanh(1.25)))
    but_first = means("film", 0, but_of="p1")
    assert but_first[0] == pytest.approx(tanh(0.55))
    assert but_first[1] is None
    consensus.hear("film", "p2", _label(valence=0.0, arousal=0.0, stimulus_ms=40_000))
    assert means("film", 40_000, but_of="p1") == (0.0, 0.0)
    assert consensus.shares("film", 40_000, but_of="p1") is None
    assert means("film", 90_000, but_of="p1") == means("none", 0, but_of="p1") == (None, None)


@given(st.floats(-1, 1).filter(bool))
def test_a_value_is_drawn_in_as_the_pool_learned_it(point: float) -> None:
    consensus = Consensus(reach_s=10)
    consensus.hear("film", "p1", _label(valence=point, stimulus_ms=0))
    felt = consensus.means("film", 0, but_of="p2", off_centre=OFF_CENTRE)[0]
    assert felt == pytest.approx(float(values(np.array(point))))


def test_a_label_said_twice_at_once_is_one() -> None:
    assert len(checked([NewLabel(probe="HH", label_id="a"), NewLabel(probe="LL", label_id="a")])) == 1
    with pytest.raises(RefusedError, match="too many"):
        checked([NewLabel(probe="HH")] * 2001)
    with pytest.raises(RefusedError, match="label_id"):
        checked([NewLabel(probe="HH", label_id="a\0")])


def test_the_text_of_consent_comes_from_its_file_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "consent.txt"
    path.write_text("Ja, ich will: ü", encoding="utf-8")
    text = consent_text(SessionSettings(consent_file=str(path), consent_version="7"))
    assert (text.version, text.sha256) == ("7", hashlib.sha256(path.read_bytes()).hexdigest())
    path.write_bytes(b"\xff" * 10)
    with pytest.raises(StoreError, match="cannot be read"):
        consent_text(SessionSettings(consent_file=str(path)))
    path.write_bytes(b"x" * 70_000)
    with pytest.raises(StoreError, match="may have 65536 bytes"):
        consent_text(SessionSettings(consent_file=str(path)))
    assert (
        consent_text(SessionSettings()).sha256
        == hashlib.sha256(consent_text(SessionSettings()).text.encode()).hexdigest()
    )


def test_a_seat_is_named_or_worn_or_free() -> None:
    sensors = [sensor("a", state="failed"), sensor("b"), sensor("c")]
    free = seat_for("p1", None, sensors=sensors, used={}, wearers={"b": "p2"})
    assert free.sensor
    assert free.sensor.id == "c"
    assert (
        seat_for("p1", "z", sensors=sensors, used={}, wearers={}).problem == "there is no sensor z: there are a, b, c"
    )
    assert "used by p2" in seat_for("p1", "b", sensors=sensors, used={"b": "p2"}, wearers={}).problem
    assert seat_for("p1", None, sensors=[], used={}, wearers={}).problem == "there is no sensor"
