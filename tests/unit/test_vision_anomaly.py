"""Anomaly: the normal is learned on the spot, kept across restarts, and what is faster than it raises the alarm."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis, Seen
from edge.vision.findings import SUDDEN_MOTION
from edge.vision.settings import VisionSettings
from edge.vision.unusual.anomaly import AnomalyDetector
from edge.vision.unusual.baseline import Baseline
from edge.vision.unusual.kept import forget_aside, load_baseline, save_baseline
from edge.vision.unusual.learning import Learning
from edge.vision.unusual.tail import LEAST
from tests.support.moving_scene import FRAME_NS, Mover, MovingScene

SIZE = (160, 120)
SETTINGS = VisionSettings(learning_frames=300, learning_active_frames=100)
WALKERS = (Mover(0, 30, 12, 30, vx=1.2), Mover(80, 70, 12, 30, vx=-1.0))
GRID = (12, 16)
MODEL = "anomaly 2.1.0"


@pytest.fixture(scope="module")
def models() -> tuple[Model, Model]:
    store = ModelStore()
    return store.load("motion"), store.load("anomaly")


@pytest.fixture(scope="module")
def learned(models: tuple[Model, Model], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was learned from 600 frames of people who walk."""
    path = tmp_path_factory.mktemp("learned") / "vision-front.learned"
    analysis = _analysis(models, path)
    _watch(analysis, MovingScene(SIZE, noise=1.0), 600, *WALKERS)
    analysis.save()
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "state" / "vision-front.learned"


def _analysis(models: tuple[Model, Model], kept: Path, settings: VisionSettings = SETTINGS) -> FrameAnalysis:
    return FrameAnalysis(*models, settings, np.random.default_rng(0), kept)


def _watch(analysis: FrameAnalysis, scene: MovingScene, frames: int, *movers: Mover) -> list[Seen]:
    return [analysis.step(scene.frame(*movers, luma=True)) for _ in range(frames)]


def _types(seen: list[Seen]) -> set[str]:
    return {finding.type for one in seen for finding in one.findings}


def test_what_is_faster_than_ever_is_sudden_motion_and_the_usual_is_not(
    models: tuple[Model, Model], learned: Path
) -> None:
    """S1.14 on drawn truth: people walk; then something runs through."""
    scene, analysis = MovingScene(SIZE, noise=1.0), _analysis(models, learned)
    usual = _watch(analysis, scene, 320, *WALKERS)
    assert _types(usual) == {"motion"}
    last = usual[-1].reading
    assert last is not None
    assert last.complete
    assert last.threshold >= LEAST
    unusual = _watch(analysis, scene, 30, *WALKERS, Mover(0, 50, 14, 28, vx=6.0))
    alarms = [finding for one in unusual for finding in one.findings if finding.type == SUDDEN_MOTION]
    assert alarms
    assert alarms[0].deviation is not None
    assert alarms[0].deviation > last.threshold
    assert alarms[0].model == "anomaly"


def test_progress_is_honest_and_no_alarm_comes_before_its_end(models: tuple[Model, Model], kept: Path) -> None:
    scene, analysis = MovingScene(SIZE), _analysis(models, kept)
    seen = _watch(analysis, scene, 200, Mover(0, 30, 12, 30, vx=5.0))
    progress = [one.reading.progress for one in seen if one.reading]
    assert progress == sorted(progress)
    assert 0.1 < progress[-1] < 1.0
    assert _types(seen) <= {"motion"}


def test_a_quiet_place_goes_on_learning_but_not_for_ever(models: tuple[Model, Model]) -> None:
    baseline, still = Baseline(GRID), np.zeros((120, 160), np.uint8)
    detector = AnomalyDetector(models[1], SIZE, Learning(frames=100, active_frames=50, sensitivity=1.0), baseline)
    detector.step(still, still, usable=True, at_ns=0)
    for at, (frames, complete) in enumerate(((500, False), (998, False), (999, True)), start=1):
        baseline.day.frames = frames
        reading = detector.step(still, still, usable=True, at_ns=at * FRAME_NS)
        assert detector.complete is complete
        assert reading.progress == pytest.approx(frames / 1000, abs=2e-3)
    assert detector.threshold == LEAST


def test_what_was_learned_survives_a_restart(models: tuple[Model, Model], learned: Path) -> None:
    before = load_baseline(learned, GRID, MODEL)
    after = _watch(_analysis(models, learned), MovingScene(SIZE), 1, *WALKERS)[-1].reading
    assert after is not None
    assert (after.complete, after.threshold) == (True, max(before.threshold, LEAST))


def test_after_a_gap_in_time_speed_is_not_judged(models: tuple[Model, Model], learned: Path) -> None:
    """A walker who was not looked at for three seconds did not run."""
    scene, analysis = MovingScene(SIZE), _analysis(models, learned)
    walked = _watch(analysis, scene, 200, *WALKERS)
    late = scene.frame(Mover(90, 40, 12, 30), mono_ns=1_000_000_000 + 260 * FRAME_NS, luma=True)
    seen = analysis.step(late)
    assert walked[-1].reading is not None
    assert walked[-1].reading.score > 0.0
    assert seen.reading is not None
    assert seen.reading.score == 0.0


def test_another_size_of_picture_begins_anew_without_a_fault(models: tuple[Model, Model], kept: Path) -> None:
    analysis = _analysis(models, kept)
    _watch(analysis, MovingScene((320, 240)), 5, *WALKERS)
    seen = _watch(analysis, MovingScene((320, 180)), 5, *WALKERS)
    assert seen[-1].reading is not None


def test_a_reset_forgets_the_scene_and_keeps_the_learned(models: tuple[Model, Model], learned: Path) -> None:
    """X.10"""
    scene, analysis = MovingScene(SIZE), _analysis(models, learned)
    assert _watch(analysis, scene, 60, *WALKERS)[-1].things
    analysis.reset()
    (seen,) = _watch(analysis, scene, 1, *WALKERS)
    assert seen.things == ()
    assert seen.reading is not None
    assert seen.reading.complete


def test_a_loiterer_is_found_and_a_trace_is_not(models: tuple[Model, Model], kept: Path) -> None:
    """Someone comes in and shifts from foot to foot; what they hid when the scene was learned stays no loiterer."""
    settings = VisionSettings(anomaly=False, loitering_s=8)
    scene, analysis = (
        MovingScene(SIZE, noise=1.0),
        FrameAnalysis(models[0], None, settings, np.random.default_rng(0), kept),
    )
    left = Mover(20, 30, 16, 40)
    _watch(analysis, scene, 170, left)
    gone = _watch(analysis, scene, 180)
    assert _types(gone) <= {"motion"}
    assert not gone[-1].things
    found: list[Seen] = []
    for step in range(180):
        found += _watch(analysis, scene, 1, Mover(100 + step // 4 % 2 * 2, 40, 16, 40))
    assert "loitering" in _types(found[-20:])
    assert "loitering" not in _types(found[:100])
    assert found[-1].reading is None


def _filled(rng: np.random.Generator) -> Baseline:
    baseline = Baseline(GRID)
    for at, cells in enumerate((baseline.day, *baseline.hours)):
        for tensor in cells.tensors().values():
            tensor[:] = rng.random(tensor.shape)
        cells.seconds, cells.frames, cells.active_frames = 100.5 + at, 1234 + at, 99
    baseline.threshold, baseline.taught = 5.5, (7.5,)
    baseline.scores.extend([0.5, 1.5, 2.5])
    return baseline


def test_a_baseline_goes_to_disk_and_comes_back(kept: Path) -> None:
    """With all of its hours and their progress."""
    saved = _filled(np.random.default_rng(0))
    save_baseline(saved, kept, MODEL)
    loaded = load_baseline(kept, GRID, MODEL)
    for was, now in zip((saved.day, *saved.hours), (loaded.day, *loaded.hours), strict=True):
        for name, tensor in was.tensors().items():
            np.testing.assert_array_equal(now.tensors()[name], tensor)
        assert (now.seconds, now.frames, now.active_frames) == (was.seconds, was.frames, was.active_frames)
    assert (loaded.threshold, loaded.taught, list(loaded.scores)) == (5.5, (7.5,), [0.5, 1.5, 2.5])
    assert [path.name for path in kept.parent.iterdir()] == [kept.name], "no temporary file is left"


@pytest.mark.parametrize(("grid", "model"), [((9, 16), MODEL), (GRID, "anomaly 3.0.0")])
def test_a_baseline_of_another_grid_or_model_is_not_used(kept: Path, grid: tuple[int, int], model: str) -> None:
    save_baseline(_filled(np.random.default_rng(0)), kept, MODEL)
    assert load_baseline(kept, grid, model).day.frames == 0


@given(cut=st.integers(0, 4000), junk=st.binary(min_size=1, max_size=20))
def test_a_damaged_baseline_is_learned_anew(tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("kept") / "vision-front.learned"
    save_baseline(_filled(np.random.default_rng(0)), path, MODEL)
    content = path.read_bytes()
    path.write_bytes(content[:cut] + junk + content[cut + len(junk) :] if cut % 2 else content[:cut])
    loaded = load_baseline(path, GRID, MODEL)
    damaged = not path.exists() or path.read_bytes() != content
    assert loaded.day.frames == (0 if damaged else 1234)
    assert loaded.day.count.any() == bool(loaded.day.frames)


def test_a_picture_of_another_shape_for_a_while_costs_nothing_that_was_learned(tmp_path: Path) -> None:
    """X.10: a camera that shows a placard of another shape and comes back goes on with what it knew, killed or not."""
    kept, other = tmp_path / "front.learned", (GRID[0] + 1, GRID[1])
    save_baseline(_filled(np.random.default_rng(0)), kept, MODEL)
    frames = load_baseline(kept, GRID, MODEL).day.frames
    for _ in range(3):
        assert load_baseline(kept, other, MODEL).day.frames == 0
        save_baseline(Baseline(other), kept, MODEL)
        assert load_baseline(kept, GRID, MODEL).day.frames == frames > 0
    assert load_baseline(kept, GRID, "anomaly 9").day.frames == 0
    save_baseline(Baseline(GRID), kept, "anomaly 9")
    assert load_baseline(kept, GRID, MODEL).day.frames == frames, "an update was taken back"
    assert load_baseline(kept, GRID, MODEL).day.frames == frames, "it is in its place again"
    assert len(list(tmp_path.iterdir())) == 2
    assert load_baseline(kept, other, MODEL).day.frames == 0
    forget_aside(kept)
    assert load_baseline(kept, GRID, MODEL).day.frames == 0, "what was forgotten by hand does not come back"


@pytest.mark.parametrize("killed_after", range(4))
def test_an_exchange_that_was_killed_between_two_renames_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    kept, other = tmp_path / "front.learned", (GRID[0] + 1, GRID[1])
    save_baseline(_filled(np.random.default_rng(0)), kept, MODEL)
    load_baseline(kept, other, MODEL)
    if killed_after:
        save_baseline(_of(other, 77), kept, MODEL)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", _killing(killed_after))
            with contextlib.suppress(KilledError):
                load_baseline(kept, GRID, MODEL)
    assert load_baseline(kept, GRID, MODEL).day.frames == 1234
    assert load_baseline(kept, GRID, MODEL).day.frames == 1234, "and again"
    if killed_after:
        assert load_baseline(kept, other, MODEL).day.frames == 77, "nor is the other one lost"
    assert len(list(tmp_path.iterdir())) <= 2


def test_what_was_forgotten_by_hand_in_the_midst_of_an_exchange_does_not_come_back(tmp_path: Path) -> None:
    kept = tmp_path / "front.learned"
    save_baseline(_filled(np.random.default_rng(0)), kept, MODEL)
    kept.rename(kept.with_name("front.learned.exchanged"))
    forget_aside(kept)
    assert load_baseline(kept, GRID, MODEL).day.frames == 0


class KilledError(BaseException):
    """The process went."""


def _killing(after: int) -> Callable[[Path, Path], Path]:
    """`Path.replace`, by which the process is killed after so many."""
    left, replace = [after], Path.replace

    def killed(path: Path, target: Path) -> Path:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return replace(path, target)

    return killed


def _of(grid: tuple[int, int], frames: int) -> Baseline:
    baseline = Baseline(grid)
    baseline.day.frames = frames
    return baseline
