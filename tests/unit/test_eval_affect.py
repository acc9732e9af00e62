"""The evaluation of emotion runs on whatever people and films it finds, and says in words what it does not find."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.training.emotion_data import NoRecordingsError, read_stress
from cloud.training.learn_voices import main as learn_voices
from cloud.training.voices_covariance import learn_departure
from cloud.training.voices_data import asked, consensus, crowd_of, evenly, heard, viewings
from cloud.training.voices_departure import UNKNOWN, values
from cloud.training.voices_recipe import read_recipe
from tests.eval.affect import __main__ as entry
from tests.eval.affect.viewings import stage
from tests.support.body_recordings import FILMS, write_case, write_stress

LEARNED = "body,stress,labels,probing"
WANTED = ("quadrant_f1_first", "quadrant_f1_k0", "quadrant_f1_probes2", "quadrant_f1_probes2_consensus")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people with odd numbers, three films with odd numbers."""
    folder = tmp_path_factory.mktemp("recordings")
    write_case(folder, [4, 77, 901])
    write_stress(folder, [12, 13, 500])
    return folder


def run(monkeypatch: pytest.MonkeyPatch, data: Path, **environment: str) -> int:
    for name in ("TRAIN_DATA", "ONLY", "JSON", "SEED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AFFERENT_DATA", str(data))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return entry.main()


def test_every_table_of_made_up_people(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures are numbers between 0 and 1 and are written as JSON; the leak is called one."""
    written = tmp_path / "figures.json"
    assert run(monkeypatch, recordings, ONLY=LEARNED, JSON=str(written)) == 0
    figures = json.loads(written.read_text(encoding="utf-8"))
    assert {*WANTED, "probing_f1_k4", "stress_f1", "quadrant_f1_body", "quadrant_ece"} <= figures.keys()
    assert all(0 <= one["value"] <= 1 for one in figures.values())
    printed = capsys.readouterr().out
    for words in ("LEAK", "hold the last label", "consensus of other viewers", "majority", "time only", "Reliability"):
        assert words in printed


def test_learned_from_one_folder_and_judged_on_another(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others with the same numbers are other people all the same."""
    write_case(tmp_path, [4, 77], seed=5)
    assert run(monkeypatch, tmp_path, TRAIN_DATA=str(recordings), ONLY="labels,probing") == 0
    assert "Labels, 2 people" in capsys.readouterr().out


def test_nobody_teaches_who_is_judged(recordings: Path, tmp_path: Path) -> None:
    write_case(tmp_path, [4, 77], seed=5)
    told = stage(tmp_path, recordings)
    judged = {int(one) for one in told.views.person[told.judged]}
    for folds in told.folds.values():
        tested = np.concatenate([test for _, test in folds])
        assert sorted(tested) == np.nonzero(told.judged)[0].tolist()
        assert all(judged.isdisjoint(told.views.person[train].tolist()) for train, _ in folds)
    for train, test in told.strict:
        assert set(told.views.video[train]).isdisjoint(set(told.views.video[test]))


def test_the_strict_folds_know_neither_person_nor_film(recordings: Path) -> None:
    told = stage(recordings)
    tested = np.concatenate([test for _, test in told.strict])
    assert sorted(tested) == list(range(len(told.views.truth)))
    for train, test in told.strict:
        assert set(told.views.video[train]).isdisjoint(set(told.views.video[test]))
        assert set(told.views.person[train]).isdisjoint(set(told.views.person[test]))


def test_what_is_missing_is_said_and_fails_only_if_nothing_is_left(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stress(tmp_path, [1, 2, 3])
    assert run(monkeypatch, tmp_path, ONLY="stress,labels") == 0
    assert "labels is left out" in capsys.readouterr().err
    assert run(monkeypatch, tmp_path / "nowhere", ONLY="body,labels") == 1
    assert "could be evaluated" in capsys.readouterr().err
    assert run(monkeypatch, recordings, ONLY="horoscope") == 1
    assert "horoscope" in capsys.readouterr().err


def test_signals_are_compared_on_whatever_recordings_of_skin_or_pulse_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without any pulse the skin is still compared; a file that is none is named."""
    write_stress(tmp_path, [1], minutes=1)
    written = tmp_path / "figures.json"
    assert run(monkeypatch, tmp_path, ONLY="signals", JSON=str(written)) == 0
    assert list(json.loads(written.read_text(encoding="utf-8"))) == ["scr_f1_vs_neurokit"]
    (tmp_path / "body/stress_predict/eda_temp_acc_4hz.parquet").write_bytes(b"PAR1")
    assert run(monkeypatch, tmp_path, ONLY="signals") == 1
    assert "signals is left out" in (said := capsys.readouterr().err)
    assert "eda_temp_acc_4hz.parquet: not a table with eda_us" in said
    assert run(monkeypatch, tmp_path / "nowhere", ONLY="signals") == 1
    assert "none of stress_predict/eda_temp" in capsys.readouterr().err


def test_people_need_numbers_and_columns_that_nobody_reads_may_hold_words(tmp_path: Path) -> None:
    write_stress(tmp_path, [1, 2, 3], minutes=1)
    path = tmp_path / "body/stress_predict/hr_1hz.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.append_column("note", pa.array(["sat still"] * len(rows))), path)
    assert len(np.unique(read_stress(tmp_path).person)) == 3
    named = pa.array([f"S{one}" for one in rows["subject"].to_pylist()])
    pq.write_table(rows.set_column(rows.column_names.index("subject"), "subject", named), path)
    with pytest.raises(NoRecordingsError, match=r"hr_1hz.parquet: .*S1"):
        read_stress(tmp_path)


def test_labels_are_known_from_their_own_segment_on_and_never_before(recordings: Path) -> None:
    views = viewings(stage(recordings).case)
    two = asked(views, evenly(2))
    rows = views.rows[0]
    third = len(rows) // 3
    assert np.nonzero(two.labelled[rows])[0].tolist() == [0, third, 2 * len(rows) // 3]
    assert two.known[rows[third - 1]].tolist()[:2] == [rows[0], -1]
    assert two.known[rows[third]].tolist()[:3] == [rows[third], rows[0], -1]
    said = heard(views, np.full((len(views.truth), 4), 0.25), two, None)
    assert said.ages_s[rows[third + 2]].tolist()[:3] == [10, 5.0 * (third + 2), -1]


def test_the_consensus_is_of_others(recordings: Path) -> None:
    views = viewings(stage(recordings).case)
    alone = consensus(views, np.array([4]))
    assert not alone[views.person == 4].any()
    assert alone[views.person == 77].any()
    shares = consensus(views, np.unique(views.person))
    assert shares.sum(1) == pytest.approx(1)
    assert {int(film) for film in views.video} == set(FILMS)


def test_what_others_felt_is_without_the_viewer(recordings: Path) -> None:
    views = viewings(stage(recordings).case)
    alone = crowd_of(views, np.array([4])).values
    assert (alone[views.person == 4] == UNKNOWN).all()
    row = np.nonzero(views.person == 77)[0][5]
    same = (views.video == views.video[row]) & (views.place == views.place[row])
    assert alone[row] == pytest.approx(values(views.point)[same & (views.person == 4)][0])
    others = crowd_of(views, np.unique(views.person)).values
    assert others[row] == pytest.approx(values(views.point)[same & (views.person != 77)].mean(0))


def test_how_people_depart_is_learned_of_the_rows_that_teach_alone(recordings: Path) -> None:
    """Whatever the others felt: the tables are the same; and nothing is learned of one person alone."""
    views = viewings(stage(recordings).case)
    train = np.nonzero((views.person != 77) & (views.video != FILMS[0]))[0]
    left = np.ones(len(views.truth), bool)
    left[train] = False
    point = np.where(left[:, None], -views.point, views.point)
    found = learn_departure(views, train)
    assert found == learn_departure(views._replace(point=point), train)
    table = np.array(found.covariance)
    assert table.shape[0] == 2
    assert table == pytest.approx(table.transpose(0, 2, 1), abs=1e-5)
    assert not learn_departure(views, np.nonzero(views.person == 77)[0]).covariance[0]


def test_the_same_recordings_and_seed_give_the_same_recipe(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = [tmp_path / name for name in ("one.json", "two.json")]
    for path in written:
        assert learn_voices(["--data", str(recordings), "--out", str(path), "--seed", "3"]) == 0
    assert written[0].read_bytes() == written[1].read_bytes()
    assert read_recipe(written[0]).metrics["people"] == 3
    assert learn_voices(["--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "no.json")]) == 1
    assert "there is no" in capsys.readouterr().err
