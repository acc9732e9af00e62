""" "That was normal": an alarm is learned, its like does not alarm again, and that can be taken back."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.vision.unusual.evidence import Evidence
from edge.vision.unusual.reading import Reading
from edge.vision.unusual.settings import UnusualSettings
from tests.support.watched_scene import RUNNER, WALKERS, Walker, Watched, alarms

ELSEWHERE = Walker(0, 88, 70.0)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("learned") / "vision-front.learned"
    place = Watched(path)
    place.watch(60, *WALKERS)
    place.unusual.save()
    return path


@pytest.fixture
def place(tmp_path: Path, learned: Path) -> Watched:
    return Watched(Path(shutil.copy(learned, tmp_path / "vision-front.learned")))


def _alarm(place: Watched, event_id: str, runner: Walker = RUNNER) -> None:
    """The runner comes by, and the service tells of the event that it made of it."""
    place.watch(1, *WALKERS)
    finding = alarms(place.watch(3, *WALKERS, runner))[-1]
    place.unusual.note(place.event(finding, event_id))
    place.watch(2, *WALKERS)
    place.unusual.note(place.event(finding, event_id, "close"))


def _state(place: Watched) -> dict[str, np.ndarray]:
    baseline = place.unusual._detector.baseline
    sets = {"day": baseline.day, "hour": baseline.hours[12]}
    return {f"{of} {name}": array.copy() for of, cells in sets.items() for name, array in cells.tensors().items()}


def test_what_was_called_normal_does_not_alarm_again_and_the_rest_still_does(place: Watched) -> None:
    _alarm(place, "evt-1")
    assert place.unusual.teach_normal("evt-1")
    assert not alarms(place.watch(3, *WALKERS, RUNNER))
    assert not alarms(place.watch(3, *WALKERS, Walker(0, 44, 66.0)))
    assert alarms(place.watch(3, *WALKERS, ELSEWHERE))


def test_it_is_not_forgotten_with_the_minutes_nor_by_a_restart(place: Watched) -> None:
    _alarm(place, "evt-1")
    place.unusual.teach_normal("evt-1")
    place.restarted()
    place.watch(30, *WALKERS)
    assert not alarms(place.watch(3, *WALKERS, RUNNER))


def test_said_twice_is_said_once(place: Watched) -> None:
    _alarm(place, "evt-1")
    assert place.unusual.teach_normal("evt-1")
    once, threshold = _state(place), place.unusual.view().threshold_raw
    assert place.unusual.teach_normal("evt-1")
    for name, array in _state(place).items():
        np.testing.assert_array_equal(array, once[name], err_msg=name)
    assert place.unusual.view().threshold_raw == threshold


def test_taken_back_it_alarms_again(place: Watched) -> None:
    _alarm(place, "evt-1")
    before = _state(place)
    assert place.unusual.teach_normal("evt-1")
    assert place.unusual.teach_unusual("evt-1")
    for name, array in _state(place).items():
        np.testing.assert_allclose(array, before[name], rtol=1e-3, atol=0.05, err_msg=name)
    assert alarms(place.watch(3, *WALKERS, RUNNER))
    assert place.unusual.teach_normal("evt-1")
    assert not alarms(place.watch(3, *WALKERS, RUNNER))


def test_rightly_an_alarm_changes_nothing(place: Watched) -> None:
    _alarm(place, "evt-1")
    before = _state(place)
    assert place.unusual.teach_unusual("evt-1")
    for name, array in _state(place).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_of_an_event_that_nobody_knows_nothing_is_learned(place: Watched) -> None:
    before = _state(place)
    assert not place.unusual.teach_normal("evt-9")
    assert not place.unusual.teach_unusual("evt-9")
    for name, array in _state(place).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_it_can_be_said_while_the_alarm_goes_on_and_for_what_still_comes_of_it(place: Watched) -> None:
    """Two runners are one event: somebody speaks while the first runs; the second is learned when the event closes."""
    place.watch(1, *WALKERS)
    finding = alarms(place.watch(1, *WALKERS, RUNNER))[-1]
    place.unusual.note(place.event(finding, "evt-1"))
    assert place.unusual.teach_normal("evt-1")
    second = alarms(place.watch(3, *WALKERS, ELSEWHERE))
    assert second
    place.unusual.note(place.event(finding, "evt-1", "close"))
    place.watch(1, *WALKERS)
    assert [alarm.verdict for alarm in place.unusual._evidence.of("evt-1")] == ["normal", "normal"]
    assert not alarms(place.watch(3, *WALKERS, ELSEWHERE))


def test_each_alarm_is_known_by_its_own_event(place: Watched) -> None:
    _alarm(place, "evt-1")
    _alarm(place, "evt-2", ELSEWHERE)
    place.unusual.teach_normal("evt-2")
    assert not alarms(place.watch(3, *WALKERS, ELSEWHERE))
    assert alarms(place.watch(3, *WALKERS, RUNNER))


def test_evidence_survives_a_restart(place: Watched) -> None:
    _alarm(place, "evt-1")
    place.unusual.save()
    place.restarted()
    assert place.unusual.teach_normal("evt-1")
    assert not alarms(place.watch(3, *WALKERS, RUNNER))


def test_after_a_reset_an_old_alarm_can_still_be_called_normal(place: Watched) -> None:
    _alarm(place, "evt-1")
    place.unusual.teach_normal("evt-1")
    place.unusual.forget()
    assert not place.unusual._detector.baseline.day.count.any()
    assert place.unusual.teach_normal("evt-1")
    assert place.unusual._detector.baseline.day.count.any()


def test_only_the_last_alarms_are_kept_and_their_size_is_bounded(place: Watched, learned: Path) -> None:
    few = Watched(place.kept, settings=UnusualSettings(alarms_kept=2))
    for number in range(4):
        _alarm(few, f"evt-{number}")
    assert [few.unusual.teach_unusual(f"evt-{number}") for number in range(4)] == [False, False, True, True]
    few.unusual.save()
    assert few.kept.with_name(few.kept.name + ".alarms").stat().st_size < 2 * 20_000


def test_what_never_became_an_alarm_leaves_no_evidence() -> None:
    evidence = Evidence((2, 2), 4)
    over = Reading(5.0, 4.0, over=True, complete=True, progress=1.0)
    features, heat = np.ones((2, 2, 2), np.float32), np.full((2, 2), 9, np.float32)
    for _ in range(3):
        evidence.step(over, None, features, heat, 0)
        evidence.end()
    assert not evidence.alarms
