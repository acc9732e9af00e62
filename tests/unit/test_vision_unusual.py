"""The room of the unusual as a whole: what it learns, for which hour, at which rate of frames, and what it shows."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.unusual.earlier import LEAST_LAG_S, Earlier
from edge.vision.unusual.kept import write_arrays
from edge.vision.unusual.settings import UnusualSettings
from edge.vision.unusual.tail import LEAST, threshold_of
from tests.support.clock import START_MS
from tests.support.watched_scene import RUNNER, WALKERS, Walker, Watched, alarms

NOON, NIGHT = 12, 3


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a minute of people who walk has taught, at noon."""
    path = tmp_path_factory.mktemp("learned") / "vision-front.learned"
    place = Watched(path)
    place.watch(60, *WALKERS, hour=NOON)
    place.unusual.save()
    return path


@pytest.fixture
def kept(tmp_path: Path, learned: Path) -> Path:
    return Path(shutil.copy(learned, tmp_path / "vision-front.learned"))


@pytest.mark.parametrize("fps", [5.0, 7.5, 10.0, 15.0, 30.0])
def test_what_was_learned_at_15_frames_a_second_holds_at_any_rate(kept: Path, fps: float) -> None:
    place = Watched(kept)
    usual = place.watch(12, *WALKERS, fps=fps)
    assert not alarms(usual)
    assert usual[-1][0].complete


@pytest.mark.parametrize("fps", [7.5, 10.0, 15.0, 30.0])
def test_a_runner_is_an_alarm_at_any_rate_while_it_goes_on(kept: Path, fps: float) -> None:
    """U1.4: the alarm is raised in the midst of it, not after."""
    place = Watched(kept)
    place.watch(2, *WALKERS, fps=fps)
    seen = place.watch(3, *WALKERS, RUNNER, fps=fps)
    first = next(at for at, (_, finding) in enumerate(seen) if finding)
    assert first / fps < 1.5
    assert alarms(place.watch(4, *WALKERS, fps=fps)) == []


@given(st.lists(st.floats(0.001, 1.5), min_size=1, max_size=60))
def test_the_plane_to_compare_with_is_the_newest_that_is_old_enough(steps: list[float]) -> None:
    """However irregular the frames: speed is told over a known time that is never too short."""
    earlier, at_ns, shown = Earlier(), 0, list[int]()
    for number, step in enumerate(steps):
        at_ns += round(step * 1e9)
        found = earlier.swap(np.full((2, 2), number % 251, np.uint8), at_ns)
        shown.append(at_ns)
        old_enough = [(number_, then) for number_, then in enumerate(shown[-16:-1], max(len(shown) - 16, 0))]
        old_enough = [one for one in old_enough if (at_ns - one[1]) / 1e9 >= LEAST_LAG_S]
        if found is None:
            assert not old_enough
            continue
        plane, seconds = found
        assert plane[0, 0] == old_enough[-1][0] % 251
        assert seconds == pytest.approx((at_ns - old_enough[-1][1]) / 1e9)


def test_after_a_gap_and_with_a_clock_that_stands_still_nothing_is_judged(kept: Path) -> None:
    place = Watched(kept)
    place.watch(2, *WALKERS)
    luma, mask = place.picture(9.0, *WALKERS)
    knobs = {"hour": NOON, **place.moment()}
    assert place.unusual.step(luma, mask, usable=False, **knobs)[0].score == 0.0
    assert place.unusual.step(luma, mask, usable=True, **knobs)[0].score == 0.0


def test_who_walks_where_at_this_hour_nobody_does_is_unusual_then_and_usual_at_noon(kept: Path) -> None:
    """Two weeks of empty nights: then somebody walks at 03:00, as people do at noon."""
    place = Watched(kept, sensitivity=1.3)
    place.unusual._detector.baseline.hours[NIGHT].seconds = 14 * 3600.0
    noon = place.watch(12, *WALKERS, hour=NOON)
    assert not alarms(noon)
    seen = place.watch(12, *WALKERS, hour=NIGHT)
    assert np.median([one.score for one, _ in seen]) > np.median([one.score for one, _ in noon]) + 1.8
    reasons = [line for finding in alarms(seen) for line in finding.reasoning]
    assert any(line.startswith("unusual for 03:00: at this hour little moves here") for line in reasons)


def test_an_hour_learns_a_normal_of_its_own(tmp_path: Path) -> None:
    """At night people run: then nobody is alarmed, and at noon it still is."""
    place = Watched(tmp_path / "kept")
    for _ in range(4):
        place.watch(20, *WALKERS, hour=NOON)
        place.watch(10, RUNNER, hour=NIGHT)
    for hour in (NOON, NIGHT):
        place.unusual._detector.baseline.hours[hour].seconds = 14 * 3600.0
    day = max(one.score for one, _ in place.watch(6, RUNNER, hour=None))
    night = max(one.score for one, _ in place.watch(6, RUNNER, hour=NIGHT))
    noon = max(one.score for one, _ in place.watch(6, RUNNER, hour=NOON))
    assert night < day < noon


def test_without_a_trusted_clock_only_the_day_learns(tmp_path: Path) -> None:
    place = Watched(tmp_path / "kept")
    place.watch(4, *WALKERS, hour=None)
    baseline = place.unusual._detector.baseline
    assert baseline.day.count.any()
    assert not any(cells.count.any() or cells.frames for cells in baseline.hours)
    off = Watched(tmp_path / "off", settings=UnusualSettings(by_hour=False))
    off.watch(4, *WALKERS, hour=NOON)
    assert not any(cells.frames for cells in off.unusual._detector.baseline.hours)


def test_anomalies_do_not_teach_what_is_normal(kept: Path) -> None:
    """The runner comes twenty times and is as unusual as at first."""
    place = Watched(kept)
    deviations = [max(one.deviation or 0 for one in alarms(place.watch(3, *WALKERS, RUNNER))) for _ in range(20)]
    assert np.mean(deviations[-5:]) > 0.8 * np.mean(deviations[:5])


def test_the_sensitivity_does_not_change_what_is_learned(tmp_path: Path) -> None:
    """Else a keen alarm would take ever less for normal."""
    keen, plain = (Watched(tmp_path / str(value), sensitivity=value) for value in (4.0, 1.0))
    for place in (keen, plain):
        place.watch(30, *WALKERS)
    assert keen.unusual.view().threshold_raw == plain.unusual.view().threshold_raw
    assert keen.unusual.view().threshold == pytest.approx(plain.unusual.view().threshold / 4, abs=1e-3)
    np.testing.assert_array_equal(keen.unusual._detector.baseline.day.count, plain.unusual._detector.baseline.day.count)


def test_the_plans_sensitivity_goes_before_the_settings_and_can_be_taken_back(kept: Path) -> None:
    place = Watched(kept, sensitivity=2.0)
    place.unusual.set_sensitivity(0.5)
    assert (place.unusual.sensitivity, place.unusual.view().sensitivity) == (0.5, 0.5)
    assert place.unusual.view().threshold == pytest.approx(place.unusual.view().threshold_raw * 2, abs=2e-3)
    place.unusual.set_sensitivity(None)
    assert place.unusual.view().sensitivity == 2.0


def test_the_view_is_what_the_page_is_promised(kept: Path) -> None:
    place = Watched(kept)
    place.watch(3, *WALKERS, RUNNER)
    shown = json.loads(json.dumps(place.unusual.view().to_plain()))
    assert shown.keys() == {
        "rows",
        "columns",
        "heat",
        "usual",
        "learning",
        "threshold",
        "threshold_raw",
        "sensitivity",
        "scores",
    }
    assert (shown["rows"], shown["columns"]) == (12, 16)
    assert len(shown["heat"]) == len(shown["usual"]) == 12 * 16
    assert max(shown["heat"]) > shown["threshold_raw"]
    assert 0.05 < max(shown["usual"]) <= 1
    hours = shown["learning"]["hours"]
    assert shown["learning"]["complete"]
    assert [hour for hour, progress in enumerate(hours) if progress] == [NOON]
    assert hours[NOON] == 1.0
    assert all(t_ms % 1000 == 0 and t_ms >= START_MS for t_ms, _ in shown["scores"])


@pytest.mark.parametrize("sensitivity", [0.5, 1.0, 2.0])
def test_a_preview_of_the_last_hour_is_what_would_have_been(kept: Path, sensitivity: float) -> None:
    """The seconds with sustained > threshold_raw / s are those in which an alarm goes on at sensitivity s."""
    plain, other = Watched(kept), Watched(kept, sensitivity=sensitivity)
    alarmed = set[int]()
    for place in (plain, other):
        for walkers in ((), (RUNNER,), (), (Walker(0, 50, 30.0),), ()):
            seen = place.watch(3, *WALKERS, *walkers)
            ends_ms = START_MS + round(place.at_s * 1000)
            times = [ends_ms - round((len(seen) - 1 - at) * 1000 / 15) for at in range(len(seen))]
            if place is other:
                alarmed |= {t // 1000 for t, (_, finding) in zip(times, seen, strict=True) if finding}
    shown = plain.unusual._current_view()
    preview = {t // 1000 for t, sustained in shown.scores if sustained > shown.threshold_raw / sensitivity}
    assert len(preview ^ alarmed) <= 1, "the threshold itself creeps a little"


def test_a_reset_by_hand_forgets_the_normal_on_disk_too(kept: Path) -> None:
    place = Watched(kept)
    place.unusual.set_sensitivity(2.0)
    place.watch(3, *WALKERS)
    place.unusual.forget()
    shown = place.unusual.view()
    assert (shown.learning.complete, shown.learning.progress, shown.scores) == (False, 0.0, ())
    assert shown.sensitivity == 2.0
    assert not any((*shown.heat, *shown.usual))
    assert Watched(kept).unusual.view().learning.progress == 0.0
    assert not alarms(place.watch(3, RUNNER))


def test_progress_of_day_and_hours_survives_a_restart(kept: Path) -> None:
    place = Watched(kept)
    place.watch(10, *WALKERS, hour=NIGHT)
    before = place.unusual._current_view().learning
    place.unusual.save()
    after = place.restarted().view().learning
    assert after == before
    assert 0 < after.hours[NIGHT] < 1


def test_a_file_of_format_1_is_put_aside_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = tmp_path / "vision-front.learned"
    count, features = np.zeros((1, 1, 12, 16), np.float32), np.zeros((1, 2, 12, 16), np.float32)
    numbers = np.array([1, 900, 100, 4.5])
    write_arrays(kept, model=np.array("anomaly 1.0.0"), numbers=numbers, count=count, mean=features, variance=features)
    with caplog.at_level(logging.WARNING):
        assert Watched(kept).unusual.view().learning.progress == 0.0
    assert "format 1" in caplog.text
    assert (tmp_path / "vision-front.learned.aside").exists()


@pytest.mark.parametrize("suffix", ["", ".alarms"])
@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_no_file_stops_the_camera(kept: Path, suffix: str, content: bytes) -> None:
    kept.with_name(kept.name + suffix).write_bytes(content)
    place = Watched(kept)
    assert place.watch(1, *WALKERS)
    place.unusual.save()


@pytest.mark.parametrize("wrong", [{"scores": np.array([np.nan])}, {"count": np.zeros(3)}, {"watched": np.zeros(())}])
def test_a_whole_file_of_nonsense_is_put_aside(tmp_path: Path, wrong: dict[str, np.ndarray]) -> None:
    kept = tmp_path / "kept"
    write_arrays(kept, format=np.array(2), model=np.array("anomaly 2.1.0"), **wrong)
    assert Watched(kept).unusual.view().learning.progress == 0.0


def test_the_threshold_is_careful_at_first_and_relaxes_as_evidence_grows() -> None:
    """Scores of the same kind: the longer they are known, the nearer the alarm comes to them."""
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.exponential(0.4, 300) + 2, 20).tolist()
    thresholds = [threshold_of(scores[: 20 * bursts]) for bursts in (10, 30, 100, 300)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1] + 1
    exceeded = np.mean(np.repeat(rng.exponential(0.4, 20_000) + 2, 20) > thresholds[-1])
    assert exceeded < 0.005


@pytest.mark.parametrize(("start", "low", "high"), [(20.0, 0.97, 0.995), (4.0, 1.0, 1.02)])
def test_a_learned_threshold_follows_slowly(kept: Path, start: float, low: float, high: float) -> None:
    """What is unusual must not become the rule by going on; what was too careful may relax twice as fast."""
    place = Watched(kept)
    place.unusual._detector.baseline.threshold = start
    place.watch(15, *WALKERS)
    assert start * low <= place.unusual._detector.baseline.threshold <= start * high


def test_a_threshold_is_never_below_the_least_and_grows_with_what_was_called_normal() -> None:
    assert threshold_of([]) == threshold_of([0.1] * 5000) == LEAST
    scores = np.random.default_rng(0).gamma(4, 0.5, 2000).tolist()
    assert threshold_of(scores, [9.0]) > threshold_of(scores)
