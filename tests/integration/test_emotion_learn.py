"""The committed numbers of the emotion model come from the recordings, and from nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cloud.training.emotion_data import (
    CaseRows,
    NoRecordingsError,
    StressRows,
    enough,
    read_case,
    read_stress,
    strangers,
)
from cloud.training.emotion_metrics import body_scores, stress_scores, sureness_scores, unseen_twice
from cloud.training.emotion_recipe import Recipe, encode_recipe, read_recipe
from cloud.training.learn_emotion import main, recipe_of

WEIGHT_TOLERANCE = 2e-3
FIGURE_TOLERANCE = 0.006
"""Another BLAS ends the same descent a little elsewhere."""
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def rows(data_dir: Path) -> tuple[CaseRows, StressRows]:
    return read_case(data_dir), read_stress(data_dir)


@pytest.mark.timeout(300)
def test_learning_again_gives_the_committed_recipe(rows: tuple[CaseRows, StressRows]) -> None:
    """Weights, temperature, prototypes and the figures that issue 4 asks for are found again."""
    (case, stress), committed = rows, read_recipe()
    twice = unseen_twice(case)
    figures = {
        **body_scores(twice, case.quadrant, "unseen_person_and_video"),
        **sureness_scores(case, twice),
        **stress_scores(stress),
    }
    found = recipe_of(case, stress, twice, figures)
    for name in ("weights", "bias", "scale_weights", "scale_bias", "stress_weights", "clarity", "confidence"):
        assert _numbers(found, name) == pytest.approx(_numbers(committed, name), abs=WEIGHT_TOLERANCE), name
    assert _numbers(found, "prototypes") == pytest.approx(_numbers(committed, "prototypes"), abs=0.02)
    assert found.usual_leads == pytest.approx(committed.usual_leads, rel=0.05)
    assert (found.clusters, found.data) == (committed.clusters, committed.data)
    assert found.temperature == pytest.approx(committed.temperature, rel=0.07)
    quoted = {name: committed.metrics[name] for name in found.metrics}
    assert found.metrics == pytest.approx(quoted, abs=FIGURE_TOLERANCE)
    assert encode_recipe(found).endswith(b"}\n")


def test_figures_are_those_asked_for() -> None:
    """stress_f1, quadrant_f1_body, valence_f1_body, arousal_f1_body, quadrant_ece, quadrant_f1_at_half_coverage."""
    metrics = read_recipe().metrics
    assert metrics["stress_macro_f1"] >= 0.69
    assert metrics["unseen_person_and_video_macro_f1"] >= 0.37
    assert metrics["unseen_person_and_video_valence_f1"] >= 0.56
    assert metrics["unseen_person_and_video_arousal_f1"] >= 0.63
    assert metrics["calibration_error"] <= 0.05
    assert metrics["half_coverage_macro_f1"] > metrics["unseen_person_and_video_macro_f1"] + 0.08


def test_who_people_are_does_not_matter(rows: tuple[CaseRows, StressRows]) -> None:
    """Other numbers, and fewer people: nothing is keyed to a subject; who is judged does not teach."""
    case, _ = rows
    few = case.at(np.nonzero(np.isin(case.person, np.unique(case.person)[:3]))[0])
    renamed = few._replace(person=few.person * 7 + 400)
    assert unseen_twice(few).quadrant == pytest.approx(unseen_twice(renamed).quadrant, abs=1e-6)
    left = strangers(case, renamed)
    assert len(np.unique(left.person)) == len(np.unique(case.person)) - 3
    with pytest.raises(NoRecordingsError, match="everybody"):
        strangers(few, renamed)
    with pytest.raises(NoRecordingsError, match=r"too few people .*: 2, where 3 or more"):
        enough(few.at(np.nonzero(few.person != few.person[0])[0]))


def test_a_missing_table_is_named(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "recipe.json")]) == 1
    assert "there is no sparse_physio*.parquet" in capsys.readouterr().err
    assert not (tmp_path / "recipe.json").exists()
    (tmp_path / "body" / "case").mkdir(parents=True)
    for name in ("sparse_physio_of_some.parquet", "annotations_4hz.parquet"):
        shutil.copy(data_dir / "body" / "stress_predict" / "hr_1hz.parquet", tmp_path / "body" / "case" / name)
    with pytest.raises(NoRecordingsError, match="without gsr_us, skt_c"):
        read_case(tmp_path)


def _numbers(recipe: Recipe, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(getattr(recipe, name), np.float64)
