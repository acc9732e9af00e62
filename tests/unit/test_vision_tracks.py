"""Tracks: a number that stays with its thing through occlusions and meetings, speed, heading, age; and bounded cost."""

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.pixels.blobs import Blob
from edge.vision.things.portrait import thing_of
from edge.vision.things.tracks import MOST, Track, Tracker, centre_of, overlap
from tests.support.moving_scene import FRAME_NS

SECOND = 1_000_000_000
SIDE = st.floats(0.01, 0.5)
PLACE = st.floats(0.0, 0.5)
BLOBS = st.builds(Blob, x=PLACE, y=PLACE, w=SIDE, h=SIDE, area=st.floats(0.001, 0.2), changed=st.floats(0, 1))
Scene = Callable[[float], Sequence[Blob]]


def _blob(x: float, y: float = 0.4, *, w: float = 0.1, h: float = 0.3, changed: float = 1.0) -> Blob:
    return Blob(x, y, w, h, w * h, changed)


def _union(a: Blob, b: Blob) -> Blob:
    """The one blob that two which touch make."""
    x, y = min(a.x, b.x), min(a.y, b.y)
    right, bottom = max(a.x + a.w, b.x + b.w), max(a.y + a.h, b.y + b.h)
    area = a.area + b.area - overlap(a, b) / (1 + overlap(a, b)) * (a.area + b.area)
    changed = max(a.changed, b.changed)
    return Blob(x, y, right - x, bottom - y, area, changed)


def _seen(*blobs: Blob) -> list[Blob]:
    """What a mask shows of two blobs: one, where they touch."""
    if len(blobs) == 2 and overlap(*blobs) > 0:
        return [_union(*blobs)]
    return sorted(blobs, key=lambda blob: -blob.area)


def _in_picture(*blobs: Blob) -> list[Blob]:
    """What of them is to the left of the picture's right side."""
    cut = [_blob(blob.x, w=min(blob.w, 1 - blob.x)) for blob in blobs if blob.x < 0.995]
    return sorted(cut, key=lambda blob: -blob.area)


def _follow(scene: Scene, seconds: float, *, fps: float = 15, aspect: float = 4 / 3) -> list[list[Track]]:
    tracker = Tracker()
    steps = range(round(seconds * fps))
    return [
        [*tracker.step(list(scene(step / fps)), SECOND + round(step / fps * SECOND), aspect=aspect)] for step in steps
    ]


@given(BLOBS, BLOBS)
def test_overlap_is_symmetric_and_between_none_and_all(a: Blob, b: Blob) -> None:
    assert overlap(a, a) == pytest.approx(1.0)
    assert overlap(a, b) == overlap(b, a)
    assert 0.0 <= overlap(a, b) <= 1.0


def test_a_track_keeps_its_number_and_two_that_pass_are_two() -> None:
    tracker = Tracker()
    for step in range(30):
        going, coming = _blob(0.02 * step, 0.1), _blob(0.8 - 0.02 * step, 0.6)
        tracks = tracker.step([going, coming], step * FRAME_NS)
    assert {track.number: round(centre_of(track.blob)[1], 2) for track in tracks} == {1: 0.25, 2: 0.75}


def test_a_flicker_is_no_track_and_a_short_loss_is_survived() -> None:
    tracker = Tracker()
    assert tracker.step([_blob(0.2)], 0) == []
    for step in range(1, 10):
        tracker.step([_blob(0.2)] if step != 5 else [], step * FRAME_NS)
    (track,) = tracker.step([_blob(0.21)], 10 * FRAME_NS)
    assert track.number == 1
    assert tracker.step([], 60 * FRAME_NS) == []
    assert tracker.step([_blob(0.21)], 61 * FRAME_NS) == [], "a new thing, unconfirmed"


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_who_goes_behind_something_comes_out_with_its_number(fps: float) -> None:
    """Hidden for 1.3 s while it goes on: found again where it should be, though somebody else is near by then."""

    def scene(at_s: float) -> list[Blob]:
        walker = [] if 2.0 <= at_s < 3.3 else [_blob(0.05 + 0.15 * at_s)]
        return [*walker, _blob(0.8, 0.05, w=0.08, h=0.1)]

    tracks = _follow(scene, 5, fps=fps)
    first, last = tracks[round(1.8 * fps)], tracks[-1]
    assert {track.number for track in first} == {track.number for track in last}
    walker = min(last, key=lambda track: track.number)
    assert walker.age_s == pytest.approx(5, abs=0.5)
    assert walker.began_ns == walker.born_ns, "to be hidden is not to stand still"


def test_who_is_gone_for_longer_is_somebody_else() -> None:
    tracks = _follow(lambda at_s: [] if 2 <= at_s < 4.5 else [_blob(0.4)], 6)
    assert {track.number for track in tracks[20]} != {track.number for track in tracks[-1]}


def test_who_left_the_picture_is_not_waited_for() -> None:
    """Somebody goes out to the right; another comes in there a second later."""
    tracks = _follow(lambda at_s: _in_picture(_blob(0.5 + 0.35 * at_s), _blob(1.6 - 0.25 * at_s)), 4)
    assert [track.number for track in tracks[15]] == [1]
    assert [track.number for track in tracks[-1]] == [2]


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_two_who_meet_in_one_blob_and_part_keep_their_numbers(fps: float) -> None:
    """One goes right and one left; where they pass there is only one blob, and yet both are there all the time."""

    def scene(at_s: float) -> list[Blob]:
        return _seen(_blob(0.05 + 0.15 * at_s, 0.4), _blob(0.85 - 0.15 * at_s, 0.42, w=0.09))

    tracks = _follow(scene, 5, fps=fps)
    before = {round(track.blob.w, 2): track.number for track in tracks[round(1.5 * fps)]}
    after = {round(track.blob.w, 2): track.number for track in tracks[-1]}
    assert set(before) == {0.1, 0.09}
    assert before == after
    assert all(len(seen) == 2 for seen in tracks[round(1.0 * fps) :]), "both are there all the time"


def test_who_walks_past_something_that_stands_does_not_move_it() -> None:
    """Something stands still in its place, and is still, while somebody larger walks in front of it."""

    def scene(at_s: float) -> list[Blob]:
        return _seen(_blob(0.5, 0.6, w=0.08, h=0.12, changed=0.0 if at_s > 1 else 1.0), _blob(0.1 * at_s, 0.45))

    tracks = _follow(scene, 9)
    stands = {track.number for track in tracks[45] if track.blob.w == pytest.approx(0.08)}
    assert len(stands) == 1
    for seen in tracks[45:]:
        (thing,) = (track for track in seen if track.number in stands)
        assert thing.still
        assert overlap(thing.blob, _blob(0.5, 0.6, w=0.08, h=0.12)) > 0.95
    assert len({track.number for track in tracks[-1]}) == 2


@pytest.mark.parametrize("fps", [5, 8, 15, 30])
@pytest.mark.parametrize(
    ("across", "down", "heading"), [(0.2, 0, 90), (-0.2, 0, 270), (0, 0.2, 180), (0, -0.2, 0), (0.15, -0.2, 45)]
)
def test_speed_is_in_widths_a_second_and_heading_clockwise_from_up(
    fps: float, across: float, down: float, heading: float
) -> None:
    """As seen in a picture of 4:3: what goes a fifth of the height goes 0.15 widths."""
    start = _blob(0.45, 0.35, w=0.1, h=0.3)
    tracks = _follow(lambda at_s: [_blob(start.x + across * at_s, start.y + down * at_s)], 2, fps=fps)
    speed, heading_deg = tracks[-1][0].course
    assert speed == pytest.approx(math.hypot(across, down * 3 / 4), rel=0.01)
    assert heading_deg is not None
    assert abs((heading_deg - heading + 180) % 360 - 180) < 1


def test_who_trembles_has_no_heading_and_who_turns_round_has_the_new_one_soon() -> None:
    trembling = _follow(lambda at_s: [_blob(0.4 + 0.006 * (round(at_s * 15) % 2))], 3)
    assert all(track.course[1] is None for seen in trembling for track in seen)
    turning = _follow(lambda at_s: [_blob(0.2 + 0.2 * min(at_s, 4 - at_s))], 2.7)
    assert turning[-1][0].course[1] == pytest.approx(270, abs=1)


def test_dwell_counts_only_while_it_stays_in_one_place() -> None:
    tracker = Tracker()
    for step in range(60):
        tracks = tracker.step([_blob(0.02 * min(step, 30))], step * FRAME_NS)
    assert tracks[0].dwell_s == pytest.approx(30 * FRAME_NS / 1e9, abs=0.4)


def test_what_stops_is_still_and_begins_anew_when_it_goes_on() -> None:
    tracker = Tracker()
    for step in range(60):
        moving = step < 20 or step >= 50
        tracks = tracker.step([_blob(0.3, changed=0.5 if moving else 0.0)], step * FRAME_NS)
        if step == 45:
            assert tracks[0].still
    assert not tracks[0].still
    assert tracks[0].began_ns == 50 * FRAME_NS


def test_a_portrait_says_what_the_track_knows() -> None:
    tracks = _follow(lambda at_s: [_blob(0.1 + 0.2 * at_s)], 2)
    thing = thing_of(tracks[-1][0], habitual_share=0.25)
    assert (thing.box.label, thing.box.track, thing.still, thing.habitual_share) == ("motion", 1, False, 0.25)
    assert thing.speed == pytest.approx(0.2, rel=0.01)
    assert thing.heading_deg == pytest.approx(90)
    assert thing.age_s == thing.moving_s == pytest.approx(29 / 15)
    assert thing.origin == pytest.approx((0.15, 0.7))
    named = thing_of(tracks[-1][0], habitual_share=0.25, label="car", label_confidence=0.7)
    assert (named.box.label, named.label_confidence) == ("car", 0.7)


def test_a_storm_of_blobs_keeps_the_number_of_tracks_bounded_and_the_crowd_its_numbers() -> None:
    """300 in rows that go their ways, then 1000 that jump about."""
    tracker = Tracker()

    def crowd(step: int) -> list[Blob]:
        return [
            _blob(0.01 + 0.045 * column + 0.002 * step * (-1) ** row, 0.01 + 0.06 * row, w=0.03, h=0.04)
            for row in range(15)
            for column in range(1, 21)
        ]

    first: dict[int, Blob] = {}
    for step in range(30):
        seen = tracker.step(crowd(step), step * FRAME_NS)
        first = first or {track.number: track.blob for track in seen}
    assert len(seen) == 300
    assert {track.number for track in seen} == set(first)
    assert all(track.blob.y == first[track.number].y for track in seen), "nobody has changed places"
    for step in range(30, 40):
        storm = [_blob((step * 7 + at * 13) % 97 / 100, at % 89 / 100, w=0.02, h=0.02) for at in range(1000)]
        assert len(tracker.step(storm, step * FRAME_NS)) <= MOST


@given(st.lists(st.lists(BLOBS, max_size=6), max_size=15))
def test_every_track_is_in_a_blob_and_a_blob_without_company_has_one_track(frames: list[list[Blob]]) -> None:
    tracker = Tracker()
    for at, blobs in enumerate(frames):
        tracks = tracker.step(blobs, at * FRAME_NS * 4)
        assert len({track.number for track in tracks}) == len(tracks)
        alone = [track for track in tracks if track.alone_ns == at * FRAME_NS * 4]
        assert len({id(track.blob) for track in alone}) == len(alone) <= len(blobs)
        assert all(track.blob in blobs for track in alone)
        for track in tracks:
            assert any(overlap(track.blob, blob) > 0 for blob in blobs)
            assert math.isfinite(track.dwell_s)
            assert track.dwell_s >= 0
            assert math.isfinite(track.course[0])


@given(st.lists(st.lists(BLOBS, max_size=4), min_size=1, max_size=8), st.floats(0.02, 0.5))
def test_the_pace_and_place_in_time_change_nothing_about_who_is_who(frames: list[list[Blob]], at_s: float) -> None:
    """The same frames an hour later are the same tracks."""
    numbers = []
    for start in (0, 3600 * SECOND):
        tracker = Tracker()
        stepped = [tracker.step(blobs, start + round(at * at_s * SECOND)) for at, blobs in enumerate(frames)]
        numbers.append([[(track.number, track.blob) for track in seen] for seen in stepped])
    assert numbers[0] == numbers[1]
